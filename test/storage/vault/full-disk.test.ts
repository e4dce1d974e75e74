/** A vault whose disk is full at each of its writes in turn. */
import { randomBytes, randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Failure } from '../../../src/base/failure.ts';
import type { BackupId, ServerId } from '../../../src/base/ids.ts';
import { objectKey } from '../../../src/storage/key.ts';
import { systemFiles } from '../../../src/storage/local/files.ts';
import type { Store } from '../../../src/storage/store.ts';
import { collectServer } from '../../../src/storage/vault/collection/collect.ts';
import { freesHoles } from '../../../src/storage/vault/collection/punch.ts';
import { Pins } from '../../../src/storage/vault/pins.ts';
import { RangeListBuilder } from '../../../src/storage/vault/ranges.ts';
import { encodeRecipe } from '../../../src/storage/vault/format/recipe.ts';
import { packKey, ServerPacks } from '../../../src/storage/vault/server-packs.ts';
import { putObject } from '../../contract/store.ts';
import { backupId } from '../../support/catalogue-rows.ts';
import { failureOf } from '../../support/rejection.ts';
import { scratchStore } from '../../support/scratch-store.ts';
import { scratchVault } from '../../support/scratch-vault.ts';
import { getObject } from '../../support/store-objects.ts';

const SERVER = '11111111-1111-4111-8111-111111111111' as ServerId;
const LENGTH = 100_000;

