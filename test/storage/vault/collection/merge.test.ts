/** Packs that are merged: into what. */
import { randomBytes, randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { mergePacks } from '../../../../src/storage/vault/collection/merge.ts';
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
