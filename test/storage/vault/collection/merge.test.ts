/** Packs that are merged: which, and into what. */
import { randomBytes, randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { LiveBlocks } from '../../../../src/storage/vault/collection/live-blocks.ts';
import { LivingRanges } from '../../../../src/storage/vault/collection/living-ranges.ts';
import { mergePacks, packsToMerge } from '../../../../src/storage/vault/collection/merge.ts';
import { Pins } from '../../../../src/storage/vault/pins.ts';
import { RangeListBuilder } from '../../../../src/storage/vault/ranges.ts';
import { packKey, ServerPacks } from '../../../../src/storage/vault/server-packs.ts';
import { putObject } from '../../../contract/store.ts';
import { serverId } from '../../../support/catalogue-rows.ts';
import { failureOf } from '../../../support/rejection.ts';
import { scratchStore } from '../../../support/scratch-store.ts';

const SERVER = serverId(1);
const GIBIBYTE = 2 ** 30;
const LENGTH = 1000;

/** Packs of which all is needed but their last bytes. */
function fullPacks(sizes: readonly number[], dead = 0) {
  const packs = new ServerPacks(new Map(sizes.map((size) => [randomUUID(), size])), new Set(), new Map());
  const live = new LiveBlocks(packs);
  for (const [id, size] of packs.packs) {
    const list = new RangeListBuilder();
    list.add(id, 0, size - dead);
    live.mark(list.finish());
  }
  return (mergeAt: number) => packsToMerge(packs, live, new Set(), mergeAt).map((id) => packs.packs.get(id));
}

test('a first backup of more than a hundred gibibytes is not moved for the number of its packs', () => {
  const large = Array.from({ length: 150 }, () => GIBIBYTE);
  expect(fullPacks(large)(0.1)).toEqual([]);
  const small = Array.from({ length: 100 }, () => 1_000_000);
  expect(fullPacks([...large, ...small])(0.1)).toEqual(small.slice(0, 30));
});

test('large packs are moved when too much of them is dead', () => {
  const large = Array.from({ length: 10 }, () => GIBIBYTE);
  expect(fullPacks(large, GIBIBYTE / 4)(0.1).length).toBe(8);
});

/** One pack, every other byte of which is needed. */
async function scratchPack() {
  const { store } = await scratchStore();
  const pack = randomUUID();
  const bytes = randomBytes(LENGTH);
  await putObject(store, packKey(SERVER, pack), bytes);
  const list = new RangeListBuilder();
  for (let at = 0; at < LENGTH; at += 2) list.add(pack, at, 1);
  const living = new LivingRanges();
  living.add(list.finish());
  const merge = async (most: { readonly ranges: number; readonly length: number }): Promise<number> =>
    mergePacks(store, SERVER, await ServerPacks.load(store, SERVER), new Set([pack]), living, pins, most);
  const pins = new Pins();
  return { store, pack, bytes, merge, pins };
}

async function read(store: Awaited<ReturnType<typeof scratchStore>>['store'], key: string): Promise<Buffer> {
  const source = await store.open(key as ReturnType<typeof packKey>);
  try {
    return Buffer.from(await source.read(0, source.size));
  } finally {
    await source.close();
  }
}

test.each([
  ['ranges', { ranges: 150, length: GIBIBYTE }, 4],
  ['bytes', { ranges: 2 ** 20, length: 120 }, 5],
])('a merge of more %s than one pack may have makes several', async (_, most, packs) => {
  const { store, pack, bytes, merge, pins } = await scratchPack();
  expect(await merge(most)).toBe(LENGTH / 2);
  const after = await ServerPacks.load(store, SERVER);
  expect(after.packs.size).toBe(1 + packs);
  expect(Math.max(...Array.from(after.maps.values(), ({ count }) => count))).toBeLessThanOrEqual(most.ranges);
  for (let at = 0; at < LENGTH; at += 2) {
    const [place] = after.placesOf(pack, at, 1);
    expect(place?.pack).not.toBe(pack);
    const moved = await read(store, packKey(SERVER, place?.pack ?? ''));
    expect(moved[place?.offset ?? 0]).toBe(bytes[at]);
  }
  expect(pins.has(SERVER)).toBe(false);
});

test('a merge that fails keeps the packs that have their maps, and nothing pinned', async () => {
  const { store, merge, pins } = await scratchPack();
  const create = store.create.bind(store);
  let maps = 0;
  store.create = (key) => (key.endsWith('.map') && ++maps === 3 ? Promise.reject(new Error('EIO')) : create(key));
  await expect(merge({ ranges: 150, length: GIBIBYTE })).rejects.toThrow('EIO');
  const after = await ServerPacks.load(store, SERVER);
  expect([after.maps.size, pins.has(SERVER)]).toEqual([2, false]);
});

test('a pack that is gone fails a merge', async () => {
  const { store, pack, merge } = await scratchPack();
  const open = store.open.bind(store);
  store.open = async (key) => {
    await store.remove(packKey(SERVER, pack));
    return open(key);
  };
  await failureOf(merge({ ranges: 150, length: GIBIBYTE }), 'archive_damaged');
});
