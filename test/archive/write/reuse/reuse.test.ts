import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EngineName, WriteRequest } from '../../../../src/archive/contract.ts';
import { selectedEngine } from '../../../../src/archive/gzip/engine.ts';
import { ReuseBase } from '../../../../src/archive/write/reuse/reuse.ts';
import type { Piece } from '../../../../src/archive/write/cut.ts';
import { openFiles } from '../../../support/open-files.ts';
import { randomBytes } from '../../../support/random-bytes.ts';
import { scratchDirectory } from '../../../support/scratch.ts';
import {
  checkedEntries,
  madeLater,
  MemorySink,
  saved,
  segmentsOf,
  written,
  type Written,
} from '../../../support/written-archive.ts';

const HOUR = 3_600_000;
const ENGINES: readonly EngineName[] = selectedEngine('auto') === 'isal' ? ['isal', 'zlib'] : ['zlib'];

/** A small server: packs of small files, large files, links. */
function makeServer(home: string): string {
  const root = join(home, 'server');
  fs.mkdirSync(join(root, 'data'), { recursive: true });
  for (let number = 0; number < 600; number++) {
    fs.writeFileSync(join(root, `data/${number}`), `file ${number} `.repeat(number));
  }
  fs.writeFileSync(join(root, 'region.mca'), randomBytes(3_500_000, 1));
  fs.writeFileSync(join(root, 'text.log'), 'the same line\n'.repeat(200_000));
  fs.linkSync(join(root, 'data/1'), join(root, 'data/linked'));
  fs.symlinkSync('data', join(root, 'link'));
  // Whole seconds, which can be put back exactly.
  for (const path of ['region.mca', 'data/300']) fs.utimesSync(join(root, path), 1_600_000_000, 1_600_000_000);
  return root;
}

/** A server with a first backup of it that is old enough to copy from. */
async function backedUp(more: Partial<WriteRequest> = {}) {
  const home = await scratchDirectory();
  const root = makeServer(home);
  const first = await madeLater(await written(root, more));
  const base = saved(first, join(home, 'first.tar.gz'));
  return { home, root, first, base };
}

/** A server that tests do not change, with a first backup that each has a copy of. */
let unchanging: { readonly home: string; readonly root: string; readonly first: Written };
beforeAll(async () => {
  const home = fs.mkdtempSync(join(tmpdir(), 'roost-test-'));
  const root = makeServer(home);
  unchanging = { home, root, first: await madeLater(await written(root)) };
});
afterAll(() => {
  fs.rmSync(unchanging.home, { recursive: true });
});

async function unchanged() {
  const { root, first } = unchanging;
  const base = saved(first, join(await scratchDirectory(), 'first.tar.gz'));
  return { root, first, base };
}

/** Stored bytes in segments: all of an archive but its frame. */
async function segmentBytes(archived: Written): Promise<number> {
  return (await segmentsOf(archived)).reduce((sum, { length }) => sum + length, 0);
}

/** How many of an archive's segments another does not have. */
async function freshSegments(archived: Written, before: Written): Promise<number> {
  const known = new Set((await segmentsOf(before)).map(({ crcStored, crcRaw }) => `${crcStored} ${crcRaw}`));
  return (await segmentsOf(archived)).filter(({ crcStored, crcRaw }) => !known.has(`${crcStored} ${crcRaw}`)).length;
}

describe('a second backup of an unchanged tree', () => {
  test('copies its bytes, and needs the first no more', async () => {
    const { root, first, base } = await unchanged();
    const before = openFiles();
    const second = await written(root, { base });
    expect(openFiles()).toEqual(before);
    fs.rmSync(base.archive);
    fs.rmSync(base.index);
    await checkedEntries(second);
    expect(second.archive.equals(first.archive)).toBe(true);
    // All but the end of the tar stream.
    const end = (await segmentsOf(second)).at(-1)?.length ?? 0;
    expect(second.result.reusedBytes).toBe((await segmentBytes(second)) - end);
    expect(second.result.warnings).toEqual([]);
  });

  test('can be the base of a third', async () => {
    const { root, base } = await unchanged();
    const second = await madeLater(await written(root, { base }));
    const third = await written(root, { base: saved(second, `${base.archive}.second`) });
    expect(third.result.reusedBytes).toBe(second.result.reusedBytes);
    await checkedEntries(third);
  });

  test.for(ENGINES.flatMap((from) => ENGINES.map((to) => [from, to] as const)))(
    'copies what %s made into an archive by %s',
    async ([from, to]) => {
      const { root, first, base } = await backedUp({ engine: from });
      const second = await written(root, { base, engine: to });
      await checkedEntries(second);
      expect(second.result.engine).toBe(to);
      expect(second.result.reusedBytes).toBeGreaterThan(0.99 * (await segmentBytes(first)));
    },
  );

  test('says how far it is, as any backup does', async () => {
    const { root, base } = await unchanged();
    let last: unknown;
    const { result } = await written(root, { base, onProgress: (progress) => (last = progress) });
    expect(last).toMatchObject({ bytesDone: result.rawSize, bytesTotal: result.rawSize, filesDone: result.files });
  });
});

