import fs from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { Assembler } from '../../../src/archive/write/assembler.ts';
import type { WriteResult } from '../../../src/archive/contract.ts';
import { Slots } from '../../../src/archive/threads/control.ts';
import { cutUnits, LARGE_FILE, type PackedEntry, RAW_CAPACITY } from '../../../src/archive/write/cut.ts';
import { store, storedLength } from '../../../src/archive/gzip/deflate.ts';
import { compileIgnore } from '../../../src/archive/ignore/ignore.ts';
import { LargeFiles } from '../../../src/archive/write/large-files.ts';
import { HardLinkFallback } from '../../../src/archive/write/hard-link-fallback.ts';
import { PackReader } from '../../../src/archive/write/pack-reader.ts';
import { decodeEntries } from '../../../src/archive/write/packed-entries.ts';
import type { SegmentResult, SegmentTask } from '../../../src/archive/write/messages.ts';
import { Walk } from '../../../src/archive/walk/walk.ts';
import type { WalkedEntry } from '../../../src/archive/walk/walked-entry.ts';
import { type SegmentPool, WritePipeline } from '../../../src/archive/write/pipeline.ts';
import type { Clock } from '../../../src/base/clock.ts';
import { Pace } from '../../../src/base/rates.ts';
import { openFiles } from '../../support/open-files.ts';
import { randomBytes } from '../../support/random-bytes.ts';
import { scratchDirectory } from '../../support/scratch.ts';
import { StillClock } from '../../support/still-clock.ts';
import type { TarEntry } from '../../support/tar-entries.ts';
import { checkedEntries } from '../../support/written-archive.ts';

interface Race {
  /** Runs after the walk, before the first file is opened. */
  readonly afterWalk?: (root: string) => void;
  /** Runs before each task, which has a number from 0. */
  readonly beforeTask?: (number: number, task: SegmentTask) => void;
  /** Runs before a file is opened as a large one. */
  readonly beforeOpen?: (path: string) => void;
  /** Tasks under way at once. */
  readonly slots?: number;
}

interface Raced {
  readonly entries: readonly TarEntry[];
  readonly result: WriteResult;
  /** Paths with a warning, in order. */
  readonly warned: readonly string[];
  /** Bytes that were waited for. */
  readonly paced: { readonly read: number; readonly written: number };
}

/**
 * Archives a directory as the write thread does, with tasks that run one after the other in this thread, so that a
 * test decides what happens between any two of them. The archive is checked in every respect.
 */
async function archiveWhile(root: string, race: Race): Promise<Raced> {
  const before = openFiles();
  const [archive, index]: [Buffer[], Buffer[]] = [[], []];
  // Long after the files were made.
  const clock = new StillClock(Date.now() + 60_000);
  const slots = new Slots(race.slots ?? 3, storedLength(RAW_CAPACITY));
  const assembler = new Assembler({
    level: 'none',
    engine: 'zlib',
    maxSize: 0,
    startedAt: clock.now(),
    emit: (bytes) => archive.push(Buffer.from(bytes)),
    emitIndex: (bytes) => index.push(Buffer.from(bytes)),
  });
  const warn: Assembler['warn'] = (path, code, message) => assembler.warn(path, code, message);
  const walked = walkOf(root, warn);
  race.afterWalk?.(root);
  const heirs = new HardLinkFallback();
  const large = new LargeFiles(root, heirs, clock, warn);
  const { open } = large;
  Object.assign(large, {
    open: (entry: WalkedEntry) => {
      race.beforeOpen?.(entry.path);
      return open(entry);
    },
  });
  const reader = PackReader.open(root, clock, () => undefined);
  const [readPace, writePace] = [new CountingPace(clock), new CountingPace(clock)];
  const line: WritePipeline = new WritePipeline({
    pool: poolOf(reader, slots, race.beforeTask),
    slots,
    assembler,
    base: undefined,
    large,
    hardLinks: heirs,
    readPace,
    writePace,
    checkStop: () => undefined,
    writeSlot: (slot, length) => {
      archive.push(Buffer.from(slots.view(slot, length)));
      setImmediate(() => line.freed(slot));
    },
    onAppended: () => undefined,
    onDamagedBase: () => undefined,
  });
  for (const unit of cutUnits(walked, large.open)) await line.add(unit);
  await line.finish();
  const result = assembler.finish();
  reader.close();
  large.close();
  expect(openFiles()).toEqual(before);
  const entries = await checkedEntries({ archive: Buffer.concat(archive), index: Buffer.concat(index), result });
  const paced = { read: readPace.bytes, written: writePace.bytes };
  return { entries, result, warned: result.warnings.map(({ path }) => path), paced };
}

