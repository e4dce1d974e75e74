/** What reading out of a vault costs, by calls: an archive of many nights lies in many places. */
import { randomBytes, randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { findCFunction } from '../../../src/base/c-library.ts';
import { Failure } from '../../../src/base/failure.ts';
import type { BackupId, ServerId } from '../../../src/base/ids.ts';
import type { ByteSource } from '../../../src/base/source.ts';
import { objectKey, type ObjectKey } from '../../../src/storage/key.ts';
import type { Store } from '../../../src/storage/store.ts';
import { MAX_RANGES, RangeListBuilder } from '../../../src/storage/vault/ranges.ts';
import { ServerPacks } from '../../../src/storage/vault/server-packs.ts';
import { layOut } from '../../../src/storage/vault/source.ts';
import type { VaultStore } from '../../../src/storage/vault/vault.ts';
import { getObject } from '../../support/store-objects.ts';
import { failureOf } from '../../support/rejection.ts';
import { scratchStore } from '../../support/scratch-store.ts';
import { scratchVault } from '../../support/scratch-vault.ts';

const SERVER = '11111111-1111-4111-8111-111111111111' as ServerId;
const SECTOR = 4096;
const LENGTH = 256 * SECTOR;

/** A store that counts its lists, and what is read from its objects. */
function counting(store: Store) {
  const calls = { lists: 0, opens: 0, reads: 0 };
  const counted = new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (name === 'list') calls.lists++;
      if (name !== 'open') return value.bind(target) as unknown;
      return async (key: ObjectKey) => {
        calls.opens++;
        const source = await target.open(key);
        return new Proxy(source, {
          get(opened, member) {
            const inner: unknown = Reflect.get(opened, member, opened);
            if (typeof inner !== 'function') return inner;
            return (...given: readonly unknown[]): unknown => {
              if (member === 'read' || member === 'readInto') calls.reads++;
              return Reflect.apply(inner, opened, given);
            };
          },
        });
      };
    },
  });
  return { counted, calls };
}

/** Nights of which each changes every sixteenth sector, another one each night. */
async function nights(vault: VaultStore, count: number) {
  let bytes = randomBytes(LENGTH);
  let base: ObjectKey | undefined;
  for (let night = 0; night < count; night++) {
    const key = objectKey(SERVER, randomUUID() as BackupId, 'tar.gz');
    const writer = await vault.create(key, { base });
    const next = Buffer.from(bytes);
    for (let sector = 0; sector < 256; sector++) {
      const start = sector * SECTOR;
      const isSame = night > 0 && sector % 16 !== night % 16;
      if (!isSame) randomBytes(SECTOR).copy(next, start);
      await writer.write(
        next.subarray(start, start + SECTOR),
        isSame ? [{ start: 0, length: SECTOR, base: start }] : [],
      );
    }
    await writer.commit();
    [bytes, base] = [next, key];
  }
  if (base === undefined) throw new TypeError('there is a night');
  return { key: base, bytes };
}

test('V5: a mebibyte out of nine packs is read with a few calls, not with one for each of its parts', async () => {
  const { store } = await scratchStore();
  const { counted, calls } = counting(store);
  const { vault } = await scratchVault({ store: counted });
  const { key, bytes } = await nights(vault, 9);
  // The first backup had a collection behind it.
  await vault.freeSpace();
  const parts = await vault.partsOf(key);
  expect(parts?.ends.length).toBeGreaterThan(128);
  const source = await vault.open(key);
  calls.reads = 0;
  const read = await source.read(0, LENGTH);
  await source.close();
  expect(Buffer.from(read).equals(bytes)).toBe(true);
  // The first pack in stretches that are far apart; those of the nights after it in one each.
  expect(calls.reads).toBeLessThanOrEqual(17 + 8);
});

test('V5: of an archive that is read in part, only the packs are opened that hold the part', async () => {
  const { store } = await scratchStore();
  const { counted, calls } = counting(store);
  const { vault } = await scratchVault({ store: counted });
  const { key, bytes } = await nights(vault, 9);
  // The first backup had a collection behind it.
  await vault.freeSpace();
  const recipe = calls.opens;
  const source = await vault.open(key, { partly: true });
  expect(source.parts).toBeUndefined();
  expect(calls.opens - recipe).toBe(1);
  // The first sector is one of the first night, those behind it are of the nights after that.
  for (const [sectors, packs] of [
    [1, 1],
    [2, 2],
    [9, 9],
  ] as const) {
    expect(Buffer.from(await source.read(0, sectors * SECTOR)).equals(bytes.subarray(0, sectors * SECTOR))).toBe(true);
    expect(calls.opens - recipe).toBe(1 + packs);
  }
  await source.close();
});

