/** Archives written in tests, and every promise about a finished one checked: by zlib, by a reader of its own, by its index. */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, gunzipSync, inflateRawSync } from 'node:zlib';
import { expect } from 'vitest';
import type { WriteRequest, WriteResult } from '../../src/archive/contract.ts';
import { IndexReader } from '../../src/archive/index/reader.ts';
import type { IndexedEntry, Segment } from '../../src/archive/index/format.ts';
import { IndexWriter } from '../../src/archive/index/writer.ts';
import { writeArchive } from '../../src/archive/write/write.ts';
import type { ByteSink, ByteSource } from '../../src/base/source.ts';
import { printable } from '../../src/base/files/paths.ts';
import { tarEntries, type TarEntry } from './tar-entries.ts';

// Each archive starts threads anew, and each thread would strip the types of its sources anew.
process.env['NODE_COMPILE_CACHE'] ??= join(tmpdir(), 'node-compile-cache');

/** What ends a deflate stream behind segments that have no end of their own (RFC 1951, 3.2.6). */
const FINAL_BLOCK = Buffer.from([3, 0]);

export interface Written {
  readonly archive: Buffer;
  readonly index: Buffer;
  readonly result: WriteResult;
}

/** Keeps what it is given, as a sink must: by copying. */
export class MemorySink implements ByteSink {
  readonly #parts: Buffer[] = [];

