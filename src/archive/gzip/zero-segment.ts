/**
 * The segment that holes are written as: a mebibyte of zeros, deflated once and repeated. It takes a thousandth of the
 * hole, is plain deflate to every reader, and Roost recognises it without inflating it.
 */
import { constants, crc32, deflateRawSync } from 'node:zlib';
import { MEBIBYTE } from '../../base/sizes.ts';
import type { Segment } from '../index/format.ts';
import { ZEROS } from '../tar/zeros.ts';

/** Raw bytes of the segment. */
export const ZERO_SEGMENT = MEBIBYTE;
/** Segments in a row that are written in one piece; together they fit into a slot. */
export const ZERO_RUN = 512;
/** What a mebibyte of zeros deflates to at most; longer ones are not looked at. */
const MAX_STORED = 2048;

export interface ZeroSegment {
  readonly stored: Buffer;
  readonly crcRaw: number;
  readonly crcStored: number;
}

let made: ZeroSegment | undefined;

export function zeroSegment(): ZeroSegment {
  if (made === undefined) {
    const stored = deflateRawSync(ZEROS, { level: 9, finishFlush: constants.Z_SYNC_FLUSH });
    made = { stored, crcRaw: crc32(ZEROS), crcStored: crc32(stored) };
  }
  return made;
}

/** True for a segment that an index says to be this one. Its stored bytes still have to be compared. */
export function isZeroSegment({ rawLength, length, crcRaw, crcStored }: Segment): boolean {
  if (rawLength !== ZERO_SEGMENT || length > MAX_STORED) return false;
  const zero = zeroSegment();
  return length === zero.stored.length && crcRaw === zero.crcRaw && crcStored === zero.crcStored;
}

/** Writes a number of these segments one behind the other. @returns the bytes written. */
export function fillZeroRun(output: Buffer, count: number): number {
  const { stored } = zeroSegment();
  for (let index = 0; index < count; index++) stored.copy(output, index * stored.length);
  return count * stored.length;
}