test('V19: what was opened to be read in part stays readable when it is removed, merged and collected', async () => {
  const { vault } = await scratchVault({ mergeAt: 0.01 });
  const { key, bytes } = await nights(vault, 9);
  const source = await vault.open(key, { partly: true });
  const other = objectKey(SERVER, randomUUID() as BackupId, 'tar.gz');
  const writer = await vault.create(other, { base: key });
  await writer.write(bytes.subarray(0, 5 * SECTOR), [{ start: 0, length: 5 * SECTOR, base: 0 }]);
  await writer.commit();
  await vault.remove(key);
  await vault.collect(SERVER);
  expect(Buffer.from(await source.read(0, LENGTH)).equals(bytes)).toBe(true);
  await source.close();
  await vault.collect(SERVER);
  expect(Buffer.from(await getObject(vault, other)).equals(bytes.subarray(0, 5 * SECTOR))).toBe(true);
});

test('V5: what is kept of an archive of 2^20 ranges while it is open are 20 bytes for each', () => {
  const packs = [randomUUID(), randomUUID()] as const;
  const list = new RangeListBuilder();
  for (let range = 0; range < MAX_RANGES; range++) list.add(packs[range % 2] ?? '', range * 300, 256);
  const sizes = new Map(packs.map((id) => [id, MAX_RANGES * 300]));
  const recipe = { size: MAX_RANGES * 256, sha256: '', ranges: MAX_RANGES, packs: 2, list: list.finish() };
  const { files, parts } = layOut(recipe, new ServerPacks(sizes, new Set(), new Map()));
  expect([files, parts.ends.length]).toEqual([packs, MAX_RANGES]);
  const memories = new Set(Object.values(parts).map(({ buffer }) => buffer as ArrayBufferLike));
  const bytes = Array.from(memories).reduce((sum, { byteLength }) => sum + byteLength, 0);
  expect(bytes).toBeLessThanOrEqual(24 * 2 ** 20);
});

test('what is not in the page cache is read from the disk, in the same places', async () => {
  const { vault } = await scratchVault();
  const { key, bytes } = await nights(vault, 5);
  const parts = await vault.partsOf(key);
  const advise = findCFunction('int posix_fadvise(int fd, int64_t offset, int64_t length, int advice)');
  for (const path of parts?.paths ?? []) {
    const file = fs.openSync(path, 'r+');
    fs.fsyncSync(file);
    // POSIX_FADV_DONTNEED
    advise?.(file, 0, 0, 4);
    fs.closeSync(file);
  }
  expect(Buffer.from(await getObject(vault, key)).equals(bytes)).toBe(true);
});

/** A store whose packs have a sector that the disk cannot read, and none of whose bytes are in memory. */
function withBadSector(store: Store, sector: number, empty: () => number): Store {
  const offset = sector * SECTOR;
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (name !== 'open') return value.bind(target) as unknown;
      return async (key: ObjectKey): Promise<ByteSource> => {
        const source = await target.open(key);
        if (!key.endsWith('.pack')) return source;
        return {
          size: source.size,
          descriptor: empty(),
          read: (start, length) =>
            start < offset + SECTOR && start + length > offset
              ? Promise.reject(new Failure('store_unreachable', 'EIO', { facts: { errno: 'EIO' } }))
              : source.read(start, length),
          close: () => source.close(),
        };
      };
    },
  });
}

test('a sector that cannot be read fails only the archives that have it, not those that have what lies around it', async () => {
  const { store, directory } = await scratchStore();
  const empty = (): number => {
    const file = fs.openSync(join(directory, '..', 'empty'), 'w+');
    onTestFinished(() => fs.closeSync(file));
    return file;
  };
  const { vault } = await scratchVault({ store: withBadSector(store, 1, empty) });
  const bytes = randomBytes(3 * SECTOR);
  const whole = objectKey(SERVER, randomUUID() as BackupId, 'tar.gz');
  const around = objectKey(SERVER, randomUUID() as BackupId, 'tar.gz');
  const first = await vault.create(whole);
  await first.write(bytes);
  await first.commit();
  const second = await vault.create(around, { base: whole });
  const kept = Buffer.concat([bytes.subarray(0, SECTOR), bytes.subarray(2 * SECTOR)]);
  await second.write(kept, [
    { start: 0, length: SECTOR, base: 0 },
    { start: SECTOR, length: SECTOR, base: 2 * SECTOR },
  ]);
  await second.commit();
  expect(Buffer.from(await getObject(vault, around)).equals(kept)).toBe(true);
  expect((await failureOf(getObject(vault, whole), 'store_unreachable')).facts).toMatchObject({ errno: 'EIO' });
});