describe('what changed is made anew', () => {
  test('one file of 10,000: hardly more than its pack', async () => {
    const home = await scratchDirectory();
    const root = join(home, 'server');
    for (let directory = 0; directory < 20; directory++) {
      fs.mkdirSync(join(root, `d${directory}`), { recursive: true });
      for (let number = 0; number < 500; number++) {
        fs.writeFileSync(join(root, `d${directory}/${number}`), `${directory} ${number} `.repeat(80));
      }
    }
    const first = await madeLater(await written(root));
    fs.writeFileSync(join(root, 'd7/77'), 'changed');
    const second = await written(root, { base: saved(first, join(home, 'first.tar.gz')) });
    await checkedEntries(second);
    const all = await segmentsOf(second);
    expect(all.length).toBeGreaterThan(20);
    expect(await freshSegments(second, first)).toBeLessThanOrEqual(3);
    expect(gunzipSync(second.archive).includes('changed')).toBe(true);
  });

  test('a large file with one byte changed, all of its pieces: times are the file’s', async () => {
    const { root, first, base } = await backedUp();
    const descriptor = fs.openSync(join(root, 'region.mca'), 'r+');
    fs.writeSync(descriptor, Buffer.from([1, 2, 3]), 0, 3, 2_000_000);
    fs.closeSync(descriptor);
    const second = await written(root, { base });
    const region = (await checkedEntries(second)).find(({ path }) => path === 'region.mca');
    expect(region?.content.equals(fs.readFileSync(join(root, 'region.mca')))).toBe(true);
    // The piece that changed, and perhaps the pack with the header, whose time is another.
    expect(await freshSegments(second, first)).toBeLessThanOrEqual(3);
  });

  test('content of the same size with its old time put back', async () => {
    const { root, base } = await backedUp();
    for (const name of ['data/300', 'region.mca']) {
      const path = join(root, name);
      const { mtimeMs, size } = fs.statSync(path);
      fs.writeFileSync(path, Buffer.alloc(size, 'FORGED '));
      fs.utimesSync(path, mtimeMs / 1000, mtimeMs / 1000);
      expect(fs.statSync(path).mtimeMs).toBe(mtimeMs);
    }
    const entries = await checkedEntries(await written(root, { base }));
    for (const name of ['data/300', 'region.mca']) {
      expect(
        entries
          .find(({ path }) => path === name)
          ?.content.subarray(0, 7)
          .toString(),
      ).toBe('FORGED ');
    }
  });

  test('a file that took the place of another with the same size and times', async () => {
    const { root, base } = await backedUp();
    const path = join(root, 'data/300');
    const { mtimeMs, size } = fs.statSync(path);
    fs.writeFileSync(`${path}.new`, Buffer.alloc(size, 'FORGED '));
    fs.utimesSync(`${path}.new`, mtimeMs / 1000, mtimeMs / 1000);
    fs.renameSync(`${path}.new`, path);
    const entries = await checkedEntries(await written(root, { base }));
    expect(
      entries
        .find(({ path }) => path === 'data/300')
        ?.content.subarray(0, 7)
        .toString(),
    ).toBe('FORGED ');
  });

  test('modes and owners, which are in the headers', async () => {
    const { root, base } = await backedUp();
    fs.chmodSync(join(root, 'data/10'), 0o600);
    fs.chmodSync(join(root, 'data'), 0o700);
    const entries = await checkedEntries(await written(root, { base }));
    expect(entries.find(({ path }) => path === 'data/10')?.mode).toBe(0o600);
    expect(entries.find(({ path }) => path === 'data/')?.mode).toBe(0o700);
  });

  test('files younger than a minute when the older backup began: mapped memory may change them without new times', async () => {
    const { root, first } = await unchanged();
    const changed = fs.readdirSync(root, { recursive: true, encoding: 'utf8' });
    const oldest = Math.min(...changed.map((name) => fs.lstatSync(join(root, name)).ctimeMs));
    const young = await madeLater(first, oldest + 59_000 - first.result.startedAt);
    const second = await written(root, { base: saved(young, join(await scratchDirectory(), 'young.tar.gz')) });
    await checkedEntries(second);
    // A large file's header alone, which says nothing of its content, is as good as ever.
    expect(second.result.reusedBytes).toBeLessThan(200);
  });

  test('everything at another level', async () => {
    const { root, base } = await unchanged();
    for (const level of ['none', 'best'] as const) {
      const { result } = await written(root, { base, level });
      expect(result.reusedBytes).toBe(0);
    }
  });
});

