import { crc32, deflateRawSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { EntryKind } from '../../src/archive/entry.ts';
import {
  encodeFooter,
  type IndexedEntry,
  type IndexSummary,
  MAGIC,
  packBlock,
  type Segment,
} from '../../src/archive/index/format.ts';
import { IndexReader } from '../../src/archive/index/reader.ts';
import { IndexWriter } from '../../src/archive/index/writer.ts';
import { tarName } from '../../src/archive/tar/header.ts';
import { Failure } from '../../src/base/failure.ts';
import { failureOf } from '../support/rejection.ts';
import { memorySource } from '../support/written-archive.ts';

const SUMMARY: IndexSummary = {
  size: 5_000_000_000,
  rawSize: 9_000_000_000,
  sha256: 'a1'.repeat(32),
  crc32: 0xfedcba98,
  entries: 3,
  files: 2,
  level: 'fast',
  engine: 'zlib',
  startedAt: 1_700_000_000_123.5,
};

/** Names that share much, hold any byte but NUL and slash, and stand on both sides of the slash in order. */
const names = fc
  .array(fc.constantFrom('a', 'b', '-', '.', '0', 'long name ', '\x01', '\xff', '\n', '"', '\\'), {
    minLength: 1,
    maxLength: 4,
  })
  .map((parts) => parts.join(''));
const paths = fc.array(names, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
const entryFields = fc.record({
  path: paths,
  kind: fc.constantFrom<EntryKind>('file', 'directory', 'symlink', 'hardlink'),
  size: fc.oneof(fc.nat(2000), fc.maxSafeNat()),
  mode: fc.nat(0o7777),
  uid: fc.oneof(fc.nat(2000), fc.constant(2 ** 32 - 1)),
  gid: fc.nat(2 ** 31 - 1),
  mtime: fc.oneof(fc.integer(), fc.constantFrom(8.64e12, -8.64e12, 0, -1)),
  headerLength: fc.constantFrom(512, 1536, 9728),
  target: names,
});
const entryLists = fc.array(entryFields, { maxLength: 60 }).map((fields) => {
  let tarOffset = 0;
  const unique = new Map(fields.map((entry) => [entry.path, entry]));
  const sorted = [...unique.values()].sort((one, other) => (tarName(one) < tarName(other) ? -1 : 1));
  return sorted.map(({ target, ...entry }): IndexedEntry => {
    const offset = tarOffset;
    tarOffset += entry.headerLength + (entry.size % 1_000_000);
    return Object.assign(entry, { tarOffset: offset }, isLink(entry) ? { target } : {});
  });
});

function isLink({ kind }: { readonly kind: EntryKind }): boolean {
  return kind === 'symlink' || kind === 'hardlink';
}

function indexOf(entries: Iterable<IndexedEntry>, segments: Iterable<Segment> = [], summary = SUMMARY): Buffer {
  const parts: Buffer[] = [];
  const writer = new IndexWriter((bytes) => parts.push(Buffer.from(bytes)));
  for (const entry of entries) writer.addEntry(entry);
  for (const segment of segments) writer.addSegment(segment);
  writer.finish(summary);
  return Buffer.concat(parts);
}

function readerOf(index: Buffer): Promise<IndexReader> {
  return IndexReader.open(memorySource(index));
}

/** Many plain files, in several blocks. */
function* manyEntries(count: number): Generator<IndexedEntry, void, void> {
  for (let index = 0; index < count; index++) {
    const path = `region/r.${String(index).padStart(6, '0')}.mca`;
    const plain = { path, kind: 'file' as const, size: 512, mode: 0o644, uid: 1000, gid: 1000, mtime: 1_700_000_000 };
    yield { ...plain, tarOffset: index * 1024, headerLength: 512 };
  }
}

function segmentsOfLengths(lengths: readonly (readonly [number, number])[]): Segment[] {
  let [offset, rawOffset] = [10, 0];
  return lengths.map(([length, rawLength], index) => {
    const key = index % 3 === 0 ? '' : String(index).padStart(16, '\xff');
    const segment = { offset, length, rawOffset, rawLength, crcRaw: index * 77, crcStored: 0xffffffff - index, key };
    offset += length;
    rawOffset += rawLength;
    return segment;
  });
}

describe('what was written comes back', () => {
  test('for random entries: all in order, each by its path, and from any name on', async () => {
    await fc.assert(
      fc.asyncProperty(entryLists, paths, async (entries, from) => {
        const reader = await readerOf(indexOf(entries));
        expect(await Array.fromAsync(reader.entries())).toEqual(entries);
        for (const entry of entries) expect(await reader.find(entry.path)).toEqual(entry);
        expect(await Array.fromAsync(reader.entries(from))).toEqual(entries.filter((entry) => tarName(entry) >= from));
        if (!entries.some(({ path }) => path === from)) expect(await reader.find(from)).toBeUndefined();
        expect(reader.summary).toEqual(SUMMARY);
      }),
      { numRuns: 150 },
    );
  });

  test('for many blocks of entries', async () => {
    const entries = [...manyEntries(10_000)];
    const index = indexOf(entries);
    expect(index.length).toBeLessThan(entries.length * 10);
    const reader = await readerOf(index);
    expect(await Array.fromAsync(reader.entries())).toEqual(entries);
    for (const at of [0, 1, 4095, 4096, 4097, 8191, 8192, 9999]) {
      const entry = entries[at];
      expect(await reader.find(entry?.path ?? '')).toEqual(entry);
      const behind = reader.entries(`${entry?.path ?? ''}\0`);
      expect((await behind.next()).value).toEqual(entries[at + 1]);
      await behind.return();
    }
    expect(await reader.find('region/none')).toBeUndefined();
    expect(await reader.find('')).toBeUndefined();
  });

  test('for segments, whole and by range, over several blocks', async () => {
    const lengths = Array.from({ length: 20_000 }, (_, index) => [1 + (index % 7), 1 + (index % 11)] as const);
    const segments = segmentsOfLengths(lengths);
    const reader = await readerOf(indexOf([], segments));
    expect(await Array.fromAsync(reader.segments())).toEqual(segments);
    const end = segments.reduce((sum, { rawLength }) => sum + rawLength, 0);
    await fc.assert(
      fc.asyncProperty(fc.nat(end), fc.nat(40), async (start, length) => {
        const expected = segments.filter(
          ({ rawOffset, rawLength }) => rawOffset < start + length && rawOffset + rawLength > start,
        );
        expect(await Array.fromAsync(reader.segmentsOf(start, start + length))).toEqual(expected);
      }),
      { numRuns: 50 },
    );
  });

  test('for an archive without entries', async () => {
    const reader = await readerOf(indexOf([], segmentsOfLengths([[20, 1024]])));
    expect(await Array.fromAsync(reader.entries())).toEqual([]);
    expect(await reader.find('a')).toBeUndefined();
  });

  test('for names as long as names get', async () => {
    const long = { kind: 'symlink' as const, size: 0, mode: 0o777, uid: 0, gid: 0, mtime: 0, headerLength: 9216 };
    const entries = Array.from({ length: 200 }, (_, index) => {
      const path = String(index).padStart(4, '0') + 'p'.repeat(8188);
      return { ...long, path, tarOffset: index * 9216, target: `${index}${'t'.repeat(4000)}` };
    });
    expect(await Array.fromAsync((await readerOf(indexOf(entries))).entries())).toEqual(entries);
  });
});

async function readAll(index: Buffer): Promise<unknown> {
  const reader = await readerOf(index);
  return [reader.summary, await Array.fromAsync(reader.entries()), await Array.fromAsync(reader.segments())];
}

describe('damage', () => {
  const entries = [...manyEntries(300)];
  const index = indexOf(
    entries,
    segmentsOfLengths([
      [3, 4],
      [5, 6],
      [7, 8],
    ]),
  );

  test('of any one byte is found, or changes nothing', async () => {
    const whole = await readAll(index);
    for (let at = 0; at < index.length; at++) {
      const damaged = Buffer.from(index);
      damaged[at] = (damaged[at] ?? 0) ^ (1 + (at % 255));
      const told = await readAll(damaged).catch((error: unknown) => error);
      if (told instanceof Failure) expect(told.code).toBe('archive_damaged');
      else expect(told).toEqual(whole);
    }
  });

  test('by cutting it off anywhere is found', async () => {
    for (let length = 0; length < index.length; length += 7) {
      await failureOf(readAll(index.subarray(0, length)), 'archive_damaged');
    }
  });

  test('of a kind that only a forger makes is found too', async () => {
    const forged = (directory: Buffer, footer: Partial<{ offset: number; length: number; rawLength: number }> = {}) => {
      const { stored, crc } = packBlock(directory);
      const { offset = MAGIC.length, length = stored.length, rawLength = directory.length } = footer;
      return Buffer.concat([MAGIC, stored, encodeFooter(offset, length, rawLength, crc)]);
    };
    const good = Buffer.from(JSON.stringify({ summary: SUMMARY, entryBlocks: [], segmentBlocks: [] }));
    await readAll(forged(good));
    const block = { offset: 8, length: 8, rawLength: 8, crc: 0, count: 1, first: 'a' };
    const huge = { ...block, rawLength: 2 ** 31 };
    for (const bytes of [
      forged(Buffer.from('no JSON')),
      forged(Buffer.from('{}')),
      forged(Buffer.from(JSON.stringify({ summary: SUMMARY, entryBlocks: [block], segmentBlocks: [] }))),
      forged(Buffer.from(JSON.stringify({ summary: SUMMARY, entryBlocks: [huge], segmentBlocks: [] }))),
      forged(Buffer.from(JSON.stringify({ summary: { ...SUMMARY, size: -1 }, entryBlocks: [], segmentBlocks: [] }))),
      forged(Buffer.from(JSON.stringify({ summary: { ...SUMMARY, size: 0.5 }, entryBlocks: [], segmentBlocks: [] }))),
      forged(Buffer.from(JSON.stringify({ summary: { ...SUMMARY, level: 'x' }, entryBlocks: [], segmentBlocks: [] }))),
      forged(Buffer.from(JSON.stringify({ summary: { ...SUMMARY, sha256: 1 }, entryBlocks: [], segmentBlocks: [] }))),
      forged(Buffer.from(JSON.stringify({ summary: null, entryBlocks: [], segmentBlocks: [] }))),
      forged(Buffer.from(JSON.stringify({ summary: SUMMARY, entryBlocks: { length: 0 }, segmentBlocks: [] }))),
      forged(Buffer.from(JSON.stringify({ summary: SUMMARY, entryBlocks: [null], segmentBlocks: [] }))),
      forged(Buffer.from(JSON.stringify({ summary: SUMMARY, entryBlocks: [], segmentBlocks: [block] }))),
      forged(good, { offset: Number.NaN }),
      forged(good, { offset: -100, length: forged(good).length - 40 + 100 }),
      forged(good, { offset: 8.5 }),
      forged(good, { rawLength: good.length + 1 }),
      forged(good, { rawLength: good.length - 1 }),
      forged(good, { rawLength: 0 }),
      forged(good, { rawLength: 2 ** 32 - 1 }),
    ]) {
      await failureOf(readAll(bytes), 'archive_damaged');
    }
  });

  test('that inflates without end is not followed', async () => {
    const bomb = deflateRawSync(Buffer.alloc(50_000_000));
    const bytes = Buffer.concat([MAGIC, bomb, encodeFooter(MAGIC.length, bomb.length, 1000, crc32(bomb))]);
    expect((await failureOf(readAll(bytes), 'archive_damaged')).hint).toContain('.index');
  });
});