describe('what was seen of a directory that is at rest', () => {
  /** A clock for which all that was written just now has been at rest for long. */
  const later = { now: () => Date.now() + 3_600_000 };

  async function seen() {
    const { store, directory } = await scratchStore();
    const { counted, calls } = counting(store);
    const { vault } = await scratchVault({ store: counted, clock: later });
    const { key, bytes } = await nights(vault, 4);
    await vault.freeSpace();
    await getObject(vault, key);
    const server = join(directory, SERVER);
    /** A change shows in the directory's time, also within one tick of the file system's clock. */
    let time = 1_600_000_000;
    const changed = (): void => fs.utimesSync(server, time, time++);
    return { vault, calls, key, bytes, server, changed };
  }

  test('V5: is not listed nor decoded again for the next reader', async () => {
    const { vault, calls, key, bytes } = await seen();
    const { packs = [] } = (await vault.placesOf(SERVER, key.slice(SERVER.length + 1, -7) as BackupId)) ?? {};
    Object.assign(calls, { lists: 0, opens: 0 });
    expect(Buffer.from(await getObject(vault, key)).equals(bytes)).toBe(true);
    expect(calls).toMatchObject({ lists: 0, opens: packs.length });
  });

  test('does not outlast a pack that another program removed', async () => {
    const { vault, key, server, changed } = await seen();
    const pack = fs.readdirSync(server).find((name) => name.endsWith('.pack')) ?? '';
    fs.rmSync(join(server, pack));
    changed();
    expect((await failureOf(vault.open(key))).code).toBe('archive_damaged');
  });

  test('does not outlast a recipe that was written over', async () => {
    const { vault, key, server } = await seen();
    const recipe = join(server, key.slice(SERVER.length + 1).replace('.tar.gz', '.recipe'));
    fs.writeFileSync(recipe, 'no recipe');
    fs.utimesSync(recipe, 1, 1);
    expect((await failureOf(vault.open(key))).code).toBe('archive_damaged');
  });

  test('does not outlast what this process writes, removes and merges', async () => {
    const { vault, key, bytes, changed } = await seen();
    for (let night = 0; night < 3; night++) {
      const next = objectKey(SERVER, randomUUID() as BackupId, 'tar.gz');
      const writer = await vault.create(next, { base: key });
      await writer.write(bytes.subarray(0, 50_000), [{ start: 0, length: 50_000, base: 0 }]);
      await writer.write(randomBytes(30_000));
      await writer.commit();
      changed();
      await getObject(vault, next);
      await vault.remove(next);
      await vault.collect(SERVER);
      changed();
      expect(Buffer.from(await getObject(vault, key)).equals(bytes)).toBe(true);
      expect(await vault.stat(next)).toBeUndefined();
    }
  });

  test('takes bounded memory: of many archives, those looked at last are known', async () => {
    const { store, directory } = await scratchStore();
    const { counted, calls } = counting(store);
    const { vault } = await scratchVault({ store: counted, clock: later });
    const keys: ObjectKey[] = [];
    const bytes = randomBytes(1000);
    for (let made = 0; made < 70; made++) {
      const key = objectKey(SERVER, randomUUID() as BackupId, 'tar.gz');
      const writer = await vault.create(key, { base: keys[0] });
      await writer.write(bytes, made === 0 ? [] : [{ start: 0, length: bytes.length, base: 0 }]);
      await writer.commit();
      keys.push(key);
    }
    await vault.freeSpace();
    for (const key of keys) await getObject(vault, key);
    Object.assign(calls, { lists: 0, opens: 0 });
    await getObject(vault, keys[0] ?? ('' as ObjectKey));
    expect(calls).toMatchObject({ lists: 0, opens: 2 });
    await getObject(vault, keys[69] ?? ('' as ObjectKey));
    expect(calls.opens).toBe(3);
    expect(fs.readdirSync(join(directory, SERVER))).toHaveLength(71);
  });
});
