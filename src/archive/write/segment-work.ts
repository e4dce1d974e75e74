/**
 * The work of a task thread on one archive: reads one unit at a time with synchronous calls, deflates and checksums it,
 * and leaves the result in the shared slot that came with the task. The order of segments is the pipeline's.
 */
import fs from 'node:fs';
import { crc32 } from 'node:zlib';
import { systemClock } from '../../base/clock.ts';
import { attempt, errnoOf } from '../../base/failure.ts';
import { readExtents } from '../../base/files/part-reads.ts';
import type { SameBytes } from '../../base/source.ts';
import { Control, Slots } from '../threads/control.ts';
import { RAW_CAPACITY } from './cut.ts';
import type { DeflateEngine } from '../gzip/deflate.ts';
import { makeEngine } from '../gzip/engine.ts';
import { decodeEntries } from './packed-entries.ts';
import { PackReader } from './pack-reader.ts';
import { pieceRuns } from './runs.ts';
import { findSameBytes } from './same-bytes.ts';
import type { TaskWork } from '../threads/serve-tasks.ts';
import type {
  CompareTask,
  CopyTask,
  NearStretch,
  PackTask,
  PieceTask,
  SegmentResult,
  SegmentTask,
  StoredCheck,
  StoredStretch,
  WriteThreadData,
} from './messages.ts';

export type SegmentWorkData = Pick<WriteThreadData, 'root' | 'level' | 'engine' | 'shares' | 'control' | 'slots'>;

/** Of one unit; stays with the thread, and holds zeros between archives. */
let raw: Buffer | undefined;
/** Stored bytes of an older archive, of the most that were compared so far; as `raw`. */
let older: Buffer | undefined;

/** Begins the work on one archive. */
export function segmentWork(data: SegmentWorkData): TaskWork {
  const control = new Control(data.control);
  const slots = new Slots(data.slots.count, data.slots.length, data.slots.memory);
  const reader = PackReader.open(data.root, systemClock, control.checkStop, data.shares);
  const memory = (raw ??= Buffer.from(new ArrayBuffer(RAW_CAPACITY)));
  const segments = new Segments(makeEngine(data.engine, data.level), reader, memory, data.shares);
  return {
    control,
    doing: 'Cannot make a segment of the archive',
    run: ({ slot, task }: { slot: number; task: SegmentTask }) => segments.make(task, slots.view(slot)),
    end() {
      memory.fill(0);
      older?.fill(0);
      reader.close();
    },
  };
}

class Segments {
  readonly #engine: DeflateEngine;
  readonly #reader: PackReader;
  readonly #raw: Buffer;
  readonly #shares: boolean;

  constructor(engine: DeflateEngine, reader: PackReader, raw: Buffer, shares: boolean) {
    this.#engine = engine;
    this.#reader = reader;
    this.#raw = raw;
    this.#shares = shares;
  }

  make(task: SegmentTask, output: Buffer): SegmentResult {
    if (task.kind === 'pack') return this.#pack(task, output);
    if (task.kind === 'piece') return this.#piece(task, output);
    return task.kind === 'copy' ? this.#copy(task, output) : compare(task, output);
  }

  #pack(task: PackTask, output: Buffer): SegmentResult {
    const { length, runs, ...content } = this.#reader.read(decodeEntries(task.entries), this.#raw);
    return { ...content, ...this.#seal(this.#raw.subarray(0, length), output, runs, task.near) };
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
    const runs = this.#shares ? pieceRuns(task.length) : [];
    const sealed = this.#seal(this.#raw.subarray(0, task.length), output, runs, task.near);
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

  /** @param ends where runs of deflate end before the last one; none for one run over all. */
  #seal(input: Buffer, output: Buffer, ends: readonly number[], near: NearStretch | undefined) {
    const { storedLength, starts } = this.#deflate(input, output, ends);
    const stored = output.subarray(0, storedLength);
    const same = near === undefined ? undefined : sameAs(near, stored, starts);
    return {
      rawLength: input.length,
      storedLength,
      crcRaw: this.#engine.crc32(input),
      crcStored: this.#engine.crc32(stored),
      ...(same === undefined ? {} : { same }),
    };
  }

  #deflate(input: Buffer, output: Buffer, ends: readonly number[]) {
    const starts: number[] = [];
    let storedLength = 0;
    let from = 0;
    for (const end of [...ends, input.length]) {
      if (end === from) continue;
      starts.push(storedLength);
      storedLength += this.#engine.deflate(input.subarray(from, end), output.subarray(storedLength));
      from = end;
    }
    return { storedLength, starts };
  }

  /** Copies stored bytes from an older archive, and checks them against their checksum. */
  #copy(task: CopyTask, output: Buffer): SegmentResult {
    const none = { rawLength: 0, storedLength: task.length, crcRaw: 0, changes: [], warnings: [], asPlanned: true };
    const stored = readStretch(task, output.subarray(0, task.length));
    if (stored === undefined) return { ...none, crcStored: 0, damaged: true };
    const crcStored = this.#engine.crc32(stored);
    if (crcStored !== task.crcStored) return { ...none, crcStored, damaged: true };
    return { ...none, crcStored, same: [{ start: 0, length: task.length, base: task.offset }] };
  }
}

/** The slot's bytes, compared as a whole with a stretch that should be equal. */
function compare({ length, near }: CompareTask, output: Buffer): SegmentResult {
  const same = sameAs(near, output.subarray(0, length), []);
  return {
    rawLength: 0,
    storedLength: length,
    crcRaw: 0,
    crcStored: 0,
    changes: [],
    warnings: [],
    asPlanned: true,
    ...(same === undefined ? {} : { same }),
  };
}

/**
 * Stored bytes that the older archive has too. Without them everything is stored again, so no error counts.
 *
 * Damaged bytes are compared with nothing, not even where they are equal: when they are made again, or are taken from a copy,
 * every archive that has the range reads what it was at first.
 */
function sameAs(near: NearStretch, stored: Buffer, starts: readonly number[]): SameBytes[] | undefined {
  // Zeroed pages for each unit took longer than the comparison.
  if (older === undefined || older.length < near.length) older = Buffer.from(new ArrayBuffer(near.length));
  const found = readStretch(near, older.subarray(0, near.length));
  return found && isAsStored(found, near.checks) ? findSameBytes(stored, found, near.offset, starts) : undefined;
}

function isAsStored(bytes: Buffer, checks: readonly StoredCheck[]): boolean {
  let at = 0;
  for (const { length, crc } of checks) if (crc32(bytes.subarray(at, (at += length))) !== crc) return false;
  return true;
}

/** Fills memory with a stretch of an older archive; undefined when it cannot be read. */
function readStretch({ extents }: StoredStretch, into: Buffer): Buffer | undefined {
  return attempt(() => readExtents(extents, into));
}
