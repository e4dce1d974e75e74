/**
 * The central directory of a zip, walked by its length: the count at the zip's end may have wrapped round.
 *
 * Format: PKWARE APPNOTE 6.3.10, sections 4.3.12 and 4.5.3.
 */
import type { Buffer } from 'node:buffer';
import { throwIfAborted } from '../../base/failure.ts';
import type { ByteSource } from '../../base/source.ts';
import { damaged, tooLarge } from './damaged.ts';
import { SourceCursor } from './source-cursor.ts';
import type { ZipEnd } from './zip-end.ts';
import { extraFields } from './zip-name.ts';

/** The most entries held in memory, about 100 bytes each. */
const MAX_ENTRIES = 1_000_000;
const LOCAL_HEADER = 30;
const HEADER = { signature: 0x02014b50, length: 46 };
/** A digital signature may follow the last entry (APPNOTE 4.3.13). */
const DIGITAL_SIGNATURE = 0x05054b50;
const ZIP64 = 0x0001;
const MAX_32 = 0xffffffff;

/** What the directory says about one entry. */
export interface ZipRecord {
  /** Offset of its header in the directory, where the raw name and extra fields are. */
  readonly headerOffset: number;
  /** Offset of its local header, before the content. */
  readonly offset: number;
  readonly compressedSize: number;
  readonly size: number;
  readonly crc: number;
  readonly method: number;
  readonly flags: number;
  /** High byte of the version: the system that made it; 3 is unix. */
  readonly madeBy: number;
  readonly attributes: number;
  /** DOS date in the high and DOS time in the low 16 bits. */
  readonly dosTime: number;
}

/** Called with each entry's name and extra fields as they are read. */
export type OnZipName = (record: ZipRecord, name: Buffer, extra: ReadonlyMap<number, Buffer>) => void;

/**
 * Reads the directory in its own order, with duplicates.
 *
 * @throws Failure `archive_damaged`; `too_large` beyond a million entries; `cancelled`.
 */
export async function readZipDirectory(
  source: ByteSource,
  end: ZipEnd,
  onName: OnZipName,
  signal?: AbortSignal,
): Promise<readonly ZipRecord[]> {
  if (end.entries > MAX_ENTRIES) throw tooManyEntries(end.entries);
  const records: ZipRecord[] = [];
  const cursor = new SourceCursor(source, signal, end.directory, end.directory + end.size);
  while (cursor.remaining > 0) {
    throwIfAborted(signal, 'Cannot read the archive');
    const record = await readRecord(cursor, end, onName);
    if (record === undefined) break;
    records.push(record);
    if (records.length > MAX_ENTRIES) throw tooManyEntries(records.length);
  }
  requireCount(records.length, end);
  checkOverlap(records, end.directory);
  return records;
}

/** undefined at a digital signature. */
async function readRecord(cursor: SourceCursor, end: ZipEnd, onName: OnZipName): Promise<ZipRecord | undefined> {
  const headerOffset = cursor.offset;
  const header = await cursor.take(HEADER.length);
  if (header?.readUInt32LE(0) !== HEADER.signature) {
    if (header?.readUInt32LE(0) === DIGITAL_SIGNATURE) return undefined;
    throw bent(headerOffset);
  }
  const name = await cursor.take(header.readUInt16LE(28));
  const extra = await cursor.take(header.readUInt16LE(30));
  const comment = header.readUInt16LE(32);
  if (name === undefined || extra === undefined || cursor.remaining < comment) throw bent(headerOffset);
  cursor.seek(cursor.offset + comment);
  const fields = extraFields(extra);
  const sizes = sizesOf(header, fields.get(ZIP64), headerOffset);
  const record: ZipRecord = {
    headerOffset,
    ...sizes,
    offset: sizes.offset + end.prefix,
    crc: header.readUInt32LE(16),
    method: header.readUInt16LE(10),
    flags: header.readUInt16LE(8),
    madeBy: header.readUInt8(5),
    attributes: header.readUInt32LE(38),
    dosTime: header.readUInt32LE(12),
  };
  onName(record, name, fields);
  return record;
}

/** Sizes and offset; what does not fit 32 bits stands in the zip64 field, in this order. */
function sizesOf(
  header: Buffer,
  field: Buffer | undefined,
  headerOffset: number,
): { readonly size: number; readonly compressedSize: number; readonly offset: number } {
  let at = 0;
  const wide = (value: number): number => {
    if (value !== MAX_32) return value;
    if (field === undefined || at + 8 > field.length) throw bent(headerOffset);
    const big = Number(field.readBigUInt64LE(at));
    at += 8;
    if (!Number.isSafeInteger(big)) throw bent(headerOffset);
    return big;
  };
  const size = wide(header.readUInt32LE(24));
  const compressedSize = wide(header.readUInt32LE(20));
  return { size, compressedSize, offset: wide(header.readUInt32LE(42)) };
}

/** Fewer entries than the end says, or a directory that ends early, would lose files in silence. */
function requireCount(found: number, end: ZipEnd): void {
  if (isCountFair(found, end)) return;
  if (end.isComplete && !end.isBig && found > end.entries) return;
  throw damaged(`the zip says that it has ${end.entries} entries, and its directory has ${found}`, {
    entries: end.entries,
    found,
  });
}

/** True when the number of entries is the one at the zip's end, or wrapped round to it. */
export function isCountFair(found: number, { entries, isBig }: ZipEnd): boolean {
  return isBig ? found === entries : found % 0x10000 === entries;
}

/**
 * Entries must not share bytes: otherwise ten megabytes of directory over one block inflate to hundreds of terabytes
 * (Fifield, "A better zip bomb", 2019). Without overlaps a zip inflates to at most a thousand times its size.
 */
function checkOverlap(records: readonly ZipRecord[], directory: number): void {
  const byOffset = [...records].sort((one, other) => one.offset - other.offset);
  byOffset.forEach((record, index) => {
    const end = record.offset + LOCAL_HEADER + record.compressedSize;
    if (end > (byOffset[index + 1]?.offset ?? directory)) {
      throw damaged('entries of the zip overlap', { offset: record.offset });
    }
  });
}

function tooManyEntries(entries: number): Error {
  return tooLarge(`the zip has ${entries} entries`, { entries });
}

function bent(offset: number): Error {
  return damaged('the directory of the zip is damaged', { offset });
}
