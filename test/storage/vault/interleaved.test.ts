/** Collections and readers beside what writes and reads a vault, in orders that a test stages. */
import { randomBytes, randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { BackupId, ServerId } from '../../../src/base/ids.ts';
import type { SameBytes } from '../../../src/base/source.ts';
import { objectKey, type ObjectKey } from '../../../src/storage/key.ts';
import type { Store } from '../../../src/storage/store.ts';
import type { ArchiveRanges } from '../../../src/storage/vault-port.ts';
import type { VaultStore } from '../../../src/storage/vault/vault.ts';
import { serverId } from '../../support/catalogue-rows.ts';
import { failureOf } from '../../support/rejection.ts';
import { scratchStore } from '../../support/scratch-store.ts';
import { scratchVault } from '../../support/scratch-vault.ts';
import { getObject } from '../../support/store-objects.ts';

const SERVER = '11111111-1111-4111-8111-111111111111' as ServerId;
const LENGTH = 200_000;
/** What two archives of a merge share. */
const SHARED = 150_000;
const DAMAGED = 60_000;
const BLOCK = 4096;
/** Ids are random, and which of two is the lower decides what is read: so often it is not the right one by chance. */
const ROUNDS = 8;

function newKey(): ObjectKey {
  return objectKey(SERVER, randomUUID() as BackupId, 'tar.gz');
}

async function put(vault: VaultStore, bytes: Buffer, base?: ObjectKey, same: readonly SameBytes[] = []) {
  const key = newKey();
  const writer = await vault.create(key, { base });
  await writer.write(bytes, same);
  await writer.commit();
  return key;
}

/** Bytes of disk that the packs take. */
function packedBytes(directory: string): number {
  const packs = files(directory, '.pack').map((name) => fs.statSync(join(directory, SERVER, name)));
  return packs.reduce((sum, { blocks }) => sum + blocks * 512, 0);
}

function idOf(key: ObjectKey): BackupId {
  return key.slice(SERVER.length + 1, -'.tar.gz'.length) as BackupId;
}

function files(directory: string, kind: string): string[] {
  const server = join(directory, SERVER);
  // It goes with its last file.
  return fs.existsSync(server) ? fs.readdirSync(server).filter((name) => name.endsWith(kind)) : [];
}

/** Reads the store as it is, but begins `before` each creation of an object. */
function watched(store: Store, before: (key: string) => Promise<void>): Store {
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (name !== 'create') return value.bind(target) as unknown;
      return async (...given: Parameters<Store['create']>) => {
        await before(given[0]);
        return target.create(...given);
      };
    },
  });
}

/** Two archives, of which the first has bytes of its own, and a damage in what both share. */
async function damagedVault(before: (key: string) => Promise<void> = () => Promise.resolve()) {
  const { store, directory } = await scratchStore();
  const { vault } = await scratchVault({ store: watched(store, before), mergeAt: 0.1 });
  const bytes = randomBytes(LENGTH);
  const shared = bytes.subarray(0, SHARED);
  const first = await put(vault, bytes);
  const second = await put(vault, shared, first, [{ start: 0, length: SHARED, base: 0 }]);
  await vault.freeSpace();
  const [pack = ''] = files(directory, '.pack');
  const file = fs.openSync(join(directory, SERVER, pack), 'r+');
  fs.writeSync(file, Buffer.alloc(DAMAGED), 0, DAMAGED, 0);
  fs.closeSync(file);
  const key = newKey();
  const writer = await vault.create(key, { base: second });
  const heal = (): Promise<void> =>
    writer.write(shared, [
      { start: 0, length: DAMAGED, base: 0, heals: true },
      { start: DAMAGED, length: SHARED - DAMAGED, base: DAMAGED },
    ]);
  /** Which of the archives do not read as they were written, now and behind one more collection. */
  const wrong = async (): Promise<readonly string[]> => {
    const found: string[] = [];
    for (const when of ['now', 'collected']) {
      for (const [name, archive] of Object.entries({ second, healed: key })) {
        if (!Buffer.from(await getObject(vault, archive)).equals(shared)) found.push(`${name} ${when}`);
      }
      await vault.collect(SERVER);
    }
    return found;
  };
  return { vault, directory, first, writer, heal, wrong };
}

describe('bytes that heal damage count', () => {
  test('V12: whatever is removed and collected while they are written; packs are merged behind them', async () => {
    const wrong: string[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const scratch = await damagedVault();
      await scratch.heal();
      await scratch.vault.remove(scratch.first);
      await scratch.vault.freeSpace();
      await scratch.vault.collect(SERVER);
      if (files(scratch.directory, '.map').length > 0) wrong.push('merged beside');
      await scratch.writer.commit();
      await scratch.vault.freeSpace();
      wrong.push(...(await scratch.wrong()));
      // That of the bytes that heal, and that of the merge which was owed.
      expect(files(scratch.directory, '.map').length).toBeGreaterThan(0);
      expect(files(scratch.directory, '.pack').length).toBeLessThanOrEqual(2);
    }
    expect(wrong).toEqual([]);
  });

  test('V12: also when they are begun while packs are merged', async () => {
    const wrong: string[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const created: string[] = [];
      let healing: Promise<void> | undefined;
      let staged = false;
      const scratch = await damagedVault(async (key) => {
        const kind = key.slice(key.lastIndexOf('.'));
        if (staged) created.push(kind);
        if (!staged || kind !== '.map' || healing !== undefined) return;
        healing = scratch.heal();
        // Time enough to list the directory, were it not kept waiting until the merge is over.
        for (let looks = 0; looks < 100; looks++) await fs.promises.stat(scratch.directory);
        created.push('merged');
      });
      staged = true;
      await scratch.vault.remove(scratch.first);
      await scratch.vault.freeSpace();
      await healing;
      await scratch.writer.commit();
      await scratch.vault.freeSpace();
      if (created.slice(0, 4).join() !== '.pack,.map,merged,.pack') wrong.push(created.join());
      wrong.push(...(await scratch.wrong()));
    }
    expect(wrong).toEqual([]);
  });
});

