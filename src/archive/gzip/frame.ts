/**
 * The gzip frame around the segments (RFC 1952): one member, so that decoders which stop after the first member still
 * get every byte.
 */
import type { ByteSource } from '../../base/source.ts';
import type { IndexReader } from '../index/reader.ts';

/** Magic, method deflate, no flags, mtime 0, no extra flags, unknown system: the same bytes for the same tree. */
export const GZIP_HEADER: Buffer = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);

/** An empty final block in fixed codes (RFC 1951, 3.2.6): what ends the deflate stream behind the last segment. */
const FINAL_BLOCK = [0x03, 0x00];

export const TRAILER_LENGTH = FINAL_BLOCK.length + 8;

/** The final block, the CRC-32 of the tar stream and its length modulo 2^32. */
export function gzipTrailer(crc: number, rawSize: number): Buffer {
  const trailer = Buffer.alloc(TRAILER_LENGTH);
  trailer.set(FINAL_BLOCK);
  trailer.writeUInt32LE(crc, FINAL_BLOCK.length);
  trailer.writeUInt32LE(rawSize % 2 ** 32, FINAL_BLOCK.length + 4);
  return trailer;
}

/** Two zero blocks end a tar archive (POSIX pax, "ustar Interchange Format"). */
export const END_OF_ARCHIVE: Buffer = Buffer.alloc(1024);

/** True when an index was written with this very archive: same length, same gzip trailer. */
export async function belongsTo(reader: IndexReader, archive: ByteSource): Promise<boolean> {
  const { size, crc32, rawSize } = reader.summary;
  if (archive.size !== size || size < TRAILER_LENGTH) return false;
  const trailer = Buffer.from(await archive.read(size - 8, 8));
  return trailer.readUInt32LE(0) === crc32 && trailer.readUInt32LE(4) === rawSize % 2 ** 32;
}
