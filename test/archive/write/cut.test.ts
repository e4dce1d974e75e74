import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  cutUnits,
  LARGE_FILE,
  type LargeFile,
  type PackedEntry,
  PIECE_LENGTH,
  RAW_CAPACITY,
  type Unit,
} from '../../../src/archive/write/cut.ts';
import { entryLength, headerLength, paddingOf } from '../../../src/archive/tar/header.ts';
import type { WalkedEntry } from '../../../src/archive/walk/walked-entry.ts';

const PLAIN: WalkedEntry = {
  path: 'a',
  kind: 'file',
  size: 0,
  mode: 0o644,
  uid: 1000,
  gid: 1000,
  mtime: 1_700_000_000,
  dev: 1,
  ino: 1,
  mtimeMs: 1_700_000_000_000.25,
  ctimeMs: 1_700_000_000_000.5,
};

function entry(path: string, more: Partial<WalkedEntry> = {}): WalkedEntry {
  return { ...PLAIN, path, ...more };
}

/** Opens nothing: the entry is as it was walked. */
function openAsWalked(walked: WalkedEntry): LargeFile {
  return { entry: walked, descriptor: -1 };
}

function cut(
  entries: Iterable<PackedEntry>,
  open: (walked: WalkedEntry) => LargeFile | undefined = openAsWalked,
): Unit[] {
  return [...cutUnits(entries, open)];
}

const sizes = fc.oneof(
  { weight: 8, arbitrary: fc.nat(20_000) },
  { weight: 3, arbitrary: fc.integer({ min: LARGE_FILE - 2, max: LARGE_FILE + 2 }) },
  { weight: 2, arbitrary: fc.integer({ min: PIECE_LENGTH - 600, max: 5 * PIECE_LENGTH }) },
  { weight: 1, arbitrary: fc.constantFrom(PIECE_LENGTH, 2 * PIECE_LENGTH, 3 * PIECE_LENGTH - 1) },
);
const lists = fc
  .array(fc.record({ size: sizes, name: fc.string({ minLength: 1, maxLength: 300 }), directory: fc.boolean() }), {
    maxLength: 80,
  })
  .map((fields) =>
    fields.map(({ size, name, directory }, index) =>
      directory ? entry(`${index} ${name}`, { kind: 'directory' }) : entry(`${index} ${name}`, { size, ino: index }),
    ),
  );

describe('cutting', () => {
  test('covers the tar stream without gap or overlap, in units that fit', () => {
    fc.assert(
      fc.property(lists, (entries) => {
        const units = cut(entries);
        const packed = units.flatMap((unit) => (unit.kind === 'pack' ? unit.entries : []));
        expect(packed.map(({ path }) => path)).toEqual(entries.map(({ path }) => path));
        let length = 0;
        for (const unit of units) {
          expect(unit.length).toBeGreaterThan(0);
          expect(unit.length).toBeLessThanOrEqual(RAW_CAPACITY);
          if (unit.kind === 'piece')
            expect(unit.length).toBe(unit.content + (unit.last ? paddingOf(unit.file.entry.size) : 0));
          length += unit.length;
        }
        expect(length).toBe(entries.reduce((sum, each) => sum + entryLength(each), 0));
      }),
      { numRuns: 200 },
    );
  });

  test('takes a large file at every mebibyte of its own, right behind its header', () => {
    fc.assert(
      fc.property(fc.integer({ min: LARGE_FILE, max: 6 * PIECE_LENGTH }), fc.nat(300_000), (size, before) => {
        const units = cut([entry('before', { size: before }), entry('large', { size }), entry('z')]);
        const pieces = units.filter((unit) => unit.kind === 'piece');
        expect(pieces.map(({ offset }) => offset)).toEqual(pieces.map((_, index) => index * PIECE_LENGTH));
        expect(pieces.reduce((sum, { content }) => sum + content, 0)).toBe(size);
        expect(pieces.map(({ last }) => last)).toEqual(pieces.map((_, index) => index === pieces.length - 1));
        const header = units[units.indexOf(pieces[0] as Unit) - 1];
        expect(header?.kind === 'pack' && header.entries.at(-1)).toMatchObject({ path: 'large', headerOnly: true });
      }),
      { numRuns: 60 },
    );
  });

  test('goes by what a large file is when it is opened, and leaves out what cannot be', () => {
    const opened = (size: number): Unit[] =>
      cut([entry('a', { size: 600_000 }), entry('b')], (walked) => ({ entry: { ...walked, size }, descriptor: 3 }));
    expect(opened(0).map(({ kind, length }) => [kind, length])).toEqual([
      ['pack', 512],
      ['pack', 512],
    ]);
    expect(opened(10).map(({ kind, length }) => [kind, length])).toEqual([
      ['pack', 512],
      ['piece', 512],
      ['pack', 512],
    ]);
    const without = cut([entry('a'), entry('gone', { size: 600_000 }), entry('z')], () => undefined);
    expect(without.map((unit) => unit.kind === 'pack' && unit.entries.map(({ path }) => path))).toEqual([['a', 'z']]);
  });

  test('opens a large file only when the units before it were taken', () => {
    const opened: string[] = [];
    const units = cutUnits([entry('a', { size: 600_000 }), entry('b', { size: 600_000 })], (walked) => {
      opened.push(walked.path);
      return openAsWalked(walked);
    });
    units.next();
    expect(opened).toEqual(['a']);
    units.next();
    units.next();
    expect(opened).toEqual(['a', 'b']);
  });
});

