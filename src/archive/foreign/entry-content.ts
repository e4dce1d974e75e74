/** The content of one tar entry: can be read once, and is skipped when it is not read. */
import { setImmediate } from 'node:timers/promises';
import { Failure } from '../../base/failure.ts';
import { paddingOf } from '../tar/header.ts';
import { ZEROS } from '../tar/zeros.ts';
import type { BlockReader } from './block-reader.ts';
import type { SparseMap } from './sparse-map.ts';

export class EntryContent {
  readonly #input: BlockReader;
  /** Stored bytes not read yet, without padding. */
  #left: number;
  readonly #padding: number;
  #isTaken = false;
  #isFinished = false;

  constructor(input: BlockReader, stored: number) {
    this.#input = input;
    this.#left = stored;
    this.#padding = paddingOf(stored);
  }

  /** The stored bytes, with a sparse file's holes filled in. Holes are `ZEROS` or views of it. */
  stream(map: SparseMap | undefined): AsyncIterable<Uint8Array> {
    if (this.#isTaken) throw new Failure('internal', 'Cannot read an entry: its content was taken already');
    this.#isTaken = true;
    return map === undefined ? this.#take(this.#left) : this.#expand(map);
  }

  /** Skips what was not read; the input then stands at the next header. */
  async finish(): Promise<void> {
    const left = this.#left + this.#padding;
    this.#isFinished = true;
    await this.#input.skip(left);
  }

  async *#take(length: number): AsyncGenerator<Uint8Array, void, void> {
    for (let left = length; left > 0;) {
      if (this.#isFinished) throw new Failure('internal', 'Cannot read an entry: the next one was asked for already');
      const chunk = await this.#input.some(left);
      left -= chunk.length;
      this.#left -= chunk.length;
      yield chunk;
    }
  }

  async *#expand(map: SparseMap): AsyncGenerator<Uint8Array, void, void> {
    let at = 0;
    for (const { offset, length } of map.runs) {
      yield* hole(offset - at);
      yield* this.#take(length);
      at = offset + length;
    }
    yield* hole(map.size - at);
  }
}

async function* hole(length: number): AsyncGenerator<Uint8Array, void, void> {
  for (let left = length, number = 1; left > 0; left -= ZEROS.length, number++) {
    yield left >= ZEROS.length ? ZEROS : ZEROS.subarray(0, left);
    // Producing zeros never waits: yield to the event loop, so that a hole of terabytes blocks neither others nor an
    // abort.
    if (number % 64 === 0) await setImmediate();
  }
}
