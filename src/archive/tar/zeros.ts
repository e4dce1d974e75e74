/** Runs of zeros: what holes in sparse files read as, and what is not worth writing. */
import { Buffer } from 'node:buffer';
import { MEBIBYTE } from '../../base/sizes.ts';

/** A mebibyte of zeros; read only. */
export const ZEROS = Buffer.alloc(MEBIBYTE);

/** True when all bytes are zero; at the speed of memory. */
export function isZero(bytes: Uint8Array): boolean {
  if (bytes.buffer === ZEROS.buffer) return true;
  // Most content shows itself in its first byte, without a call into memcmp.
  if (bytes.length > 0 && bytes[0] !== 0) return false;
  for (let at = 0; at < bytes.length; at += ZEROS.length) {
    const part = bytes.subarray(at, at + ZEROS.length);
    if (ZEROS.compare(part, 0, part.length, 0, part.length) !== 0) return false;
  }
  return true;
}

/** Where the first byte that is not zero lies; -1 when there is none. */
export function firstNonZero(bytes: Uint8Array): number {
  const step = 4096;
  for (let at = 0; at < bytes.length; at += step) {
    const part = bytes.subarray(at, at + step);
    if (!isZero(part)) return at + part.findIndex((byte) => byte !== 0);
  }
  return -1;
}
