import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { CompressionLevel, ExtractRequest } from '../../src/archive/contract.ts';
import { IndexReader } from '../../src/archive/index/reader.ts';
import { extractArchive, verifyArchive } from '../../src/archive/read/read.ts';
import { nextData } from '../../src/base/files/holes.ts';
import { mountTmpfs } from '../support/mounted.ts';
import { needsProgram, output } from '../support/programs.ts';
import { randomBytes } from '../support/random-bytes.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { checkedEntries, madeLater, memorySource, saved, written, type Written } from '../support/written-archive.ts';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const CAN_TELL = (() => {
  const home = fs.mkdtempSync('/tmp/roost-test-');
  try {
    makeSparse(join(home, 'f'), 4 * MIB, []);
    const descriptor = fs.openSync(join(home, 'f'), 'r');
    const data = nextData(descriptor, 0);
    fs.closeSync(descriptor);
    return data === Number.POSITIVE_INFINITY;
  } finally {
    fs.rmSync(home, { recursive: true });
  }
})();

/** A file of a size with data at some offsets. */
function makeSparse(path: string, size: number, data: readonly (readonly [at: number, bytes: Buffer])[]): void {
  const descriptor = fs.openSync(path, 'w');
  fs.ftruncateSync(descriptor, size);
  for (const [at, bytes] of data) fs.writeSync(descriptor, bytes, 0, bytes.length, at);
  fs.closeSync(descriptor);
  fs.utimesSync(path, 1_600_000_000, 1_600_000_000);
}

function onDisk(path: string): number {
  return fs.statSync(path).blocks * 512;
}

/** Bytes that all threads of this process have read, from wherever. */
function bytesRead(): number {
  return Number(/^rchar: (\d+)$/m.exec(fs.readFileSync('/proc/self/io', 'utf8'))?.[1]);
}

function sumOf(path: string): string {
  return createHash('sha256').update(fs.readFileSync(path)).digest('hex');
}

async function unpacked(archived: Written, into: string, more: Partial<ExtractRequest> = {}) {
  fs.mkdirSync(into);
  return extractArchive({
    source: { archive: memorySource(archived.archive), index: memorySource(archived.index) },
    into,
    owner: 'archive',
    setuid: 'strip',
    limits: { maxBytes: 0, maxEntries: 0 },
    overwrite: false,
    durable: false,
    workers: 2,
    ...more,
  });
}

/** Files with holes at their start, in the middle and at their end, aligned and not, and none. */
async function makeServer() {
  const home = await scratchDirectory();
  const root = join(home, 'server');
  fs.mkdirSync(root);
  makeSparse(join(root, 'a-all-hole'), 5 * MIB, []);
  makeSparse(join(root, 'b-odd-length'), 5 * MIB + 77, [[0, randomBytes(10, 1)]]);
  makeSparse(join(root, 'c-middle'), 12 * MIB, [
    [3 * MIB + 5, randomBytes(MIB, 2)],
    [9 * MIB - 1, randomBytes(2, 3)],
  ]);
  makeSparse(join(root, 'd-end'), 7 * MIB + 1, [[7 * MIB, Buffer.from('x')]]);
  makeSparse(join(root, 'e-last-piece'), 4 * MIB, [[0, randomBytes(3 * MIB, 4)]]);
  makeSparse(join(root, 'f-small'), 200 * 1024, [[100_000, Buffer.from('small')]]);
  fs.writeFileSync(join(root, 'g-zeros'), Buffer.alloc(3 * MIB));
  fs.writeFileSync(join(root, 'h-full'), randomBytes(2 * MIB + 9, 5));
  return { home, root, names: fs.readdirSync(root) };
}