/** Waits for nothing, and counts what it was asked to wait for. */
class CountingPace extends Pace {
  bytes = 0;

  constructor(clock: Clock) {
    super(
      clock,
      () => 0,
      () => undefined,
    );
  }

  override async take(bytes: number): Promise<void> {
    this.bytes += bytes;
  }
}

function walkOf(root: string, warn: Assembler['warn']): PackedEntry[] {
  const ignore = compileIgnore([]);
  return [...new Walk({ root, ignore, exclude: [], warn, checkAbort: () => undefined }).entries()];
}

/** Does what a segment thread does, when its turn comes. */
function poolOf(reader: PackReader, slots: Slots, beforeTask: Race['beforeTask']): SegmentPool {
  let number = 0;
  let turn: Promise<unknown> = Promise.resolve();
  const run = ({ slot, task }: { slot: number; task: SegmentTask }): Promise<SegmentResult> => {
    const result = turn.then(() => {
      beforeTask?.(number++, task);
      return perform(task, reader, slots.view(slot));
    });
    turn = result.catch(() => undefined);
    return result;
  };
  return { run } as unknown as SegmentPool;
}

function perform(task: SegmentTask, reader: PackReader, output: Buffer): SegmentResult {
  const raw = Buffer.alloc(RAW_CAPACITY);
  if (task.kind === 'pack') {
    const { length, runs: _, ...content } = reader.read(decodeEntries(task.entries), raw);
    return { ...content, ...sealed(raw.subarray(0, length), output) };
  }
  if (task.kind === 'copy' || task.kind === 'compare') throw new Error('nothing is reused here');
  const got = fs.readSync(task.descriptor, raw, 0, task.content, task.offset);
  raw.fill(0, got);
  const told = { changes: [], warnings: [], asPlanned: got === task.content };
  return { ...told, ...sealed(raw.subarray(0, task.length), output), available: task.offset + got };
}

function sealed(raw: Buffer, output: Buffer) {
  const length = store(raw, output);
  return {
    rawLength: raw.length,
    storedLength: length,
    crcRaw: crc32(raw),
    crcStored: crc32(output.subarray(0, length)),
  };
}

async function treeOf(files: Readonly<Record<string, string | Buffer>>): Promise<string> {
  const root = await scratchDirectory();
  for (const [path, content] of Object.entries(files)) {
    if (path.endsWith('/')) fs.mkdirSync(join(root, path));
    else fs.writeFileSync(join(root, path), content);
  }
  return root;
}

/** What each name leads to in an archive: its content, through a hard link that of its target. */
function contentsOf({ entries }: Raced): Record<string, string> {
  const files = new Map<string, string>();
  for (const { path, type, target, content } of entries) {
    if (type === 'file') files.set(path, digestOf(content));
    if (type === 'hardlink') files.set(path, files.get(target) ?? 'nothing');
  }
  return Object.fromEntries(files);
}

/** Short content as it is, long content by its length and sum. */
function digestOf(content: Buffer): string {
  return content.length < 100 ? content.toString() : `${content.length} bytes, ${crc32(content)}`;
}

const SMALL = Buffer.alloc(100_000, 'small ');
const LARGE = randomBytes(LARGE_FILE + 300_000, 1);
const HUGE = randomBytes(5_000_000, 2);

test('a tree that stands still is archived whole, with as little as one slot', async () => {
  const root = await treeOf({ a: 'a', b: LARGE, 'c/': '', 'c/d': SMALL, e: HUGE });
  for (const slots of [1, 2, 7]) {
    const raced = await archiveWhile(root, { slots });
    expect(raced.warned).toEqual([]);
    expect(contentsOf(raced)).toEqual({ a: 'a', b: digestOf(LARGE), 'c/d': digestOf(SMALL), e: digestOf(HUGE) });
  }
});

