import { crc32 } from 'node:zlib';
import type { ByteSource } from '../../base/source.ts';
import { GZIP_HEADER, gzipTrailer, TRAILER_LENGTH } from '../gzip/frame.ts';
import { indexDamaged } from '../index/format.ts';
import { IndexReader } from '../index/reader.ts';

/** A range of an archive's stored bytes, with the checksum that they had. */
export interface StoredSegment {
  readonly offset: number;
  readonly length: number;
  readonly crc: number;
}

/**
 * All bytes of the archive that an index belongs to, in order: the gzip frame's beginning, the segments, the frame's end.
 *
 * @throws Failure `archive_damaged` when the index is.
 */
export async function* listSegments(index: ByteSource): AsyncGenerator<StoredSegment, void, void> {
  const reader = await IndexReader.open(index);
  const { size, crc32: crcOfTar, rawSize } = reader.summary;
  if (size < GZIP_HEADER.length + TRAILER_LENGTH) throw indexDamaged('its archive would be too short');
  yield { offset: 0, length: GZIP_HEADER.length, crc: crc32(GZIP_HEADER) };
  for await (const { offset, length, crcStored } of reader.segments()) yield { offset, length, crc: crcStored };
  yield { offset: size - TRAILER_LENGTH, length: TRAILER_LENGTH, crc: crc32(gzipTrailer(crcOfTar, rawSize)) };
}