describe('cuts stay put', () => {
  const many = Array.from({ length: 10_000 }, (_, index) =>
    entry(`world/data/${String(index).padStart(6, '0')}.dat`, { size: (index * 7919) % 12_000, ino: index }),
  );
  const before = cut(many);
  const keys = new Set(before.map(({ key }) => key));

  /** Units that another cutting has in place of those before. */
  function fresh(entries: readonly PackedEntry[]): number {
    return cut(entries).filter(({ key }) => !keys.has(key)).length;
  }

  test('when one file of 10,000 changes, one unit does', () => {
    expect(before.length).toBeGreaterThan(50);
    for (const at of [0, 1, 5000, 9999]) {
      const changed = many.with(at, entry(many[at]?.path ?? '', { size: many[at]?.size ?? 0, ino: at, mtimeMs: 5 }));
      expect(fresh(changed)).toBe(1);
    }
  });

  test('when a file comes, goes, grows or becomes large, only units near it change', () => {
    for (const at of [3, 777, 5000, 9998]) {
      const path = `${many[at]?.path ?? ''}-`;
      expect(fresh(many.toSpliced(at + 1, 0, entry(path, { size: 3000, ino: 77_777 })))).toBeLessThanOrEqual(6);
      expect(fresh(many.toSpliced(at, 1))).toBeLessThanOrEqual(6);
      expect(fresh(many.with(at, entry(many[at]?.path ?? '', { size: 100_000, ino: at })))).toBeLessThanOrEqual(6);
      // Its header ends a pack, and its three pieces are new.
      expect(fresh(many.with(at, entry(many[at]?.path ?? '', { size: 3_000_000, ino: at })))).toBeLessThanOrEqual(9);
    }
  });

  test('when a large file changes, its pieces change, and no pack but that of its header', () => {
    const large = many.with(5000, entry('world/data/005000.dat', { size: 3_000_000, ino: 5000 }));
    const known = new Set(cut(large).map(({ key }) => key));
    const touched = large.with(5000, entry('world/data/005000.dat', { size: 3_000_000, ino: 5000, ctimeMs: 9 }));
    const changed = cut(touched).filter(({ key }) => !known.has(key));
    // The header says nothing of the change time: only the pieces are made anew.
    expect(changed.map(({ kind }) => kind)).toEqual(['piece', 'piece', 'piece']);
  });
});

describe('keys', () => {
  const keysOf = (entries: readonly PackedEntry[]): string[] => cut(entries).map(({ key }) => key);

  test('are 16 bytes, and the same for the same entries', () => {
    const list = [entry('a'), entry('b', { size: 600_000 })];
    expect(keysOf(list)).toEqual(keysOf(structuredClone(list)));
    for (const key of keysOf(list)) expect(Buffer.from(key, 'latin1')).toHaveLength(16);
  });

  const fields: readonly Partial<WalkedEntry>[] = [
    { path: 'b' },
    { kind: 'directory' },
    { size: 1 },
    { mode: 0o600 },
    { uid: 1 },
    { gid: 1 },
    { mtimeMs: PLAIN.mtimeMs + 0.25 },
    { ctimeMs: PLAIN.ctimeMs + 0.25 },
    { ino: 2 },
    { dev: 2 },
  ];
  test.for(fields)('of a small file change with %j', (field) => {
    expect(keysOf([entry('a', field)])).not.toEqual(keysOf([PLAIN]));
  });

  test.for(
    fields.filter(({ kind, path, mode, uid, gid, size }) =>
      [kind, path, mode, uid, gid, size].every((x) => x === undefined),
    ),
  )('of a piece change with %j', (field) => {
    const [, one] = keysOf([entry('a', { size: 600_000 })]);
    const [, other] = keysOf([entry('a', { size: 600_000, ...field })]);
    expect(other).not.toBe(one);
  });

  test('of two pieces of one file differ, and so does one by the size of its file', () => {
    const pieces = keysOf([entry('a', { size: 3 * PIECE_LENGTH })]);
    expect(new Set(pieces).size).toBe(4);
    expect(keysOf([entry('a', { size: 3 * PIECE_LENGTH + 1 })])[1]).not.toBe(pieces[1]);
  });

  test('tell entries apart whose names and targets read the same when joined', () => {
    const links = (list: readonly (readonly [string, string])[]): string[] =>
      keysOf(list.map(([path, target]) => entry(path, { kind: 'symlink', target })));
    expect(links([['ab', 'c']])).not.toEqual(links([['a', 'bc']]));
    expect(links([['a', 'b c']])).not.toEqual(links([['a b', 'c']]));
    expect(keysOf([entry('a'), entry('b')])).not.toEqual(keysOf([entry('ab')]));
    fc.assert(
      fc.property(lists, lists, (one, other) => {
        fc.pre(JSON.stringify(one) !== JSON.stringify(other) && one.length > 0 && other.length > 0);
        expect(keysOf(one)).not.toEqual(keysOf(other));
      }),
      { numRuns: 100 },
    );
  });
});

test('the header of a large file fits behind a full pack, whatever its name', () => {
  const full = Array.from({ length: 1000 }, (_, index) => entry(`f${index}`, { size: 500, ino: index }));
  const long = entry(`${'p'.repeat(8000)}\xff`, { size: 600_000 });
  const units = cut([...full, ...full, long]);
  expect(headerLength(long)).toBeGreaterThan(8000);
  for (const { length } of units) expect(length).toBeLessThanOrEqual(RAW_CAPACITY);
});