describe('files that outgrow their pack', () => {
  test('are cut as large ones, and what was behind them is archived as it is, without a warning', async () => {
    const root = await treeOf({ a: SMALL, b: 'grows', 'c/': '', 'c/in it': 'small', d: SMALL, f: 'last' });
    fs.symlinkSync('a', join(root, 'e'));
    fs.linkSync(join(root, 'f'), join(root, 'g'));
    const raced = await archiveWhile(root, { afterWalk: () => fs.writeFileSync(join(root, 'b'), HUGE) });
    expect(raced.warned).toEqual(['b']);
    expect(contentsOf(raced)).toEqual({
      a: digestOf(SMALL),
      b: digestOf(HUGE),
      'c/in it': 'small',
      d: digestOf(SMALL),
      f: 'last',
      g: 'last',
    });
  });

  test('several at once, each a little, push others out that did not change', async () => {
    const names = Array.from({ length: 9 }, (_, index) => `f${index}`);
    const root = await treeOf(Object.fromEntries(names.map((name) => [name, SMALL])));
    for (const name of ['g', 'h']) fs.mkdirSync(join(root, name));
    const grown = Buffer.alloc(400_000, 'grown ');
    const raced = await archiveWhile(root, {
      afterWalk: () => {
        for (const name of names.slice(0, 4)) fs.writeFileSync(join(root, name), grown);
      },
    });
    expect(raced.warned).toEqual(names.slice(0, 4));
    const expected = names.map((name, index) => [name, digestOf(index < 4 ? grown : SMALL)]);
    expect(contentsOf(raced)).toEqual(Object.fromEntries(expected));
    expect(raced.entries.slice(-2).map(({ path, size }) => [path, size])).toEqual([
      ['g/', 0],
      ['h/', 0],
    ]);
  });

  test('push out what does not fit any more, though it did not change: files and directories alike', async () => {
    const files = Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`f${index}`, SMALL]));
    const directories = Object.fromEntries(Array.from({ length: 250 }, (_, index) => [`g${index}/`, '']));
    const root = await treeOf({ ...files, ...directories, g000: 'small' });
    const raced = await archiveWhile(root, {
      afterWalk: () => {
        // Two files leave room for the next, and not for the one behind it; the last leaves room for some directories.
        for (const name of ['f0', 'f1']) fs.writeFileSync(join(root, name), Buffer.alloc(520_000, 'grown '));
        fs.writeFileSync(join(root, 'g000'), Buffer.alloc(1_180_000, 'grown '));
      },
    });
    expect(raced.warned).toEqual(['f0', 'f1', 'g000']);
    expect(raced.entries.filter(({ type }) => type === 'directory')).toHaveLength(250);
    expect(contentsOf(raced)).toMatchObject({ f2: digestOf(SMALL), f3: digestOf(SMALL), f8: digestOf(SMALL) });
  });

  test('the first, the last, and the only one of a pack', async () => {
    for (const names of [['a'], ['a', 'b'], ['b', 'a']]) {
      const root = await treeOf(Object.fromEntries(names.map((name) => [name, name])));
      const raced = await archiveWhile(root, { afterWalk: () => fs.writeFileSync(join(root, 'a'), HUGE), slots: 1 });
      expect(raced.warned).toEqual(['a']);
      expect(contentsOf(raced).a).toBe(digestOf(HUGE));
    }
  });

  test('and vanish before they can be cut as large ones', async () => {
    const root = await treeOf({ a: 'grows, then goes', b: 'b' });
    fs.linkSync(join(root, 'a'), join(root, 'c'));
    const raced = await archiveWhile(root, {
      afterWalk: () => fs.writeFileSync(join(root, 'a'), HUGE),
      beforeOpen: (path) => {
        if (path === 'a') fs.rmSync(join(root, 'a'));
      },
    });
    expect(contentsOf(raced)).toEqual({ b: 'b', c: digestOf(HUGE) });
    expect(raced.result.warnings[0]).toMatchObject({ path: 'a', code: 'file_vanished' });
  });
});