describe('what nothing needs goes without another removal', () => {
  test.each(['reader', 'view'])('when the last %s of a removed backup is closed', async (what) => {
    const { vault, directory } = await scratchVault();
    const bytes = randomBytes(LENGTH);
    const key = await put(vault, bytes);
    await vault.freeSpace();
    const open = () => (what === 'reader' ? vault.open(key) : vault.view(SERVER));
    const [one, other] = [await open(), await open()];
    await vault.remove(key);
    await vault.freeSpace();
    await one.close();
    await vault.freeSpace();
    expect(files(directory, '.pack')).toHaveLength(1);
    await other.close();
    await vault.freeSpace();
    expect(files(directory, '.pack')).toEqual([]);
  });

  test('when a collection by hand merged beside a reader', async () => {
    const { store, directory } = await scratchStore();
    const bytes = randomBytes(LENGTH);
    const before = await scratchVault({ store, mergeAt: 1 });
    const first = await put(before.vault, bytes);
    const same = [{ start: 0, length: SHARED, base: 0 }];
    const second = await put(before.vault, bytes.subarray(0, SHARED), first, same);
    await before.vault.remove(first);
    await before.vault.freeSpace();
    const { vault } = await scratchVault({ store, mergeAt: 0.1 });
    const source = await vault.open(second);
    expect((await vault.collect(SERVER)).movedBytes).toBe(SHARED);
    expect(files(directory, '.pack')).toHaveLength(2);
    expect(Buffer.from(await source.read(0, SHARED)).equals(bytes.subarray(0, SHARED))).toBe(true);
    await source.close();
    await vault.freeSpace();
    expect(files(directory, '.pack')).toHaveLength(1);
    expect(Buffer.from(await getObject(vault, second)).equals(bytes.subarray(0, SHARED))).toBe(true);
  });

  test('behind the next backup when a collection by hand failed; not behind each reader, where it would fail again', async () => {
    const { vault, directory, known, faults } = await scratchVault();
    const key = await put(vault, randomBytes(LENGTH));
    await vault.freeSpace();
    const lone = join(directory, SERVER, `${randomUUID()}.pack`);
    fs.writeFileSync(lone, randomBytes(8192));
    known.set(SERVER, new Set([idOf(newKey())]));
    await failureOf(vault.collect(SERVER), 'archive_damaged');
    await getObject(vault, key);
    await vault.freeSpace();
    expect(faults).toEqual([]);
    known.clear();
    await put(vault, randomBytes(1000));
    await vault.freeSpace();
    expect(fs.existsSync(lone)).toBe(false);
  });

  test.each(['no view', 'a view'])('when bytes of a copy took the place of damaged ones beside %s', async (beside) => {
    const { vault, directory } = await scratchVault({ mergeAt: 1 });
    const bytes = randomBytes(LENGTH);
    const key = await put(vault, bytes);
    await vault.freeSpace();
    const whole = packedBytes(directory);
    const view = await vault.view(SERVER);
    const ranges = view.archives.get(idOf(key)) as ArchiveRanges;
    const pieces = Array.from(ranges.find(0, 2 * BLOCK), (range) => ({ range, bytes: bytes.subarray(0, 2 * BLOCK) }));
    if (beside === 'no view') await view.close();
    await vault.heal(SERVER, pieces);
    await vault.freeSpace();
    if (beside === 'a view') {
      expect(packedBytes(directory)).toBe(whole + 2 * BLOCK);
      await view.close();
      await vault.freeSpace();
    }
    expect(packedBytes(directory)).toBe(whole);
    expect(Buffer.from(await getObject(vault, key)).equals(bytes)).toBe(true);
  });
});

test('servers are collected in the background one after the other', async () => {
  const { store } = await scratchStore();
  const { vault, faults } = await scratchVault({ store });
  const keys = [1, 2, 3].map((number) => objectKey(serverId(number), randomUUID() as BackupId, 'tar.gz'));
  for (const key of keys) {
    const writer = await vault.create(key);
    await writer.write(randomBytes(1000));
    await writer.commit();
  }
  await vault.freeSpace();
  const list = store.list.bind(store);
  let underWay = 0;
  let most = 0;
  const removed = Promise.withResolvers<undefined>();
  store.list = async function* (prefix) {
    most = Math.max(most, ++underWay);
    await removed.promise;
    yield* list(prefix);
    underWay--;
  };
  for (const key of keys) await vault.remove(key);
  await new Promise((resolve) => setImmediate(resolve));
  removed.resolve(undefined);
  await vault.freeSpace();
  expect([most, underWay]).toEqual([1, 0]);
  expect(await Array.fromAsync(vault.list(''))).toEqual([]);
  expect(faults).toEqual([]);
});
