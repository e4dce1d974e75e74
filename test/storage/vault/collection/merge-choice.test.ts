/** Which packs are merged. */
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { BLOCK } from '../../../../src/storage/vault/collection/dead-data.ts';
import { LiveBlocks } from '../../../../src/storage/vault/collection/live-blocks.ts';
import { hasManyPacks, packsToMerge } from '../../../../src/storage/vault/collection/merge-choice.ts';
import { RangeListBuilder } from '../../../../src/storage/vault/ranges.ts';
import { ServerPacks } from '../../../../src/storage/vault/server-packs.ts';

const GIBIBYTE = 2 ** 30;

/** Packs of which all is needed but their last bytes. */
function fullPacks(sizes: readonly number[], dead = 0) {
  const packs = new ServerPacks(new Map(sizes.map((size) => [randomUUID(), size])), new Set(), new Map());
  const live = new LiveBlocks(packs);
  for (const [id, size] of packs.packs) {
    const list = new RangeListBuilder();
    list.add(id, 0, size - dead);
    live.mark(list.finish());
  }
  return (mergeAt: number, punched = false, room?: number) =>
    packsToMerge(packs, live, new Set(), mergeAt, punched, room).map((id) => packs.packs.get(id));
}

test('a first backup of more than a hundred gibibytes is not moved for the number of its packs', () => {
  const large = Array.from({ length: 150 }, () => GIBIBYTE);
  expect(fullPacks(large)(0.1)).toEqual([]);
  const small = Array.from({ length: 100 }, () => 1_000_000);
  expect(fullPacks([...large, ...small])(0.1)).toEqual(small.slice(0, 60));
});

test('large packs are moved when too much of them is dead', () => {
  const large = Array.from({ length: 10 }, () => GIBIBYTE);
  expect(fullPacks(large, GIBIBYTE / 4)(0.1).length).toBe(8);
});

test('no more is moved than there is room for', () => {
  const half = fullPacks(
    Array.from({ length: 10 }, () => 100 * BLOCK),
    50 * BLOCK,
  );
  expect(half(0.1, false, 50 * BLOCK * 3).length).toBe(3);
  expect(half(0.1, false, 50 * BLOCK - 1)).toEqual([]);
  const many = fullPacks(Array.from({ length: 60 }, () => 100 * BLOCK));
  expect(many(0.1, true, 100 * BLOCK * 5).length).toBe(5);
  // Of one pack, one would be made.
  expect(many(0.1, true, 100 * BLOCK)).toEqual([]);
});

/** Packs of so many blocks each, of which `need` adds what is needed. */
function equalPacks(count: number, blocks: number, need: (list: RangeListBuilder, id: string, pack: number) => void) {
  const ids = Array.from({ length: count }, () => randomUUID());
  const packs = new ServerPacks(new Map(ids.map((id) => [id, blocks * BLOCK])), new Set(), new Map());
  const live = new LiveBlocks(packs);
  for (const [pack, id] of ids.entries()) {
    const list = new RangeListBuilder();
    need(list, id, pack);
    live.mark(list.finish());
  }
  return { ids, packs, live };
}

test('what is dead and takes no disk is not moved for', () => {
  const small = Array.from({ length: 10 }, () => 1_000_000);
  expect(fullPacks(small, 250_000)(0.1, true)).toEqual([]);
  expect(fullPacks(small, 250_000)(0.1).length).toBe(8);
});

test('blocks of which little is needed are dead for the most part, and the emptiest are moved where holes take no disk, too', () => {
  const { ids, packs, live } = equalPacks(4, 100, (list, id, pack) => {
    const length = pack === 1 ? BLOCK / 8 : BLOCK;
    for (let block = 0; block < 100; block++) list.add(id, block * BLOCK, length);
  });
  expect(packsToMerge(packs, live, new Set(), 0.1, true)).toEqual([ids[1]]);
  expect(packsToMerge(packs, live, new Set(ids.slice(1, 2)), 0.1, true)).toEqual([]);
  expect(packsToMerge(packs, live, new Set(), 0.3, true)).toEqual([]);
});

test('a pack with too little in it to gain a block keeps none of the others from being moved', () => {
  const [tiny, large] = [randomUUID(), randomUUID()];
  const sizes = new Map([
    [tiny, 4000],
    [large, 1000 * BLOCK],
  ]);
  const packs = new ServerPacks(sizes, new Set(), new Map());
  const live = new LiveBlocks(packs);
  const list = new RangeListBuilder();
  list.add(tiny, 0, 400);
  list.add(large, 0, 500 * BLOCK);
  live.mark(list.finish());
  expect(packsToMerge(packs, live, new Set(), 0.1, false)).toEqual([large]);
});

test('a server is not collected behind each backup for full packs, however many they are', () => {
  expect(hasManyPacks({ packs: 200, storedBytes: 200 * GIBIBYTE })).toBe(false);
  expect(hasManyPacks({ packs: 260, storedBytes: 200.5 * GIBIBYTE })).toBe(true);
  expect(hasManyPacks({ packs: 59, storedBytes: 59_000 })).toBe(false);
  expect(hasManyPacks({ packs: 60, storedBytes: 60_000 })).toBe(true);
});

test('sixty packs become forty: those are moved of which the least is needed', () => {
  const { ids, packs, live } = equalPacks(60, 200, (list, id, pack) => list.add(id, 0, (200 - pack) * BLOCK));
  expect(new Set(packsToMerge(packs, live, new Set(), 1, true))).toEqual(new Set(ids.slice(40)));
  expect(new Set(packsToMerge(packs, live, new Set(ids.slice(59)), 1, true))).toEqual(new Set(ids.slice(39, 59)));
});