describe.runIf(CAN_TELL)('files with holes', () => {
  test.for<CompressionLevel>(['none', 'fast', 'best'])('keep every byte, at level %s', async (level) => {
    const { home, root, names } = await makeServer();
    const archived = await written(root, { level });
    await checkedEntries(archived);
    const { size, sha256, bytes, rawSize, warnings } = archived.result;
    expect(warnings).toEqual([]);
    const source = { archive: memorySource(archived.archive), index: memorySource(archived.index) };
    const verified = await verifyArchive({ source, expected: { size, sha256 }, workers: 2 });
    expect(verified).toMatchObject({ format: 'roost', rawSize, bytes });
    await unpacked(archived, join(home, 'out'));
    for (const name of names) expect(sumOf(join(home, 'out', name)), name).toBe(sumOf(join(root, name)));
  });

  test('are a plain tar to any other', async (context) => {
    needsProgram(context, 'tar');
    const { home, root, names } = await makeServer();
    const { archive } = saved(await written(root), join(home, 'a.tar.gz'));
    fs.mkdirSync(join(home, 'out'));
    await output('tar', ['-xzf', archive, '-C', join(home, 'out')]);
    for (const name of names) expect(sumOf(join(home, 'out', name)), name).toBe(sumOf(join(root, name)));
  });

  test('are unpacked with their holes, and take the space that the index says', async () => {
    const { home, root } = await makeServer();
    const archived = await written(root);
    const entries = await Array.fromAsync((await IndexReader.open(memorySource(archived.index))).entries());
    const allocated = new Map(entries.map((entry) => [entry.path, entry.allocated]));
    expect(allocated.get('a-all-hole')).toBe(0);
    expect(allocated.get('g-zeros')).toBeUndefined();
    expect(allocated.get('h-full')).toBeUndefined();
    await unpacked(archived, join(home, 'out'));
    for (const name of ['a-all-hole', 'b-odd-length', 'c-middle', 'd-end', 'e-last-piece']) {
      expect(onDisk(join(home, 'out', name)), name).toBeLessThanOrEqual((allocated.get(name) ?? 0) + 8192);
    }
    const whole = entries.reduce((sum, { size, allocated: some = size }) => sum + some, 0);
    expect(archived.result.allocated).toBe(whole);
  });

  test('of 40 GiB are archived and proven without reading them, and come back on a small disk', async (context) => {
    const home = await scratchDirectory();
    const root = join(home, 'server');
    fs.mkdirSync(root);
    makeSparse(join(root, 'db.img'), 40 * GIB, [
      [0, Buffer.from('begin')],
      [20 * GIB + 12_345, randomBytes(65_536, 1)],
    ]);
    const before = bytesRead();
    const archived = await written(root);
    expect(bytesRead() - before).toBeLessThan(GIB);
    expect(archived.archive.length).toBeLessThan(60 * MIB);
    expect(archived.result).toMatchObject({ bytes: 40 * GIB, warnings: [] });
    const into = join(home, 'ram');
    fs.mkdirSync(into);
    mountTmpfs(context, into, 'size=32m');
    const limits = { maxBytes: 8 * MIB, maxEntries: 0 };
    const { size, sha256 } = archived.result;
    await unpacked(archived, join(into, 'out'), { limits, expected: { size, sha256 } });
    const copy = join(into, 'out/db.img');
    expect(fs.statSync(copy).size).toBe(40 * GIB);
    expect(onDisk(copy)).toBeLessThan(MIB);
    const descriptor = fs.openSync(copy, 'r');
    const read = Buffer.alloc(65_536);
    fs.readSync(descriptor, read, 0, read.length, 20 * GIB + 12_345);
    fs.closeSync(descriptor);
    expect(read.equals(randomBytes(65_536, 1))).toBe(true);
  });

  test('that alone would pass the size limit are refused before they are written', async () => {
    const home = await scratchDirectory();
    fs.mkdirSync(join(home, 'server'));
    makeSparse(join(home, 'server/huge'), 15 * 1024 * GIB, []);
    // To write even a part of it takes minutes, and the test's own time limit ends that.
    await expect(written(join(home, 'server'), { maxSize: GIB })).rejects.toMatchObject({ code: 'too_large' });
  });

  test('are copied where they did not change, and are seen where they were filled', async () => {
    const { home, root } = await makeServer();
    const base = saved(await madeLater(await written(root)), join(home, 'first.tar.gz'));
    const descriptor = fs.openSync(join(root, 'a-all-hole'), 'r+');
    fs.writeSync(descriptor, Buffer.from('filled'), 0, 6, 2 * MIB);
    fs.closeSync(descriptor);
    const second = await written(root, { base });
    expect(second.result.reusedBytes).toBeGreaterThan(2 * MIB);
    await checkedEntries(second);
    await unpacked(second, join(home, 'out'));
    expect(sumOf(join(home, 'out/a-all-hole'))).toBe(sumOf(join(root, 'a-all-hole')));
  });

  test('whose archive holds more than its index says do not pass the limit', async () => {
    const { home, root } = await makeServer();
    const archived = await written(root);
    const lying = await withAllocated(archived, 0);
    const limits = { maxBytes: MIB, maxEntries: 0 };
    await expect(unpacked(lying, join(home, 'out'), { limits })).rejects.toMatchObject({ code: 'too_large' });
  });

  test('a damaged hole is found', async () => {
    const { root } = await makeServer();
    const archived = await written(root);
    const segments = await Array.fromAsync((await IndexReader.open(memorySource(archived.index))).segments());
    const hole = segments.find(({ rawLength, length }) => rawLength === MIB && length < 2048);
    const archive = Buffer.from(archived.archive);
    const at = (hole?.offset ?? 0) + 100;
    archive[at] = (archive[at] ?? 0) ^ 1;
    const source = { archive: memorySource(archive), index: memorySource(archived.index) };
    await expect(verifyArchive({ source, workers: 1 })).rejects.toMatchObject({ code: 'archive_damaged' });
  });
});

/** The same archive with an index that claims other numbers for all files. */
async function withAllocated(archived: Written, allocated: number): Promise<Written> {
  const { IndexWriter } = await import('../../src/archive/index/writer.ts');
  const reader = await IndexReader.open(memorySource(archived.index));
  const parts: Buffer[] = [];
  const writer = new IndexWriter((bytes) => parts.push(Buffer.from(bytes)));
  for await (const entry of reader.entries()) writer.addEntry({ ...entry, allocated });
  for await (const segment of reader.segments()) writer.addSegment(segment);
  writer.finish(reader.summary);
  return { ...archived, index: Buffer.concat(parts) };
}
