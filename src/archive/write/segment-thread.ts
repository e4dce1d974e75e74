/**
 * A segment thread: reads one unit at a time with synchronous calls, deflates and checksums it, and leaves the result in
 * the shared slot that came with the task. The order of segments is the pipeline's.
 */
import fs from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../../base/clock.ts';
import { errnoOf } from '../../base/failure.ts';
import { ownDirectory } from '../../base/files/thread-cwd.ts';
import { Control, Slots } from '../threads/control.ts';
import { RAW_CAPACITY } from './cut.ts';
import { makeEngine } from '../gzip/engine.ts';
import { decodeEntries } from './packed-entries.ts';
import { PackReader } from './pack-reader.ts';
import { serveTasks } from '../threads/serve-tasks.ts';
import type { CopyTask, PackTask, PieceTask, SegmentResult, SegmentTask, WriteThreadData } from './messages.ts';

export type SegmentThreadData = Pick<WriteThreadData, 'root' | 'level' | 'engine' | 'control' | 'slots'>;

const port = parentPort;
if (port === null) throw new Error('a segment thread is started by the write thread only');
const data = workerData as SegmentThreadData;
ownDirectory();
const control = new Control(data.control);
const slots = new Slots(data.slots.count, data.slots.length, data.slots.memory);
const engine = makeEngine(data.engine, data.level);
const reader = PackReader.open(data.root, systemClock, control.checkStop);
const raw = Buffer.from(new ArrayBuffer(RAW_CAPACITY));

serveTasks(port, {
  control,
  doing: 'Cannot make a segment of the archive',
  run: ({ slot, task }: { slot: number; task: SegmentTask }) => run(task, slots.view(slot)),
  end: () => reader.close(),
});

function run(task: SegmentTask, output: Buffer): SegmentResult {
  if (task.kind === 'pack') return pack(task, output);
  return task.kind === 'piece' ? piece(task, output) : copy(task, output);
}

function pack(task: PackTask, output: Buffer): SegmentResult {
  const { length, ...content } = reader.read(decodeEntries(task.entries), raw);
  return { ...content, ...seal(raw.subarray(0, length), output) };
}

function piece(task: PieceTask, output: Buffer): SegmentResult {
  let got = 0;
  let errno: string | undefined;
  try {
    while (got < task.content) {
      const count = fs.readSync(task.descriptor, raw, got, task.content - got, task.offset + got);
      if (count === 0) break;
      got += count;
    }
  } catch (error) {
    errno = errnoOf(error);
    if (errno === undefined) throw error;
  }
  raw.fill(0, got, task.length);
  const sealed = seal(raw.subarray(0, task.length), output);
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

function seal(input: Buffer, output: Buffer) {
  const storedLength = input.length === 0 ? 0 : engine.deflate(input, output);
  return {
    rawLength: input.length,
    storedLength,
    crcRaw: engine.crc32(input),
    crcStored: engine.crc32(output.subarray(0, storedLength)),
  };
}

/** Copies stored bytes from an older archive, and checks them against their checksum. */
function copy(task: CopyTask, output: Buffer): SegmentResult {
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
  const crcStored = engine.crc32(output.subarray(0, task.length));
  return crcStored === task.crcStored ? { ...none, crcStored } : { ...none, crcStored, damaged: true };
}
