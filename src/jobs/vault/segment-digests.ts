/** The sha256 of parts of an archive, kept while all of it is read in order, to know the same bytes again in a later read. */
import { createHash } from 'node:crypto';
import type { StoredSegment } from '../../archive/archive.ts';

export class SegmentDigests {
  readonly #segments: readonly StoredSegment[];
  readonly #digests: Buffer[] = [];
  #hash = createHash('sha256');

  /** @param segments in the order of the archive, none over another; of others, nothing is known again. */
  constructor(segments: readonly StoredSegment[]) {
    this.#segments = segments;
  }

  /** Takes the next bytes of the archive. @param offset of the first of them. */
  add(offset: number, bytes: Uint8Array): void {
    const end = offset + bytes.byteLength;
    for (;;) {
      const segment = this.#segments[this.#digests.length];
      if (segment === undefined || segment.offset >= end) return;
      const segmentEnd = segment.offset + segment.length;
      this.#hash.update(
        bytes.subarray(Math.max(segment.offset - offset, 0), Math.max(Math.min(segmentEnd, end) - offset, 0)),
      );
      if (segmentEnd > end) return;
      this.#digests.push(this.#hash.digest());
      this.#hash = createHash('sha256');
    }
  }

  /** True when the bytes are those that the segment had. @param index of the segment among those given. */
  has(index: number, bytes: Uint8Array): boolean {
    return this.#digests[index]?.equals(createHash('sha256').update(bytes).digest()) === true;
  }
}
