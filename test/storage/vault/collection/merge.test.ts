/** Packs that are merged: which, and into what. */
import { randomBytes, randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { BLOCK } from '../../../../src/storage/vault/collection/dead-data.ts';
import { LiveBlocks } from '../../../../src/storage/vault/collection/live-blocks.ts';
import { hasManyPacks, mergePacks, packsToMerge } from '../../../../src/storage/vault/collection/merge.ts';
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

/** One pack, every other byte of which is needed. */
async function scratchPack() {
  const { store } = await scratchStore();
  const pack = randomUUID();
  const bytes = randomBytes(LENGTH);
  await putObject(store, packKey(SERVER, pack), bytes);
  const list = new RangeListBuilder();
  for (let at = 0; at < LENGTH; at += 2) list.add(pack, at, 1);
  const lists = Readable.from([list.finish()]);
  const merge = async (most: { readonly ranges: number; readonly length: number }): Promise<number> =>
    mergePacks(store, SERVER, await ServerPacks.load(store, SERVER), new Set([pack]), lists, pins, most);
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

test('many short ranges are written in few calls', async () => {
  const { store, merge } = await scratchPack();
  const create = store.create.bind(store);
  let writes = 0;
  store.create = async (key) => {
    const object = await create(key);
    const write = object.write.bind(object);
    object.write = (bytes) => write(bytes).finally(() => void writes++);
    return object;
  };
  await merge({ ranges: 2 ** 20, length: GIBIBYTE });
  // The pack, and its map.
  expect(writes).toBe(2);
});

test('what the disk cannot read stays where it is, and all else is moved', async () => {
  const { store, pack, merge, pins } = await scratchPack();
  const open = store.open.bind(store);
  store.open = async (key) => {
    const source = await open(key);
    const read = source.read.bind(source);
    source.read = (offset, length) =>
      offset === 500
        ? Promise.reject(Object.assign(new Error('EIO'), { code: 'EIO', errno: -5 }))
        : read(offset, length);
    return source;
  };
  expect(await merge({ ranges: 2 ** 20, length: GIBIBYTE })).toBe(LENGTH / 2 - 1);
  const after = await ServerPacks.load(store, SERVER);
  const stay = Array.from({ length: LENGTH / 2 }, (_, index) => index * 2).filter(
    (at) => Array.from(after.placesOf(pack, at, 1))[0]?.pack === pack,
  );
  expect([stay, pins.has(SERVER)]).toEqual([[500], false]);
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

test('moved bytes lie in the order of the first list that names them, each once', async () => {
  const { store } = await scratchStore();
  const [one, other] = [randomUUID(), randomUUID()];
  const bytes = { [one]: randomBytes(LENGTH), [other]: randomBytes(LENGTH) };
  for (const [id, content] of Object.entries(bytes)) await putObject(store, packKey(SERVER, id), content);
  const newest = new RangeListBuilder();
  for (const [pack, start, length] of [
    [one, 700, 100],
    [other, 0, 50],
    [one, 100, 200],
    [one, 150, 300],
    [other, 0, 50],
  ] as const) {
    newest.add(pack, start, length);
  }
  const older = new RangeListBuilder();
  older.add(one, 0, LENGTH);
  const lists = Readable.from([newest.finish(), older.finish()]);
  const packs = await ServerPacks.load(store, SERVER);
  const moved = await mergePacks(store, SERVER, packs, new Set([one, other]), lists, new Pins(), {
    ranges: 2 ** 20,
    length: GIBIBYTE,
  });
  expect(moved).toBe(LENGTH + 50);
  const after = await ServerPacks.load(store, SERVER);
  const [id = ''] = after.maps.keys();
  const part = (pack: string, from: number, to: number): Buffer | undefined => bytes[pack]?.subarray(from, to);
  const expected = [
    part(one, 700, 800),
    part(other, 0, 50),
    part(one, 100, 300),
    part(one, 300, 450),
    part(one, 0, 100),
    part(one, 450, 700),
    part(one, 800, LENGTH),
  ];
  expect(
    (await read(store, packKey(SERVER, id))).equals(Buffer.concat(expected.filter((each) => each !== undefined))),
  ).toBe(true);
});
