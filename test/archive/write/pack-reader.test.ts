import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { indexOnlyEntries } from '../../../src/archive/write/index-only.ts';
import { type PackedEntry, RAW_CAPACITY } from '../../../src/archive/write/cut.ts';
import { END_OF_ARCHIVE } from '../../../src/archive/gzip/frame.ts';
import { compileIgnore } from '../../../src/archive/ignore/ignore.ts';
import { PackReader } from '../../../src/archive/write/pack-reader.ts';
import { decodeEntries, encodeEntries } from '../../../src/archive/write/packed-entries.ts';
import { Walk } from '../../../src/archive/walk/walk.ts';
import { openFiles } from '../../support/open-files.ts';
import { scratchDirectory } from '../../support/scratch.ts';
import { StillClock } from '../../support/still-clock.ts';
import { tarEntries } from '../../support/tar-entries.ts';

afterEach(() => {
  vi.restoreAllMocks();
});

/** What the walk sees now; what happens after that is a race. */
function walked(root: string): PackedEntry[] {
  const request = { root, ignore: compileIgnore([]), exclude: [], warn: () => undefined, checkAbort: () => undefined };
  return [...new Walk(request).entries()];
}

/** @param later how long after the last change it is read. */
function read(
  root: string,
  entries: readonly PackedEntry[],
  capacity = RAW_CAPACITY,
  checkStop = () => undefined,
  later = 60_000,
) {
  const clock = new StillClock(Date.now() + later);
  const before = openFiles();
  const reader = PackReader.open(root, clock, checkStop);
  const raw = Buffer.alloc(capacity, 0xa5);
  try {
    // As it goes to a segment thread.
    const { length, ...told } = reader.read(decodeEntries(encodeEntries(entries)), raw);
    const packed = tarEntries(Buffer.concat([raw.subarray(0, length), END_OF_ARCHIVE]));
    return {
      ...told,
      contents: packed.map(({ path, content, target }) => [path, content.toString() || target]),
      packed,
    };
  } finally {
    reader.close();
    expect(openFiles()).toEqual(before);
  }
}

function codesOf({ warnings }: { readonly warnings: readonly { readonly path: string; readonly code: string }[] }) {
  return warnings.map(({ path, code }) => [path, code]);
}

/** A directory with three files, as it was walked. */
async function threeFiles() {
  const root = await scratchDirectory();
  for (const name of ['a', 'b', 'c']) fs.writeFileSync(join(root, name), `content of ${name}`);
  return { root, b: join(root, 'b'), entries: walked(root) };
}

/** Runs something just before some of the reads of a file's bytes, which are counted from 1. */
function beforeReads(numbers: readonly number[], act: () => void): void {
  const { readSync } = fs;
  let reads = 0;
  vi.spyOn(fs, 'readSync').mockImplementation((...args: Parameters<typeof readSync>) => {
    if (numbers.includes(++reads)) act();
    return readSync(...args);
  });
}

