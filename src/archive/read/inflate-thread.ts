/** An inflating thread: takes a segment's stored bytes from a shared slot, inflates and checks them, and unpacks. */
import { parentPort, workerData } from 'node:worker_threads';
import { SegmentChecker } from './check-segment.ts';
import { Control, Slots } from '../threads/control.ts';
import { SegmentInflater } from '../gzip/inflate.ts';
import { PartWriter } from './part-writer.ts';
import { serveTasks } from '../threads/serve-tasks.ts';
import type { InflateResult, InflateTask, InflateThreadData } from './messages.ts';

const port = parentPort;
if (port === null) throw new Error('an inflating thread is started by the read thread only');
const data = workerData as InflateThreadData;
const control = new Control(data.control);
const slots = new Slots(data.slots.count, data.slots.length, data.slots.memory);
const inflater = new SegmentInflater();
const checker = new SegmentChecker();
const writer = data.unpack && PartWriter.open(data.unpack, control);

serveTasks(port, {
  control,
  doing: 'Cannot read a segment of the archive',
  run: ({ slot, task }: { slot: number; task: InflateTask }) => run(task, slots.view(slot, task.segment.length)),
  end: () => writer?.close(),
});

function run(task: InflateTask, stored: Buffer): InflateResult {
  const raw = inflater.inflate(stored, task.segment);
  checker.check(raw, task.segment, task.entries);
  return { warnings: writer?.write(raw, task.parts) ?? [] };
}
