/** Which dead blocks of a pack's file still take space: from a map of bits, and from where the file has data. */
import { nextData } from '../../../base/files/holes.ts';

/** What ext4, XFS and tmpfs allocate by default. */
export const BLOCK = 4096;

/** A stretch of a pack's file. */
export interface Stretch {
  /** A multiple of eight blocks. */
  readonly offset: number;
  /** Bytes, up to the end of the file at most. */
  readonly length: number;
  /** One bit for each block, the lowest first: it is needed. */
  readonly marks: Uint8Array;
}

interface DeadRange {
  readonly from: number;
  /** The last block of the file ends with the file. */
  readonly end: number;
}

/** The dead ranges that are not holes already, in order. What one has of holes behind its first data is not looked for. */
export function* deadData(descriptor: number, stretch: Stretch): Generator<DeadRange, void, void> {
  let data = -1;
  for (const { from, end } of deadRanges(stretch)) {
    if (data < from) data = Math.floor(nextData(descriptor, from) / BLOCK) * BLOCK;
    if (data < end) yield { from: Math.max(from, data), end };
  }
}

/** Whole blocks without a mark, in order. */
function* deadRanges({ offset, length, marks }: Stretch): Generator<DeadRange, void, void> {
  const blocks = Math.ceil(length / BLOCK);
  let first = -1;
  for (let block = 0; block <= blocks; block++) {
    const byte = marks[block >>> 3] ?? 0;
    // Eight that are as the one before.
    if ((block & 7) === 0 && block + 8 <= blocks && byte === (first < 0 ? 0xff : 0)) {
      block += 7;
      continue;
    }
    const isDead = block < blocks && (byte & (1 << (block & 7))) === 0;
    if (isDead && first < 0) first = block;
    else if (!isDead && first >= 0) {
      yield { from: offset + first * BLOCK, end: offset + Math.min(length, block * BLOCK) };
      first = -1;
    }
  }
}