describe('large files', () => {
  test('that vanish, or become something else, before they are opened are left out', async () => {
    const root = await treeOf({ a: LARGE, b: LARGE, c: LARGE, d: 'd' });
    const raced = await archiveWhile(root, {
      afterWalk: () => {
        for (const name of ['a', 'b', 'c']) fs.rmSync(join(root, name));
        fs.symlinkSync('/etc/passwd', join(root, 'b'));
        fs.mkdirSync(join(root, 'c'));
      },
    });
    expect(contentsOf(raced)).toEqual({ d: 'd' });
    expect(raced.result.warnings.map(({ path, code }) => [path, code])).toEqual([
      ['a', 'file_vanished'],
      ['b', 'file_changed'],
      ['c', 'special_file'],
    ]);
  });

  test('that vanish while their pieces are read are archived whole: they are open', async () => {
    const root = await treeOf({ a: HUGE, b: 'b' });
    const raced = await archiveWhile(root, {
      beforeTask: (number) => {
        if (number === 2) fs.rmSync(join(root, 'a'));
      },
    });
    expect(contentsOf(raced)).toEqual({ a: digestOf(HUGE), b: 'b' });
    expect(raced.warned).toEqual(['a']);
  });

  test('that grow are cut, that shrink are filled, and their sizes are named', async () => {
    for (const [length, code, message] of [
      [6_000_000, 'file_grew', 'It grew from 5000000 to 6000000 bytes while it was read; it was cut'],
      [1_500_000, 'file_shrank', 'It shrank from 5000000 to 1500000 bytes; zeros stand for the rest'],
    ] as const) {
      const root = await treeOf({ a: HUGE, b: 'b' });
      const raced = await archiveWhile(root, {
        beforeTask: (number) => {
          if (number === 2) fs.truncateSync(join(root, 'a'), length);
        },
      });
      expect(raced.result.warnings).toEqual([{ path: 'a', code, message }]);
      const kept = Buffer.concat([HUGE.subarray(0, Math.min(length, HUGE.length)), Buffer.alloc(HUGE.length)]);
      expect(contentsOf(raced)).toEqual({ a: digestOf(kept.subarray(0, HUGE.length)), b: 'b' });
    }
  });

  test('that become small, or empty, before they are opened', async () => {
    for (const length of [0, 1, 513]) {
      const root = await treeOf({ a: LARGE, b: 'b' });
      const raced = await archiveWhile(root, { afterWalk: () => fs.truncateSync(join(root, 'a'), length) });
      expect(contentsOf(raced)).toEqual({ a: digestOf(LARGE.subarray(0, length)), b: 'b' });
      expect(raced.warned).toEqual(['a']);
    }
  });
});

