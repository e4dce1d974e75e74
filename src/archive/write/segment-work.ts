/**
 * The work of a task thread on one archive: reads one unit at a time with synchronous calls, deflates and checksums it,
 * and leaves the result in the shared slot that came with the task. The order of segments is the pipeline's.
 */
import fs from 'node:fs';
import { systemClock } from '../../base/clock.ts';
import { errnoOf } from '../../base/failure.ts';
import { Control, Slots } from '../threads/control.ts';
import { RAW_CAPACITY } from './cut.ts';
import type { DeflateEngine } from '../gzip/deflate.ts';
import { makeEngine } from '../gzip/engine.ts';
import { decodeEntries } from './packed-entries.ts';
import { PackReader } from './pack-reader.ts';
import type { TaskWork } from '../threads/serve-tasks.ts';
import type { CopyTask, PackTask, PieceTask, SegmentResult, SegmentTask, WriteThreadData } from './messages.ts';

export type SegmentWorkData = Pick<WriteThreadData, 'root' | 'level' | 'engine' | 'control' | 'slots'>;

/** Of one unit; stays with the thread, and holds zeros between archives. */
let raw: Buffer | undefined;

/** Begins the work on one archive. */
export function segmentWork(data: SegmentWorkData): TaskWork {
  const control = new Control(data.control);
  const slots = new Slots(data.slots.count, data.slots.length, data.slots.memory);
  const reader = PackReader.open(data.root, systemClock, control.checkStop);
  const memory = (raw ??= Buffer.from(new ArrayBuffer(RAW_CAPACITY)));
  const segments = new Segments(makeEngine(data.engine, data.level), reader, memory);
  return {
    control,
    doing: 'Cannot make a segment of the archive',
    run: ({ slot, task }: { slot: number; task: SegmentTask }) => segments.make(task, slots.view(slot)),
    end() {
      memory.fill(0);
      reader.close();
    },
  };
}

class Segments {
  readonly #engine: DeflateEngine;
  readonly #reader: PackReader;
  readonly #raw: Buffer;

  constructor(engine: DeflateEngine, reader: PackReader, raw: Buffer) {
    this.#engine = engine;
    this.#reader = reader;
    this.#raw = raw;
  }

  make(task: SegmentTask, output: Buffer): SegmentResult {
    if (task.kind === 'pack') return this.#pack(task, output);
    return task.kind === 'piece' ? this.#piece(task, output) : this.#copy(task, output);
  }

  #pack(task: PackTask, output: Buffer): SegmentResult {
    const { length, ...content } = this.#reader.read(decodeEntries(task.entries), this.#raw);
    return { ...content, ...this.#seal(this.#raw.subarray(0, length), output) };
  }

  #piece(task: PieceTask, output: Buffer): SegmentResult {
    let got = 0;
    let errno: string | undefined;
    try {
      while (got < task.content) {
        const count = fs.readSync(task.descriptor, this.#raw, got, task.content - got, task.offset + got);
        if (count === 0) break;
        got += count;
      }
    } catch (error) {
      errno = errnoOf(error);
      if (errno === undefined) throw error;
    }
    this.#raw.fill(0, got, task.length);
    const sealed = this.#seal(this.#raw.subarray(0, task.length), output);
    const asPlanned = got === task.content;
    return {
      ...sealed,
      changes: [],
      warnings: [],
      asPlanned,
      available: asPlanned ? undefined : task.offset + got,
      errno,
    };
  }

  #seal(input: Buffer, output: Buffer) {
    const storedLength = input.length === 0 ? 0 : this.#engine.deflate(input, output);
    return {
      rawLength: input.length,
      storedLength,
      crcRaw: this.#engine.crc32(input),
      crcStored: this.#engine.crc32(output.subarray(0, storedLength)),
    };
  }

  /** Copies stored bytes from an older archive, and checks them against their checksum. */
  #copy(task: CopyTask, output: Buffer): SegmentResult {
    const none = { rawLength: 0, storedLength: task.length, crcRaw: 0, changes: [], warnings: [], asPlanned: true };
    try {
      let got = 0;
      while (got < task.length) {
        const count = fs.readSync(task.descriptor, output, got, task.length - got, task.offset + got);
        if (count === 0) return { ...none, crcStored: 0, damaged: true };
        got += count;
      }
    } catch {
      return { ...none, crcStored: 0, damaged: true };
    }
    const crcStored = this.#engine.crc32(output.subarray(0, task.length));
    return crcStored === task.crcStored ? { ...none, crcStored } : { ...none, crcStored, damaged: true };
  }
}
