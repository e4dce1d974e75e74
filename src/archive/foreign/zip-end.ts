/**
 * Checks the records at the end of a zip before node-stream-zip, which trusts them: a bad zip64 record makes it read
 * the whole file into memory, or throw from a callback where no code can catch it.
 *
 * Format: PKWARE APPNOTE 6.3.10, sections 4.3.14 to 4.3.16.
 */
import { Buffer } from 'node:buffer';
import type { ByteSource } from '../../base/source.ts';
import { damaged } from './damaged.ts';

const END = { signature: 0x06054b50, length: 22, maxComment: 0xffff };
const LOCATOR = { signature: 0x07064b50, length: 20 };
const END64 = { signature: 0x06064b50, length: 56 };
/** The first range in which the library looks for zip64 records; in a real zip they are in its last 98 bytes. */
const FIRST_LOOK = 1024;
const HEADER_LENGTH = 46;

export interface ZipEnd {
  readonly entries: number;
  /** Where the central directory begins; all content lies before it. */
  readonly directory: number;
  /** Bytes after the zip and its comment. */
  readonly trailing: number;
}

/** @throws Failure `archive_damaged` when the end is missing, damaged, or part of a multi-volume zip. */
export async function readZipEnd(source: ByteSource, signal?: AbortSignal): Promise<ZipEnd> {
  const length = Math.min(source.size, END.length + END.maxComment);
  const start = source.size - length;
  const bytes = await source.read(start, length, signal);
  const tail = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const at = lastSignature(tail, END.signature, tail.length - 4);
  if (at < 0 || at + END.length > tail.length) throw damaged('the zip ends early', { size: source.size });
  const trailing = tail.length - at - END.length - tail.readUInt16LE(at + 20);
  if (trailing < 0) throw damaged('the zip ends within its comment', { size: source.size });
  const entries = tail.readUInt16LE(at + 8);
  const total = tail.readUInt16LE(at + 10);
  const size = tail.readUInt32LE(at + 12);
  const directory = tail.readUInt32LE(at + 16);
  const isBig = (entries === 0xffff && total === 0xffff) || size === 0xffffffff || directory === 0xffffffff;
  if (isBig) return { ...readEnd64(tail, at, start, source.size), trailing };
  if (entries !== total) throw damaged('it is one volume of a zip of several', { size: source.size });
  return { ...check({ entries, directory }, size, start + at), trailing };
}

function readEnd64(tail: Buffer, end: number, start: number, fileSize: number): Omit<ZipEnd, 'trailing'> {
  const bent = damaged('the zip64 records at its end are damaged', { size: fileSize });
  const locator = end - LOCATOR.length;
  if (locator < 0 || tail.readUInt32LE(locator) !== LOCATOR.signature) throw bent;
  const at = Number(tail.readBigUInt64LE(locator + 8)) - start;
  const isNear = at >= 0 && at + END64.length <= locator && tail.length - at <= FIRST_LOOK;
  // The library takes the last signature before the end, so it must be this one.
  if (!isNear || lastSignature(tail, END64.signature, tail.length - 4) !== at) throw bent;
  const entries = Number(tail.readBigUInt64LE(at + 24));
  if (entries !== Number(tail.readBigUInt64LE(at + 32))) throw bent;
  const size = Number(tail.readBigUInt64LE(at + 40));
  return check({ entries, directory: Number(tail.readBigUInt64LE(at + 48)) }, size, start + at);
}

function check(end: Omit<ZipEnd, 'trailing'>, size: number, limit: number): Omit<ZipEnd, 'trailing'> {
  const { entries, directory } = end;
  if (directory + size <= limit && entries * HEADER_LENGTH <= size) return end;
  throw damaged('the directory of the zip does not lie within it', { directory, size, entries });
}

function lastSignature(tail: Buffer, signature: number, from: number): number {
  for (let at = from; at >= 0; at--) if (tail[at] === 0x50 && tail.readUInt32LE(at) === signature) return at;
  return -1;
}