describe('hard links whose file is lost', () => {
  /** What stands between the first links and the last; a large file ends their pack. */
  const spread = { 'm-': SMALL, 'n-': LARGE, 'o-': SMALL };

  async function linked(content: string | Buffer): Promise<string> {
    const root = await treeOf({ a: content, ...spread });
    for (const name of ['b', 'c', 'y', 'z']) fs.linkSync(join(root, 'a'), join(root, name));
    return root;
  }

  test.for([
    ['small', 'shared'],
    ['large', LARGE],
    ['of several packs', Buffer.alloc(LARGE_FILE - 1, 'x')],
  ] as const)('a %s one that vanished: the next name becomes the file', async ([, content]) => {
    const root = await linked(content);
    const raced = await archiveWhile(root, { afterWalk: () => fs.rmSync(join(root, 'a')) });
    const expected = digestOf(Buffer.from(content));
    expect(contentsOf(raced)).toMatchObject({ b: expected, c: expected, y: expected, z: expected });
    expect(raced.entries.filter(({ type }) => type === 'hardlink').map(({ target }) => target)).toEqual([
      'b',
      'b',
      'b',
    ]);
    expect(raced.warned[0]).toBe('a');
  });

  test.for([
    ['small', 'shared'],
    ['large', LARGE],
  ] as const)('a %s one that another was renamed over: they keep their own content', async ([, content]) => {
    const root = await linked(content);
    const other = Buffer.from(content).fill('another ');
    fs.writeFileSync(join(root, 'zz-other'), other);
    const raced = await archiveWhile(root, { afterWalk: () => fs.renameSync(join(root, 'zz-other'), join(root, 'a')) });
    const [old, now] = [digestOf(Buffer.from(content)), digestOf(other)];
    expect(contentsOf(raced)).toMatchObject({ a: now, b: old, c: old, y: old, z: old });
    expect(raced.warned).toContain('a');
  });

  test.for([
    ['small', 'shared'],
    ['large', LARGE],
  ] as const)('a %s one whose heirs vanish too, while packs are under way', async ([, content]) => {
    const root = await linked(content);
    const raced = await archiveWhile(root, {
      afterWalk: () => {
        for (const name of ['a', 'b', 'y']) fs.rmSync(join(root, name));
      },
    });
    const expected = digestOf(Buffer.from(content));
    expect(contentsOf(raced)).toMatchObject({ c: expected, z: expected });
    expect(raced.warned.slice(0, 2)).toEqual(['a', 'b']);
    expect(Object.keys(contentsOf(raced))).not.toContain('b');
  });

  test.for([
    ['vanished', (root: string) => fs.rmSync(join(root, 'a'))],
    ['was replaced', (root: string) => fs.renameSync(join(root, 'zz-other'), join(root, 'a'))],
  ] as const)('a small one that %s, with all of the links in later packs', async ([, lose]) => {
    const root = await treeOf({ a: 'shared', 'n-': LARGE, 'zz-other': 'other' });
    for (const name of ['y', 'z']) fs.linkSync(join(root, 'a'), join(root, name));
    const raced = await archiveWhile(root, { afterWalk: lose });
    expect(contentsOf(raced)).toMatchObject({ 'n-': digestOf(LARGE), y: 'shared', z: 'shared' });
    expect(raced.entries.find(({ path }) => path === 'z')).toMatchObject({ type: 'hardlink', target: 'y' });
  });

  test('all of them: nothing is left but warnings', async () => {
    const root = await linked(LARGE);
    const raced = await archiveWhile(root, {
      afterWalk: () => {
        for (const name of ['a', 'b', 'c', 'y', 'z']) fs.rmSync(join(root, name));
      },
    });
    expect(Object.keys(contentsOf(raced))).toEqual(Object.keys(spread));
    expect(raced.warned).toEqual(['a', 'b', 'c', 'y', 'z']);
  });

  test('a thousand links to a file that went take no more than a moment', async () => {
    const root = await treeOf({ a: 'shared' });
    for (let index = 0; index < 1000; index++) fs.linkSync(join(root, 'a'), join(root, `b${index}`));
    let tasks = 0;
    const raced = await archiveWhile(root, {
      afterWalk: () => {
        for (const name of fs.readdirSync(root)) if (name !== 'b999') fs.rmSync(join(root, name));
      },
      beforeTask: () => {
        tasks++;
      },
    });
    expect(contentsOf(raced)).toEqual({ b999: 'shared' });
    expect(raced.result.warningCount).toBeGreaterThanOrEqual(1000);
    expect(tasks).toBeLessThan(20);
  });
});

test('all that is read and written goes by the rates, what is read twice twice', async () => {
  const root = await treeOf({ a: LARGE, b: SMALL, c: 'c' });
  const still = await archiveWhile(root, {});
  const { rawSize, size } = still.result;
  // The end of the tar stream is read nowhere; frame and end are written beside the segments.
  expect(still.paced.read).toBe(rawSize - 1024);
  expect(still.paced.written).toBeGreaterThan(size - 100);
  const raced = await archiveWhile(root, { afterWalk: () => fs.writeFileSync(join(root, 'b'), HUGE) });
  expect(raced.paced.read).toBeGreaterThan(rawSize + HUGE.length);
});

test('packs of which nothing is left write nothing', async () => {
  const root = await treeOf({ a: 'a', b: 'b' });
  const raced = await archiveWhile(root, {
    afterWalk: () => {
      for (const name of ['a', 'b']) fs.rmSync(join(root, name));
    },
  });
  expect(raced.entries).toEqual([]);
  expect(raced.result).toMatchObject({ entries: 0, files: 0, warningCount: 2 });
});
