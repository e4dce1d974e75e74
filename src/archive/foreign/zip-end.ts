/**
 * Finds the directory of a zip by the records at its end.
 *
 * The count in those records is believed for nothing: with more than 65,535 entries and no zip64 records (macOS, old
 * Java) only its low 16 bits are there. The directory is found by its length, counted back from the end, as Python's
 * zipfile and Info-ZIP do, so that a zip behind other bytes is read whether or not its offsets count those.
 *
 * Format: PKWARE APPNOTE 6.3.10, sections 4.3.14 to 4.3.16.
 */
import { Buffer } from 'node:buffer';
import type { ByteSource } from '../../base/source.ts';
import { damaged } from './damaged.ts';

const END = { signature: 0x06054b50, length: 22, maxComment: 0xffff };
const LOCATOR = { signature: 0x07064b50, length: 20 };
const END64 = { signature: 0x06064b50, length: 56 };
const HEADER = { signature: 0x02014b50, length: 46 };
const LOCAL_SIGNATURE = 0x04034b50;

export interface ZipEnd {
  /** As the end says; without zip64 only its low 16 bits. */
  readonly entries: number;
  readonly isBig: boolean;
  /** Where the central directory begins; all content lies before it. */
  readonly directory: number;
  /** Bytes of the central directory. */
  readonly size: number;
  /** True when the directory ends where the records at the end begin. */
  readonly isComplete: boolean;
  /** Bytes before the zip that its offsets do not count. */
  readonly prefix: number;
  /** Bytes after the zip and its comment. */
  readonly trailing: number;
}

/** @throws Failure `archive_damaged` when the end is missing, damaged, or part of a multi-volume zip. */
export async function readZipEnd(source: ByteSource, signal?: AbortSignal): Promise<ZipEnd> {
  const length = Math.min(source.size, END.length + END.maxComment);
  const start = source.size - length;
  const tail = await readBytes(source, start, length, signal);
  const at = lastSignature(tail, END.signature, tail.length - 4);
  if (at < 0 || at + END.length > tail.length) throw damaged('the zip ends early', { size: source.size });
  const trailing = tail.length - at - END.length - tail.readUInt16LE(at + 20);
  if (trailing < 0) throw damaged('the zip ends within its comment', { size: source.size });
  const said = endOf(tail, at, start, source.size);
  return { ...(await locate(source, said, signal)), trailing };
}

/** What the records at the end say. */
interface Said {
  readonly entries: number;
  readonly isBig: boolean;
  readonly size: number;
  readonly offset: number;
  /** Where these records begin in the file: the directory ends before. */
  readonly limit: number;
}

function endOf(tail: Buffer, at: number, start: number, fileSize: number): Said {
  const entries = tail.readUInt16LE(at + 8);
  const total = tail.readUInt16LE(at + 10);
  const size = tail.readUInt32LE(at + 12);
  const offset = tail.readUInt32LE(at + 16);
  const locator = at - LOCATOR.length;
  const hasLocator = locator >= 0 && tail.readUInt32LE(locator) === LOCATOR.signature;
  const isCut = size === 0xffffffff || offset === 0xffffffff;
  // Exactly 65,535 entries need no zip64 records, and look as if they did.
  if (isCut || (hasLocator && entries === 0xffff && total === 0xffff)) {
    if (!hasLocator) throw bent64(fileSize);
    return end64(tail, locator, start, fileSize);
  }
  if (entries !== total) throw damaged('it is one volume of a zip of several', { size: fileSize });
  return { entries, isBig: false, size, offset, limit: start + at };
}

function end64(tail: Buffer, locator: number, start: number, fileSize: number): Said {
  const named = Number(tail.readBigUInt64LE(locator + 8)) - start;
  // Behind a prefix that the offsets do not count, the record lies right before its locator.
  const at = [named, locator - END64.length].find(
    (place) => place >= 0 && place + END64.length <= locator && tail.readUInt32LE(place) === END64.signature,
  );
  // A second record behind it would be the one that other readers take.
  if (at === undefined || lastSignature(tail, END64.signature, tail.length - 4) !== at) throw bent64(fileSize);
  const entries = Number(tail.readBigUInt64LE(at + 24));
  const size = Number(tail.readBigUInt64LE(at + 40));
  if (entries !== Number(tail.readBigUInt64LE(at + 32)) || entries * HEADER.length > size) throw bent64(fileSize);
  return { entries, isBig: true, size, offset: Number(tail.readBigUInt64LE(at + 48)), limit: start + at };
}

async function locate(source: ByteSource, said: Said, signal?: AbortSignal): Promise<Omit<ZipEnd, 'trailing'>> {
  const { entries, isBig, size, offset, limit } = said;
  const found = { entries, isBig, size };
  const counted = limit - size;
  if (size === 0) {
    // An end without a directory would make an archive of nothing of whatever lies before it.
    if (entries !== 0 || limit > 0) throw outside(said);
    return { ...found, directory: limit, prefix: 0, isComplete: true };
  }
  if (counted >= offset && (await isHeader(source, counted, signal))) {
    const prefix = counted - offset;
    // Two zips, one behind the other or in its comment: readers disagree on which one counts.
    if (prefix > 0 && (await begins(source, signal))) throw outside(said);
    return { ...found, directory: counted, prefix, isComplete: true };
  }
  if (offset + size <= limit && (await isHeader(source, offset, signal))) {
    return { ...found, directory: offset, prefix: 0, isComplete: false };
  }
  throw outside(said);
}

async function begins(source: ByteSource, signal?: AbortSignal): Promise<boolean> {
  return (await readBytes(source, 0, 4, signal)).readUInt32LE(0) === LOCAL_SIGNATURE;
}

async function isHeader(source: ByteSource, at: number, signal?: AbortSignal): Promise<boolean> {
  if (at < 0 || at + HEADER.length > source.size) return false;
  return (await readBytes(source, at, 4, signal)).readUInt32LE(0) === HEADER.signature;
}

async function readBytes(source: ByteSource, at: number, length: number, signal?: AbortSignal): Promise<Buffer> {
  const bytes = await source.read(at, length, signal);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function lastSignature(tail: Buffer, signature: number, from: number): number {
  for (let at = from; at >= 0; at--) if (tail[at] === 0x50 && tail.readUInt32LE(at) === signature) return at;
  return -1;
}

function bent64(size: number): Error {
  return damaged('the zip64 records at its end are damaged', { size });
}

function outside({ offset: directory, size, entries }: Said): Error {
  return damaged('the directory of the zip does not lie within it', { directory, size, entries });
}