function systemError(code: string, errno: number): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: staged`), { code, errno });
}

test('a pack of files that stand still is as planned', async () => {
  const { root, entries } = await threeFiles();
  const told = read(root, entries);
  expect(told).toMatchObject({ asPlanned: true, changes: [], warnings: [] });
  expect(told.contents).toEqual([
    ['a', 'content of a'],
    ['b', 'content of b'],
    ['c', 'content of c'],
  ]);
});

test('a file that changed in this tick of the clock may change again unseen, and has a warning', async () => {
  const { root, entries } = await threeFiles();
  const told = read(root, entries, RAW_CAPACITY, () => undefined, -1000);
  expect(codesOf(told)).toEqual([
    ['a', 'file_changed'],
    ['b', 'file_changed'],
    ['c', 'file_changed'],
  ]);
  expect(told.asPlanned).toBe(false);
  expect(told.contents[0]).toEqual(['a', 'content of a']);
});

describe('between the walk and the reading', () => {
  test('a file that became longer is archived as it is now, with a warning', async () => {
    const { root, b, entries } = await threeFiles();
    fs.appendFileSync(b, ' and more');
    const told = read(root, entries);
    expect(told.contents[1]).toEqual(['b', 'content of b and more']);
    expect(codesOf(told)).toEqual([['b', 'file_changed']]);
    expect(told.asPlanned).toBe(false);
    expect(told.changes).toEqual([{ index: 1, entry: expect.objectContaining({ path: 'b', size: 21 }) }]);
  });

  test('a file that became shorter is archived as it is now, with a warning', async () => {
    const { root, b, entries } = await threeFiles();
    fs.truncateSync(b, 3);
    const told = read(root, entries);
    expect(told.contents[1]).toEqual(['b', 'con']);
    expect(codesOf(told)).toEqual([['b', 'file_changed']]);
  });

  test('a file of the same size and time but another change time is noticed', async () => {
    const { root, b, entries } = await threeFiles();
    const { atimeMs, mtimeMs } = fs.statSync(b);
    fs.writeFileSync(b, 'CONTENT OF B');
    fs.utimesSync(b, atimeMs / 1000, mtimeMs / 1000);
    expect(codesOf(read(root, entries))).toEqual([['b', 'file_changed']]);
  });

  test.for([
    ['vanished', 'file_vanished', (b: string) => fs.rmSync(b)],
    [
      'became a link to a file outside',
      'file_changed',
      (b: string) => (fs.rmSync(b), fs.symlinkSync('/etc/passwd', b)),
    ],
    ['became a link to itself', 'file_changed', (b: string) => (fs.rmSync(b), fs.symlinkSync('b', b))],
    ['became a FIFO', 'special_file', (b: string) => (fs.rmSync(b), execFileSync('mkfifo', [b]))],
    ['became a directory', 'special_file', (b: string) => (fs.rmSync(b), fs.mkdirSync(b))],
  ] as const)('a file that %s is left out, with a warning', async ([, code, act]) => {
    const { root, b, entries } = await threeFiles();
    act(b);
    const told = read(root, entries);
    expect(told.contents.map(([path]) => path)).toEqual(['a', 'c']);
    expect(codesOf(told)).toEqual([['b', code]]);
    expect(told.changes).toEqual([{ index: 1 }]);
    expect(told.asPlanned).toBe(false);
  });

  test('a file that became a socket is left out, with a warning', async () => {
    const { root, b, entries } = await threeFiles();
    fs.rmSync(b);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(b, resolve));
    onTestFinished(() => new Promise<void>((resolve) => server.close(() => resolve())));
    const told = read(root, entries);
    expect(told.contents.map(([path]) => path)).toEqual(['a', 'c']);
    expect(codesOf(told)).toEqual([['b', 'unreadable']]);
  });

  test('a directory that became a link leads nowhere', async () => {
    const home = await scratchDirectory();
    for (const path of ['server/d', 'outside']) fs.mkdirSync(join(home, path), { recursive: true });
    for (const path of ['server/d/f', 'outside/f', 'server/z']) fs.writeFileSync(join(home, path), path);
    const entries = walked(join(home, 'server'));
    fs.renameSync(join(home, 'server/d'), join(home, 'moved'));
    fs.symlinkSync(join(home, 'outside'), join(home, 'server/d'));
    const told = read(join(home, 'server'), entries);
    expect(told.contents).toEqual([
      ['d/', ''],
      ['z', 'server/z'],
    ]);
    expect(codesOf(told)).toEqual([['d/f', 'file_changed']]);
  });
});

describe('while it is read', () => {
  test('a file that changes once is read again as it is now, with a warning', async () => {
    const { root, b, entries } = await threeFiles();
    beforeReads([2], () => fs.appendFileSync(b, ' and more'));
    const told = read(root, entries);
    expect(told.contents[1]).toEqual(['b', 'content of b and more']);
    expect(codesOf(told)).toEqual([['b', 'file_changed']]);
    expect(told.changes).toEqual([{ index: 1, entry: expect.objectContaining({ path: 'b', size: 21 }) }]);
    expect(told.asPlanned).toBe(false);
  });

  test('a file that grows each time is cut where its header says', async () => {
    const { root, b, entries } = await threeFiles();
    beforeReads([2, 3], () => fs.appendFileSync(b, ' and more'));
    const told = read(root, entries);
    expect(told.contents[1]).toEqual(['b', 'content of b and more']);
    expect(told.warnings).toEqual([
      { path: 'b', code: 'file_grew', message: 'It grew from 21 to 30 bytes while it was read; it was cut' },
    ]);
    expect(told.asPlanned).toBe(false);
  });

  test('a file that ends earlier each time is filled with zeros, whatever lay in memory before', async () => {
    const { root, b, entries } = await threeFiles();
    const lengths = [9, 7];
    beforeReads([2, 4], () => fs.truncateSync(b, lengths.shift()));
    const told = read(root, entries);
    expect(told.contents[1]).toEqual(['b', `content${'\0'.repeat(2)}`]);
    expect(told.warnings).toEqual([
      { path: 'b', code: 'file_shrank', message: 'It shrank from 9 to 7 bytes; zeros stand for the rest' },
    ]);
  });

  test('a file that is written over each time is a mixture, with a warning', async () => {
    const { root, b, entries } = await threeFiles();
    beforeReads([2, 3], () => fs.writeFileSync(b, 'CONTENT OF B'));
    expect(codesOf(read(root, entries))).toEqual([['b', 'file_changed']]);
  });

  test('a file that cannot be read on is filled with zeros, with the errno', async () => {
    const { root, entries } = await threeFiles();
    beforeReads([2, 3], () => {
      throw systemError('EIO', -5);
    });
    const told = read(root, entries);
    expect(told.contents[1]).toEqual(['b', '\0'.repeat(12)]);
    expect(told.warnings).toEqual([
      { path: 'b', code: 'unreadable', message: 'It cannot be read beyond byte 0 (EIO); zeros stand for the rest' },
    ]);
    expect(told.asPlanned).toBe(false);
  });

  test('a file that could not be read the first time but the second is as planned', async () => {
    const { root, entries } = await threeFiles();
    beforeReads([2], () => {
      throw systemError('EIO', -5);
    });
    expect(read(root, entries)).toMatchObject({ asPlanned: true, changes: [], warnings: [] });
  });

  test('too few descriptors end the backup: each file left out for that would be lost in silence', async () => {
    const { root, entries } = await threeFiles();
    const reader = PackReader.open(root, new StillClock(), () => undefined);
    vi.spyOn(fs, 'openSync').mockImplementation(() => {
      throw systemError('EMFILE', -24);
    });
    expect(() => reader.read(entries, Buffer.alloc(RAW_CAPACITY))).toThrow('EMFILE');
    reader.close();
  });

  test('a stop is noticed at every file', async () => {
    const { root, entries } = await threeFiles();
    let asked = 0;
    const stop = (): undefined => {
      if (++asked === 2) throw new Error('stopped');
    };
    expect(() => read(root, entries, RAW_CAPACITY, stop)).toThrow('stopped');
  });
});

describe('a pack that overflows', () => {
  test('ends before the first entry that does not fit, whatever that is', async () => {
    const root = await scratchDirectory();
    fs.writeFileSync(join(root, 'a'), 'a');
    fs.mkdirSync(join(root, 'b'));
    fs.symlinkSync('a', join(root, 'c'));
    fs.linkSync(join(root, 'a'), join(root, 'd'));
    const entries = walked(root);
    fs.writeFileSync(join(root, 'a'), Buffer.alloc(5 * 512 - 10, 'a'));
    const capacities = [512 * 6, 512 * 7, 512 * 8, 512 * 9].map((capacity) => read(root, entries, capacity));
    expect(capacities.map(({ rest, packed }) => [rest, packed.map(({ path }) => path).join(' ')])).toEqual([
      [1, 'a'],
      [2, 'a b/'],
      [3, 'a b/ c'],
      [undefined, 'a b/ c d'],
    ]);
    for (const { warnings } of capacities) expect(warnings.map(({ path }) => path)).toEqual(['a']);
  });

  test('holds nothing when its first file alone does not fit', async () => {
    const { root, entries } = await threeFiles();
    fs.writeFileSync(join(root, 'a'), Buffer.alloc(5000));
    expect(read(root, entries, 4096)).toMatchObject({ rest: 0, packed: [], warnings: [], changes: [] });
  });
});

describe('hard links in a pack', () => {
  /** The file `a` with the links `b`, `c` and `d`, and `other` beside them. */
  async function fourNames() {
    const root = await scratchDirectory();
    fs.writeFileSync(join(root, 'a'), 'shared');
    for (const name of ['b', 'c', 'd']) fs.linkSync(join(root, 'a'), join(root, name));
    fs.writeFileSync(join(root, 'other'), 'replaced');
    return { root, entries: walked(root) };
  }

  test('to a file that vanished: the next name becomes the file', async () => {
    const { root, entries } = await fourNames();
    fs.rmSync(join(root, 'a'));
    const told = read(root, entries);
    expect(told.contents).toEqual([
      ['b', 'shared'],
      ['c', 'b'],
      ['d', 'b'],
      ['other', 'replaced'],
    ]);
    expect(told.packed.map(({ type }) => type)).toEqual(['file', 'hardlink', 'hardlink', 'file']);
    // The link count changed when the name went, and that is a change of the file that the others share.
    expect(codesOf(told)[0]).toEqual(['a', 'file_vanished']);
    expect(told.asPlanned).toBe(false);
    expect(told.changes.map(({ index, entry }) => [index, entry?.kind, entry?.target])).toEqual([
      [0, undefined, undefined],
      [1, 'file', undefined],
      [2, 'hardlink', 'b'],
      [3, 'hardlink', 'b'],
    ]);
  });

  test('to a file that was replaced by another: they keep what they had', async () => {
    const { root, entries } = await fourNames();
    fs.renameSync(join(root, 'other'), join(root, 'a'));
    const told = read(root, entries);
    expect(told.contents).toEqual([
      ['a', 'replaced'],
      ['b', 'shared'],
      ['c', 'b'],
      ['d', 'b'],
    ]);
    expect(told.changes[0]).toMatchObject({ index: 0, replaced: true });
    expect(codesOf(told).map(([path]) => path)).toEqual(expect.arrayContaining(['a', 'other']));
  });

  test('whose heirs vanish one after the other', async () => {
    const { root, entries } = await fourNames();
    for (const name of ['a', 'b', 'c']) fs.rmSync(join(root, name));
    const told = read(root, entries);
    expect(told.contents).toEqual([
      ['d', 'shared'],
      ['other', 'replaced'],
    ]);
    expect(codesOf(told).slice(0, 3)).toEqual([
      ['a', 'file_vanished'],
      ['b', 'file_vanished'],
      ['c', 'file_vanished'],
    ]);
  });
});

describe('links that are kept beside the tar', () => {
  async function linked() {
    const root = await scratchDirectory();
    fs.writeFileSync(join(root, 'a'), 'shared');
    fs.linkSync(join(root, 'a'), join(root, 'b'));
    const entries = [...indexOnlyEntries(walked(root))];
    expect(entries.map(({ path, kind, indexOnly: aside }) => [path, kind, aside])).toEqual([
      ['a', 'file', undefined],
      ['b', 'file', undefined],
      ['b', 'hardlink', true],
    ]);
    return { root, entries };
  }

  test('take no bytes, and their names have files of their own', async () => {
    const { root, entries } = await linked();
    const { contents, changes, asPlanned } = read(root, entries);
    expect(contents).toEqual([
      ['a', 'shared'],
      ['b', 'shared'],
    ]);
    expect([changes, asPlanned]).toEqual([[], true]);
  });

  test.each(['is gone', 'is another file now'])('are no links any more when what they lead to %s', async (fate) => {
    const { root, entries } = await linked();
    fs.rmSync(join(root, 'a'));
    if (fate !== 'is gone') fs.writeFileSync(join(root, 'a'), 'another');
    const { contents, changes } = read(root, entries);
    expect(contents.at(-1)).toEqual(['b', 'shared']);
    // Or a restore would put the other file's content in the place of b.
    expect(changes).toContainEqual({ index: 2 });
  });
});