test('the minute is counted from both times to the moment that the older backup began', async () => {
  const { first, base } = await unchanged();
  const began = first.result.startedAt;
  const reuse = await ReuseBase.open(base, 'fast', false, 60_000);
  const segment = (await segmentsOf(first)).find(({ key }) => key !== '');
  const unit = (mtimeMs: number, ctimeMs: number): Piece => {
    const { key = '', rawLength: length = 0 } = segment ?? {};
    const walked = { path: 'a', kind: 'file' as const, size: 1, mode: 0, uid: 0, gid: 0, mtime: 0, dev: 1, ino: 1 };
    const file = { entry: { ...walked, mtimeMs, ctimeMs }, descriptor: -1 };
    return { kind: 'piece', file, offset: 0, content: 1, length, last: true, key };
  };
  const old = began - 60_001;
  expect(reuse?.find(unit(old, old))).toEqual(segment);
  expect(reuse?.find(unit(began - 60_000, old))).toBeUndefined();
  expect(reuse?.find(unit(old, began - 60_000))).toBeUndefined();
  expect(reuse?.find(unit(old, began + HOUR))).toBeUndefined();
  expect(reuse?.find({ ...unit(old, old), key: 'another key here' })).toBeUndefined();
  expect(reuse?.find({ ...unit(old, old), length: 7 })).toBeUndefined();
  await reuse?.close();
  const never = await ReuseBase.open(base, 'fast', false, Infinity);
  expect(never?.find(unit(old, old))).toBeUndefined();
  await never?.close();
});

describe('an older archive that is no good', () => {
  test('a flipped byte is noticed wherever it is, and never copied', async () => {
    const { root, first, base } = await unchanged();
    const expected = gunzipSync(first.archive);
    const segments = await segmentsOf(first);
    const spots = [segments[0], segments[Math.floor(segments.length / 2)], segments.at(-2)];
    const damaged = Buffer.from(first.archive);
    for (const spot of spots) {
      const at = (spot?.offset ?? 0) + Math.floor((spot?.length ?? 0) / 2);
      damaged[at] = (damaged[at] ?? 0) ^ 0x40;
    }
    fs.writeFileSync(base.archive, damaged);
    const second = await written(root, { base });
    await checkedEntries(second);
    expect(gunzipSync(second.archive).equals(expected)).toBe(true);
    const kept = segments.filter((segment) => !spots.includes(segment)).slice(0, -1);
    expect(second.result.reusedBytes).toBe(kept.reduce((sum, { length }) => sum + length, 0));
  });

  test.for([
    ['is missing', ({ archive }: Base) => fs.rmSync(archive)],
    ['has lost its index', ({ index }: Base) => fs.rmSync(index)],
    ['was cut', ({ archive }: Base) => fs.truncateSync(archive, 100_000)],
    ['is empty', ({ archive }: Base) => fs.truncateSync(archive, 0)],
    ['has a damaged index', ({ index }: Base) => flip(index, -60)],
    ['has an index without its end', ({ index }: Base) => fs.truncateSync(index, 50)],
    ['has the index of another', ({ archive }: Base) => flip(archive, -5)],
    ['is a directory', ({ archive }: Base) => (fs.rmSync(archive), fs.mkdirSync(archive))],
    ['is a FIFO', ({ archive }: Base) => (fs.rmSync(archive), execFileSync('mkfifo', [archive]))],
    ['has a FIFO for its index', ({ index }: Base) => (fs.rmSync(index), execFileSync('mkfifo', [index]))],
  ] as const)('when it %s, all is made anew', async ([, spoil]) => {
    const { root, base } = await unchanged();
    spoil(base);
    const before = openFiles();
    const second = await written(root, { base });
    expect(openFiles()).toEqual(before);
    await checkedEntries(second);
    expect(second.result).toMatchObject({ reusedBytes: 0, warnings: [] });
  });

  test('when it is cut while bytes are copied from it, the rest is made anew', async () => {
    const { root, first, base } = await unchanged();
    const kept = new MemorySink();
    let writes = 0;
    const archive = {
      write: (bytes: Uint8Array) => {
        if (++writes === 3) fs.truncateSync(base.archive, 300_000);
        return kept.write(bytes);
      },
    };
    const index = new MemorySink();
    const { result } = await written(root, { base, workers: 1, archive, index });
    await checkedEntries({ archive: kept.bytes, index: index.bytes, result });
    expect(gunzipSync(kept.bytes).equals(gunzipSync(first.archive))).toBe(true);
  });
});

type Base = Readonly<{ archive: string; index: string }>;

function flip(path: string, at: number): void {
  const bytes = fs.readFileSync(path);
  const place = at < 0 ? bytes.length + at : at;
  bytes[place] = (bytes[place] ?? 0) ^ 1;
  fs.writeFileSync(path, bytes);
}
