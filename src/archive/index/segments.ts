import type { ByteSource } from '../../base/source.ts';
import { IndexReader } from './reader.ts';

/** A range of an archive's stored bytes, with the checksum that they had. */
export interface StoredSegment {
  readonly offset: number;
  readonly length: number;
  readonly crc: number;
}

/** All segments of the archive that an index belongs to, in order. @throws Failure `archive_damaged` when the index is. */
export async function* listSegments(index: ByteSource): AsyncGenerator<StoredSegment, void, void> {
  const reader = await IndexReader.open(index);
  for await (const { offset, length, crcStored } of reader.segments()) yield { offset, length, crc: crcStored };
}
