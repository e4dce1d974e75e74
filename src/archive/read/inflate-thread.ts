/** A thread that takes a segment's stored bytes from a shared slot, inflates and checks them, and writes files. */
import { parentPort, workerData } from 'node:worker_threads';
import type { Failure } from '../../base/failure.ts';
import { printable } from '../../base/files/paths.ts';
import type { IndexedEntry, Segment } from '../index/format.ts';
import { HeaderEncoder, headerLength } from '../tar/header.ts';
import { Control, Slots } from '../threads/control.ts';
import { SegmentInflater, segmentDamaged } from '../gzip/inflate.ts';
import { PartWriter } from './part-writer.ts';
import { serveTasks } from '../threads/serve-tasks.ts';
import type { InflateResult, InflateTask, InflateThreadData } from './messages.ts';

/** The longest header: two names of 8 KiB, 64 KiB of attributes (ACLs as text) in pax records, and two blocks. */
const MAX_HEADER = 256 * 1024;

const port = parentPort;
if (port === null) throw new Error('an inflating thread is started by the read thread only');
const data = workerData as InflateThreadData;
const control = new Control(data.control);
const slots = new Slots(data.slots.count, data.slots.length, data.slots.memory);
const inflater = new SegmentInflater();
const encoder = new HeaderEncoder();
const header = Buffer.alloc(MAX_HEADER);
const writer = data.unpack && PartWriter.open(data.unpack, control);

serveTasks(port, {
  control,
  doing: 'Cannot read a segment of the archive',
  run: ({ slot, task }: { slot: number; task: InflateTask }) => run(task, slots.view(slot, task.segment.length)),
  end: () => writer?.close(),
});

function run(task: InflateTask, stored: Buffer): InflateResult {
  const raw = inflater.inflate(stored, task.segment);
  checkHeaders(raw, task.segment, task.entries);
  const warnings = writer?.write(raw, task.parts) ?? [];
  const lost = writer?.takeLost() ?? [];
  const written = writer?.takeWritten() ?? 0;
  return lost.length === 0 && written === 0 ? { warnings } : { warnings, lost, written };
}

/**
 * Encodes each entry's header again and compares it with the tar's bytes, so that unpacking by the index and with any
 * other tar give the same.
 *
 * @throws Failure `archive_damaged` on the first difference.
 */
function checkHeaders(raw: Uint8Array, segment: Segment, entries: readonly IndexedEntry[]): void {
  for (const entry of entries) {
    // Entries that are only in the index (index-only.ts) have no header in the tar.
    if (entry.headerLength === 0 && entry.kind !== 'file') continue;
    const at = entry.tarOffset - segment.rawOffset;
    const length = headerLength(entry);
    if (length !== entry.headerLength || length > MAX_HEADER || at + length > raw.length)
      throw disagree(segment, entry);
    encoder.encode(entry, header, 0);
    const stored = raw.subarray(at, at + length);
    if (header.compare(stored, 0, length, 0, length) !== 0) throw disagree(segment, entry);
  }
}

function disagree(segment: Segment, entry: IndexedEntry): Failure {
  return segmentDamaged(segment, `its index and its tar header disagree about "${printable(entry.path)}"`);
}