  write(bytes: Uint8Array): Promise<void> {
    this.#parts.push(Buffer.from(bytes));
    return Promise.resolve();
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

/** A request with nothing special about it. */
export function requestFor(root: string, more: Partial<WriteRequest> = {}): WriteRequest {
  return {
    root,
    ignore: [],
    exclude: [],
    level: 'fast',
    engine: 'auto',
    workers: 2,
    archive: new MemorySink(),
    index: new MemorySink(),
    maxSize: 0,
    ...more,
  };
}

/** Archives a directory into memory. */
export async function written(root: string, more: Partial<WriteRequest> = {}): Promise<Written> {
  const [archive, index] = [new MemorySink(), new MemorySink()];
  const result = await writeArchive(requestFor(root, { archive, index, ...more }));
  return { archive: archive.bytes, index: index.bytes, result };
}

const HOUR = 3_600_000;

/**
 * The same archive, made an hour later: its files had come to rest by then. Change times cannot be set, and waiting for
 * them to grow old would make the tests slow.
 */
export async function madeLater(archived: Written, later = HOUR): Promise<Written> {
  const reader = await IndexReader.open(memorySource(archived.index));
  const parts: Buffer[] = [];
  const writer = new IndexWriter((bytes) => parts.push(Buffer.from(bytes)));
  for await (const entry of reader.entries()) writer.addEntry(entry);
  for await (const segment of reader.segments()) writer.addSegment(segment);
  const startedAt = archived.result.startedAt + later;
  writer.finish({ ...reader.summary, startedAt });
  return { ...archived, index: Buffer.concat(parts), result: { ...archived.result, startedAt } };
}

/** Puts an archive and its index on the disk, as a base for the next. */
export function saved({ archive, index }: Written, path: string): { archive: string; index: string } {
  writeFileSync(path, archive);
  writeFileSync(`${path}.index`, index);
  return { archive: path, index: `${path}.index` };
}

export function memorySource(bytes: Buffer): ByteSource {
  return {
    size: bytes.length,
    read: (offset, length) => Promise.resolve(bytes.subarray(offset, offset + length)),
    close: () => Promise.resolve(),
  };
}

/** The segments that an index lists. */
export async function segmentsOf({ index }: Written): Promise<Segment[]> {
  return Array.fromAsync((await IndexReader.open(memorySource(index))).segments());
}

/**
 * Checks that an archive is well-formed, that its index and result agree with it, and that nobody who reads it is
 * misled: one gzip member, entries in order and once each, hard links behind what they lead to.
 *
 * @returns its entries.
 */
export async function checkedEntries(archived: Written): Promise<TarEntry[]> {
  const { archive, result } = archived;
  expect(result.size).toBe(archive.length);
  expect(result.sha256).toBe(createHash('sha256').update(archive).digest('hex'));
  const tar = inflatedOnce(archive);
  expect(result.rawSize).toBe(tar.length);
  const entries = tarEntries(tar);
  const names = entries.map(({ path }) => path);
  expect(names.map(printable)).toEqual([...new Set(names)].sort(byBytes).map(printable));
  const seen = new Set<string>();
  for (const { path, type, target } of entries) {
    if (type === 'hardlink' && !seen.has(target)) throw new Error(`${printable(path)} links to nothing before it`);
    if (type === 'file') seen.add(path);
  }
  expect(result.entries).toBe(entries.length);
  expect(result.files).toBe(entries.filter(({ type }) => type === 'file' || type === 'hardlink').length);
  await checkIndex(archived, tar, entries);
  return entries;
}

function byBytes(one: string, other: string): number {
  return one < other ? -1 : 1;
}

/** What a decoder gets that knows one gzip member and stops behind it: everything, with nothing left over. */
export function inflatedOnce(archive: Buffer): Buffer {
  expect([...archive.subarray(0, 10)]).toEqual([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff]);
  const { buffer: tar, engine } = inflateRawSync(archive.subarray(10), { info: true }) as unknown as {
    buffer: Buffer;
    engine: { bytesWritten: number };
  };
  // The eight bytes of the trailer are all that the raw stream did not use.
  expect(archive.length - 10 - engine.bytesWritten).toBe(8);
  expect(archive.readUInt32LE(archive.length - 8)).toBe(crc32(tar));
  expect(archive.readUInt32LE(archive.length - 4)).toBe(tar.length % 2 ** 32);
  expect(gunzipSync(archive).equals(tar)).toBe(true);
  return tar;
}

async function checkIndex({ archive, index, result }: Written, tar: Buffer, entries: readonly TarEntry[]) {
  const reader = await IndexReader.open(memorySource(index));
  const { size, rawSize, sha256, entries: count, files, engine, startedAt } = result;
  const { level, allocated, ...summary } = reader.summary;
  expect(allocated).toBe(result.allocated);
  expect(['none', 'fast', 'best']).toContain(level);
  expect(summary).toEqual({ size, rawSize, sha256, crc32: crc32(tar), entries: count, files, engine, startedAt });
  const listed = await Array.fromAsync(reader.entries());
  expect(listed.map(inTarTerms)).toEqual(entries.map(withoutContent));
  let [offset, rawOffset] = [10, 0];
  for await (const segment of reader.segments()) {
    expect(segment).toMatchObject({ offset, rawOffset });
    const stored = archive.subarray(offset, offset + segment.length);
    const raw = tar.subarray(rawOffset, rawOffset + segment.rawLength);
    expect(segment.crcStored).toBe(crc32(stored));
    expect(segment.crcRaw).toBe(crc32(raw));
    expect(inflateRawSync(Buffer.concat([stored, FINAL_BLOCK])).equals(raw)).toBe(true);
    offset += segment.length;
    rawOffset += segment.rawLength;
  }
  expect(rawOffset).toBe(tar.length);
  // What follows the last segment: the final block and the trailer.
  expect(archive.length - offset).toBe(10);
}

function inTarTerms(entry: IndexedEntry): Omit<TarEntry, 'content'> {
  const { kind: type, path, tarOffset: offset, headerLength, size, mode, uid, gid, mtime, target = '' } = entry;
  const name = type === 'directory' ? `${path}/` : path;
  return { offset, headerLength, path: name, type, size, mode, uid, gid, mtime, target };
}

function withoutContent({ content: _content, ...entry }: TarEntry): Omit<TarEntry, 'content'> {
  return entry;
}
