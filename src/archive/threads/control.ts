/**
 * Memory that the threads of one operation share: the stop flag, the rates, and slots for segments between deflating
 * and writing. Segments are neither copied nor allocated, so memory is bounded by the number of slots.
 */
import { MEBIBYTE } from '../../base/sizes.ts';
import { Failure } from '../../base/failure.ts';

const STOP = 0;
const READ_RATE = 1;
const WRITE_RATE = 2;

/** One operation's stop flag and rates, seen by all its threads. */
export class Control {
  readonly #stop: Int32Array;
  readonly #rates: Float64Array;
  readonly memory: SharedArrayBuffer;

  /** @param memory of another thread's Control; new memory without it. */
  constructor(memory = new SharedArrayBuffer(32)) {
    this.memory = memory;
    this.#stop = new Int32Array(memory, 0, 1);
    this.#rates = new Float64Array(memory);
  }

  stop(): void {
    Atomics.store(this.#stop, STOP, 1);
  }

  /** @throws Failure `cancelled` after `stop`; the side that stopped reports the true reason. */
  readonly checkStop = (): void => {
    if (Atomics.load(this.#stop, STOP) !== 0) throw new Failure('cancelled', 'Cannot go on: the operation was stopped');
  };

  /** MiB per second; 0 for none. */
  setRates(rates: { readonly read: number; readonly write: number }): void {
    this.#rates[READ_RATE] = rates.read;
    this.#rates[WRITE_RATE] = rates.write;
  }

  /** Bytes per second. */
  readonly readRate = (): number => (this.#rates[READ_RATE] ?? 0) * MEBIBYTE;
  readonly writeRate = (): number => (this.#rates[WRITE_RATE] ?? 0) * MEBIBYTE;
}

/** Equal parts of one shared buffer. */
export class Slots {
  readonly memory: SharedArrayBuffer;
  readonly length: number;
  readonly count: number;

  constructor(count: number, length: number, memory = new SharedArrayBuffer(count * length)) {
    this.memory = memory;
    this.count = count;
    this.length = length;
  }

  /** The bytes of one slot; a view, not a copy. */
  view(slot: number, length = this.length): Buffer {
    return Buffer.from(this.memory, slot * this.length, length);
  }
}

/** Hands out slots of shared memory; `acquire` waits until one is free, in order of the calls. */
export class FreeSlots {
  readonly #free: number[];
  readonly #waiting: ((slot: number) => void)[] = [];

  constructor(count: number) {
    this.#free = Array.from({ length: count }, (_, slot) => slot);
  }

  acquire(): Promise<number> {
    const slot = this.#free.pop();
    if (slot !== undefined) return Promise.resolve(slot);
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  release(slot: number): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#free.push(slot);
    else next(slot);
  }
}
