/**
 * Runs segments through the task threads, a bounded number at a time and in any order. After the first failure
 * nothing more is started, and `finish` rejects with it.
 */
import { type ByteSource, readInto } from '../../base/source.ts';
import { type Control, FreeSlots, type Slots } from '../threads/control.ts';
import { PartsReader } from '../../base/files/part-reads.ts';
import { readFully } from '../../base/files/file-source.ts';
import { MAX_STORED_SEGMENT, checkLengths } from '../gzip/inflate.ts';
import type { Segment } from '../index/format.ts';
import type { InflateResult, InflateTask, InflateWorkData, UnpackPolicy } from './messages.ts';
import type { TaskThreads } from '../threads/task-threads.ts';
import { ThreadPool } from '../threads/thread-pool.ts';

const SLOTS_A_WORKER = 3;

export interface InflatePipelineOptions {
  readonly archive: ByteSource;
  readonly threads: TaskThreads;
  readonly workers: number;
  readonly control: Control;
  readonly unpack?: UnpackPolicy;
  readonly onResult: (task: InflateTask, result: InflateResult) => void;
}

export class InflatePipeline {
  readonly #request: InflatePipelineOptions;
  readonly #slots: Slots;
  readonly #freeSlots: FreeSlots;
  readonly #pool: ThreadPool<{ slot: number; task: InflateTask }, InflateResult>;
  readonly #parts: PartsReader | undefined;
  readonly #underWay = new Set<Promise<void>>();
  #failure: unknown;

  constructor(request: InflatePipelineOptions) {
    this.#request = request;
    this.#parts = request.archive.parts && new PartsReader(request.archive.parts);
    const count = request.workers * SLOTS_A_WORKER;
    this.#slots = request.threads.takeSlots(count, MAX_STORED_SEGMENT);
    this.#freeSlots = new FreeSlots(count);
    const { memory, length } = this.#slots;
    const data: InflateWorkData = {
      control: request.control.memory,
      slots: { memory, count, length },
      unpack: request.unpack,
    };
    this.#pool = new ThreadPool(request.threads, request.workers, { begin: 'inflate', data });
  }

  /**
   * Reads a segment's stored bytes, passes them to `look` (which hashes them), and starts the task.
   *
   * @throws the first failure of any task so far.
   */
  async add(task: InflateTask, look?: (stored: Buffer) => void): Promise<void> {
    this.#check();
    checkLengths(task.segment);
    const slot = await this.#freeSlots.acquire();
    this.#check();
    const stored = await this.#load(slot, task.segment);
    look?.(stored);
    const running = this.#pool
      .run({ slot, task })
      .then((result) => {
        this.#request.onResult(task, result);
      })
      .catch((error: unknown) => {
        this.#failure ??= error;
      });
    this.#underWay.add(running);
    void running.finally(() => {
      this.#underWay.delete(running);
      this.#freeSlots.release(slot);
    });
  }

  async finish(): Promise<void> {
    await Promise.all(this.#underWay);
    this.#check();
  }

  async close(): Promise<void> {
    await this.#pool.close();
    this.#request.threads.giveSlots(this.#slots);
  }

  #check(): void {
    this.#request.control.checkStop();
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #load(slot: number, segment: Segment): Promise<Buffer> {
    const view = this.#slots.view(slot, segment.length);
    const { archive } = this.#request;
    if (archive.descriptor !== undefined) return readFully(archive.descriptor, segment.offset, view);
    if (this.#parts !== undefined) return this.#parts.read(segment.offset, view);
    await readInto(archive, segment.offset, view);
    return view;
  }
}