/** The store, whose n-th write or commit from now on finds no space; counts them without one. */
function filling(store: Store) {
  const disk = { calls: 0, fullAt: Number.POSITIVE_INFINITY };
  const step = (): void => {
    if (disk.calls++ === disk.fullAt) throw new Failure('insufficient_storage', 'the disk is full');
  };
  const create: Store['create'] = async (key, options) => {
    const writer = await store.create(key, options);
    return {
      write: async (bytes) => {
        step();
        await writer.write(bytes);
      },
      commit: async () => {
        step();
        await writer.commit();
      },
      abort: () => writer.abort(),
    };
  };
  const full = new Proxy(store, {
    get(target, name) {
      if (name === 'create') return create;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  return { full, disk };
}

test('V14: a disk that is full at any write fails the backup, and leaves the others and nothing else', async () => {
  const { store, directory } = await scratchStore();
  const { full, disk } = filling(store);
  const { vault } = await scratchVault({ store: full, packLength: 30_000, mergeAt: 1 });
  const kept = objectKey(SERVER, randomUUID() as BackupId, 'tar.gz');
  const bytes = randomBytes(LENGTH);
  const backUp = async (key = objectKey(SERVER, randomUUID() as BackupId, 'tar.gz')): Promise<void> => {
    const writer = await vault.create(key, { base: kept });
    try {
      await writer.write(bytes, [{ start: 0, length: 10_000, base: 0, heals: true }]);
      await writer.commit();
    } catch (error) {
      await writer.abort();
      throw error;
    }
  };
  const first = await vault.create(kept);
  await first.write(bytes);
  await first.commit();
  disk.calls = 0;
  const whole = objectKey(SERVER, randomUUID() as BackupId, 'tar.gz');
  await backUp(whole);
  const writes = disk.calls;
  await vault.remove(whole);
  await vault.collect(SERVER);
  const before = fs.readdirSync(join(directory, SERVER)).length;
  expect(writes).toBeGreaterThan(6);
  for (let fullAt = 0; fullAt < writes; fullAt++) {
    Object.assign(disk, { calls: 0, fullAt });
    await failureOf(backUp(), 'insufficient_storage');
    disk.fullAt = Number.POSITIVE_INFINITY;
    await vault.collect(SERVER);
    expect(Buffer.from(await getObject(vault, kept)).equals(bytes), `full at write ${fullAt}`).toBe(true);
    // A map that was written before the disk was full heals what it says; it stays with its pack.
    expect(fs.readdirSync(join(directory, SERVER)).length, `full at write ${fullAt}`).toBeLessThanOrEqual(before + 2);
  }
  await backUp();
});

test('a recipe that replaces another, and whose name cannot be flushed: the archive is whole, and the next try is', async () => {
  let failing = '';
  const { store, directory } = await scratchStore({
    files: {
      ...systemFiles,
      rename: async (from, to) => {
        await systemFiles.rename(from, to);
        failing = failing !== '' && to.endsWith('.recipe') ? 'flush' : failing;
      },
      syncDirectory: (path) =>
        failing === 'flush'
          ? Promise.reject(
              Object.assign(new Error('EIO: i/o error, fsync'), { code: 'EIO', errno: -5, syscall: 'fsync' }),
            )
          : systemFiles.syncDirectory(path),
    },
  });
  const { vault, faults } = await scratchVault({ store });
  const key = objectKey(SERVER, randomUUID() as BackupId, 'tar.gz');
  const bytes = randomBytes(LENGTH);
  const write = async (): Promise<void> => {
    const writer = await vault.create(key);
    try {
      await writer.write(bytes);
      await writer.commit();
    } catch (error) {
      await writer.abort();
      throw error;
    }
  };
  await write();
  failing = 'recipe';
  await failureOf(write(), 'store_unreachable');
  failing = '';
  await vault.freeSpace();
  expect(Buffer.from(await getObject(vault, key)).equals(bytes)).toBe(true);
  await write();
  await vault.freeSpace();
  await vault.collect(SERVER);
  expect(Buffer.from(await getObject(vault, key)).equals(bytes)).toBe(true);
  expect(fs.readdirSync(join(directory, SERVER))).toHaveLength(2);
  expect(faults).toEqual([]);
});

test('a merge that finds no space: what is there is measured all the same, and nothing is lost', async () => {
  const { store, directory } = await scratchStore();
  const { full, disk } = filling(store);
  const { vault } = await scratchVault({ store: full, mergeAt: 0.05 });
  const whole = objectKey(SERVER, randomUUID() as BackupId, 'tar.gz');
  const part = objectKey(SERVER, randomUUID() as BackupId, 'tar.gz');
  const bytes = randomBytes(LENGTH);
  for (const [key, length] of [
    [whole, LENGTH],
    [part, 60_000],
  ] as const) {
    const writer = await vault.create(key, { base: whole });
    await writer.write(bytes.subarray(0, length), key === part ? [{ start: 0, length, base: 0 }] : []);
    await writer.commit();
  }
  await vault.collect(SERVER);
  const onDisk = (): number => {
    const packs = fs.readdirSync(join(directory, SERVER)).filter((name) => name.endsWith('.pack'));
    return packs.reduce((sum, name) => sum + fs.statSync(join(directory, SERVER, name)).blocks * 512, 0);
  };
  expect(vault.usage(SERVER)?.storedBytes).toBe(onDisk());
  await vault.remove(whole);
  // The collection behind the removal, and three more: the pack and the map of the merge are written and committed.
  for (let fullAt = 0; fullAt < 4; fullAt++) {
    Object.assign(disk, { calls: 0, fullAt });
    if (fullAt === 0) await vault.freeSpace();
    else await failureOf(vault.collect(SERVER), 'insufficient_storage');
    expect(disk.calls).toBe(fullAt + 1);
    expect(vault.usage(SERVER)?.storedBytes, `full at write ${fullAt}`).toBe(onDisk());
    expect(vault.usage(SERVER)?.packs).toBe(
      fs.readdirSync(join(directory, SERVER)).filter((name) => name.endsWith('.pack')).length,
    );
    expect(Buffer.from(await getObject(vault, part)).equals(bytes.subarray(0, 60_000))).toBe(true);
  }
  disk.fullAt = Number.POSITIVE_INFINITY;
  await vault.collect(SERVER);
  expect(vault.usage(SERVER)).toMatchObject({ packs: 1, storedBytes: onDisk() });
});

test('V18: only file systems of the list are taken for ones that give holes back', async () => {
  expect(await freesHoles('/proc')).toBe(false);
});

test('V14: a merge whose disk is full in the middle gives back what it moved, also where no holes are punched', async () => {
  const packLength = 10 * 4096;
  const { store } = await scratchStore();
  const { vault } = await scratchVault({ store, packLength });
  const [base, key] = [1, 2].map((id) => objectKey(SERVER, backupId(id), 'tar.gz'));
  if (base === undefined || key === undefined) throw new TypeError();
  const bytes = randomBytes(10 * packLength);
  await putObject(vault, base, bytes);
  const writer = await vault.create(key, { base });
  const kept: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += packLength) {
    const half = bytes.subarray(at, at + packLength / 2);
    await writer.write(half, [{ start: 0, length: half.length, base: at }]);
    kept.push(half);
  }
  await writer.commit();
  await vault.freeSpace();
  await store.remove(objectKey(SERVER, backupId(1), 'recipe'));
  const create = store.create.bind(store);
  let maps = 0;
  store.create = (name) => {
    if (name.endsWith('.map') && ++maps === 3) throw new Failure('insufficient_storage', 'the disk is full');
    return create(name);
  };
  const options = { store, server: SERVER, pins: new Pins(), known: () => [], punch: false, mergeAt: 0, packLength };
  expect((await failureOf(collectServer(options), 'insufficient_storage')).detail).toEqual({});
  // Two new ones have what four had.
  expect((await ServerPacks.load(store, SERVER)).packs.size).toBe(10 - 4 + 2);
  expect(Buffer.from(await getObject(vault, key)).equals(Buffer.concat(kept))).toBe(true);
  await collectServer(options);
  expect((await ServerPacks.load(store, SERVER)).packs.size).toBe(10 / 2);
  expect(Buffer.from(await getObject(vault, key)).equals(Buffer.concat(kept))).toBe(true);
});

test('a merge that finds no space says what was given back before it', async () => {
  const { store } = await scratchStore();
  const recipe = new RangeListBuilder();
  for (let pack = 0; pack < 3; pack++) {
    const id = randomUUID();
    await putObject(store, packKey(SERVER, id), randomBytes(8192));
    if (pack > 0) recipe.add(id, 0, 4096);
  }
  const bytes = encodeRecipe(2 * 4096, '0'.repeat(64), recipe.finish());
  await putObject(store, objectKey(SERVER, backupId(1), 'recipe'), bytes);
  store.create = () => Promise.reject(new Failure('insufficient_storage', 'the disk is full'));
  const options = { store, server: SERVER, pins: new Pins(), known: () => [], punch: false, mergeAt: 0 };
  const { detail, message } = await failureOf(collectServer(options), 'insufficient_storage');
  expect(message).toBe('the disk is full');
  expect(detail.gaveBack).toEqual({ packs: 1, freedBytes: 8192, movedBytes: 0 });
  expect((await ServerPacks.load(store, SERVER)).packs.size).toBe(2);
});

test.each([
  ['not at all where holes give space back', true, 0],
  ['by what half of the free space has room for where nothing else gives space back', false, 4],
])('a merge goes no further than a reserve of the disk lets it: %s', async (_, punch, moved) => {
  const packLength = 10 * 4096;
  const { store } = await scratchStore();
  const pins = new Pins();
  const recipe = new RangeListBuilder();
  for (let pack = 0; pack < 10; pack++) {
    const id = randomUUID();
    await putObject(store, packKey(SERVER, id), randomBytes(packLength));
    recipe.add(id, 0, packLength / 2);
  }
  const bytes = encodeRecipe(5 * packLength, '0'.repeat(64), recipe.finish());
  await putObject(store, objectKey(SERVER, backupId(1), 'recipe'), bytes);
  store.freeSpace = () => Promise.resolve({ bytes: 4 * packLength, inodes: null });
  const reserveFree = (): number => 4 * packLength;
  const options = { store, server: SERVER, pins, known: () => [], punch, mergesHoles: true, mergeAt: 0, reserveFree };
  expect(await collectServer(options)).toMatchObject({ movedBytes: (moved * packLength) / 2 });
});
