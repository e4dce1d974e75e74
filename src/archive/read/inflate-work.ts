/** The work of a task thread on one archive: inflates stored bytes from a shared slot, checks them, and writes files. */
import type { Failure } from '../../base/failure.ts';
import { printable } from '../../base/files/paths.ts';
import type { IndexedEntry, Segment } from '../index/format.ts';
import { HeaderEncoder, headerLength } from '../tar/header.ts';
import { Control, Slots } from '../threads/control.ts';
import { SegmentInflater, segmentDamaged } from '../gzip/inflate.ts';
import { PartWriter } from './part-writer.ts';
import type { TaskWork } from '../threads/serve-tasks.ts';
import type { InflateResult, InflateTask, InflateWorkData } from './messages.ts';

/** The longest header: two names of 8 KiB, 64 KiB of attributes (ACLs as text) in pax records, and two blocks. */
const MAX_HEADER = 256 * 1024;

/** Begins the work on one archive. */
export function inflateWork(data: InflateWorkData): TaskWork {
  const control = new Control(data.control);
  const slots = new Slots(data.slots.count, data.slots.length, data.slots.memory);
  const inflater = new SegmentInflater();
  const encoder = new HeaderEncoder();
  const header = Buffer.alloc(MAX_HEADER);
  const writer = data.unpack && PartWriter.open(data.unpack, control);
  return {
    control,
    doing: 'Cannot read a segment of the archive',
    run: ({ slot, task }: { slot: number; task: InflateTask }) => run(task, slots.view(slot, task.segment.length)),
    end: () => writer?.close(),
  };

  function run({ segment, entries, parts }: InflateTask, stored: Buffer): InflateResult {
    const raw = inflater.inflate(stored, segment);
    checkHeaders(raw, segment, entries, encoder, header);
    const warnings = writer?.write(raw, parts) ?? [];
    const lost = writer?.takeLost() ?? [];
    const written = writer?.takeWritten() ?? 0;
    return lost.length === 0 && written === 0 ? { warnings } : { warnings, lost, written };
  }
}

/**
 * Encodes each entry's header again and compares it with the tar's bytes, so that unpacking by the index and with any
 * other tar give the same.
 *
 * @throws Failure `archive_damaged` on the first difference.
 */
function checkHeaders(
  raw: Uint8Array,
  segment: Segment,
  entries: readonly IndexedEntry[],
  encoder: HeaderEncoder,
  header: Buffer,
): void {
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
