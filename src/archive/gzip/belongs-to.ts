import type { ByteSource } from '../../base/source.ts';
import { TRAILER_LENGTH } from './frame.ts';
import type { IndexReader } from '../index/reader.ts';

/** True when an index was written with this very archive: same length, same gzip trailer. */
export async function belongsTo(reader: IndexReader, archive: ByteSource): Promise<boolean> {
  const { size, crc32, rawSize } = reader.summary;
  if (archive.size !== size || size < TRAILER_LENGTH) return false;
  const trailer = Buffer.from(await archive.read(size - 8, 8));
  return trailer.readUInt32LE(0) === crc32 && trailer.readUInt32LE(4) === rawSize % 2 ** 32;
}
