/** Comparing what a segment holds with what the index says of it, tar headers included. */
import { Failure } from '../../base/failure.ts';
import { printable } from '../../base/paths.ts';
import { segmentDamaged } from '../gzip/inflate.ts';
import type { IndexedEntry, Segment } from '../index/format.ts';
import { HeaderEncoder, headerLength } from '../tar/header.ts';

/** The longest header: two names of 8 KiB in pax records, and two blocks. */
const MAX_HEADER = 64 * 1024;

export class SegmentChecker {
  readonly #encoder = new HeaderEncoder();
  readonly #header = Buffer.alloc(MAX_HEADER);

  /**
   * Encodes each entry's header again and compares it with the bytes in the tar stream: what unpacks by the index and
   * what any other tar unpacks are then the same.
   *
   * @throws Failure `archive_damaged` on the first difference.
   */
  check(raw: Uint8Array, segment: Segment, entries: readonly IndexedEntry[]): void {
    for (const entry of entries) {
      // Kept beside the tar (aside.ts): it has no header there.
      if (entry.headerLength === 0 && entry.kind !== 'file') continue;
      const at = entry.tarOffset - segment.rawOffset;
      const length = headerLength(entry);
      if (length !== entry.headerLength || length > MAX_HEADER || at + length > raw.length)
        throw disagree(segment, entry);
      this.#encoder.encode(entry, this.#header, 0);
      const stored = raw.subarray(at, at + length);
      if (this.#header.compare(stored, 0, length, 0, length) !== 0) throw disagree(segment, entry);
    }
  }
}

function disagree(segment: Segment, entry: IndexedEntry): Failure {
  return segmentDamaged(segment, `its index and its tar header disagree about "${printable(entry.path)}"`);
}
