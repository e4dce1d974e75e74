/** V17: plain archives that are made part of a vault, while the process is killed and while they are read. */
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { BackupId } from '../../../src/base/ids.ts';
import { objectKey } from '../../../src/storage/key.ts';
import type { Store } from '../../../src/storage/store.ts';
import { takeIn } from '../../../src/storage/vault/take-in.ts';
import { keysOf, putObject } from '../../contract/store.ts';
import { backupId, serverId } from '../../support/catalogue-rows.ts';
import { scratchStore } from '../../support/scratch-store.ts';
import { scratchVault } from '../../support/scratch-vault.ts';
import { seededPicks } from '../../support/seeded-picks.ts';
import { getObject } from '../../support/store-objects.ts';
import { packsIn } from '../../support/stored-archive.ts';
import type { Adoption } from '../../support/vault-adopter.ts';

const ADOPTER = fileURLToPath(new URL('../../support/vault-adopter.ts', import.meta.url));
const SERVER = serverId(1);
const ARCHIVES = 30;
const SEED = 17;
/** An adoption makes some ten calls, a collection a few more: each run ends within the first few archives. */
const MOST_CALLS = 28;

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Lets it take archives in until it is killed, or has all. Which of both, and what it complained of. */
async function adoptUntilKilled(adoption: Adoption) {
  const child = spawn(process.execPath, [ADOPTER, JSON.stringify(adoption)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit') as Promise<[number | null, string | null]>;
  const said = await text(child.stdout);
  const [code, signal] = await ended;
  return { said, end: signal ?? code };
}

test('V17: of 30 archives whose adoption is killed again and again none is lost, there twice or copied, and nothing unnamed is left', async () => {
  const { directory, identity, store } = await scratchStore();
  const pick = seededPicks(SEED);
  const digests = new Map<BackupId, string>();
  for (let number = 1; number <= ARCHIVES; number++) {
    const bytes = randomBytes(1 + pick(60_000));
    await putObject(store, objectKey(SERVER, backupId(number), 'tar.gz'), bytes);
    digests.set(backupId(number), sha256(bytes));
  }
  const server = join(directory, SERVER);
  const ids = Array.from(digests.keys());
  const keys = ids.map((id) => objectKey(SERVER, id, 'tar.gz'));
  const names = (kind: string): string[] => fs.readdirSync(server).filter((name) => name.endsWith(kind));
  const inodes = (kind: string): number[] =>
    names(kind)
      .map((name) => fs.statSync(join(server, name)).ino)
      .sort((one, other) => one - other);
  const written = inodes('.tar.gz');
  /** What kills left: packs without a recipe, archives with both names, half-written recipes. */
  const left = { lone: 0, both: 0, partial: 0 };
  let kills = 0;
  for (let end: number | string | null = null; end !== 0;) {
    const run = await adoptUntilKilled({
      directory,
      identity: identity.load() ?? '',
      archives: Object.fromEntries(digests),
      dieAt: pick(MOST_CALLS),
    });
    expect(run.said).toBe('');
    ({ end } = run);
    if (end !== 0) expect(end).toBe('SIGKILL');
    kills += end === 0 ? 0 : 1;
    const named = packsIn(server, ids);
    left.lone += names('.pack').filter((name) => !named.has(name.slice(0, -'.pack'.length))).length;
    left.both += ids.filter((id) =>
      ['recipe', 'tar.gz'].every((kind) => fs.existsSync(join(server, `${id}.${kind}`))),
    ).length;
    left.partial += fs.readdirSync(server).filter((name) => name.includes('partial')).length;
    const { vault, faults } = await scratchVault({ store: (await scratchStore({ directory, identity })).store });
    const isCollected = pick(2) === 0;
    if (isCollected) await vault.collect(SERVER);
    expect(await keysOf(vault)).toEqual(keys);
    for (const [id, digest] of digests) {
      expect(sha256(await getObject(vault, objectKey(SERVER, id, 'tar.gz')))).toBe(digest);
    }
    if (isCollected)
      expect(
        names('.pack')
          .map((name) => name.slice(0, -'.pack'.length))
          .sort(),
      ).toEqual(Array.from(packsIn(server, ids)).sort());
    expect(faults).toEqual([]);
    await vault.close();
  }
  expect(kills).toBeGreaterThan(ARCHIVES / 5);
  expect(Math.min(left.lone, left.both, left.partial)).toBeGreaterThan(0);
  const { vault } = await scratchVault({ store: (await scratchStore({ directory, identity })).store });
  await vault.collect(SERVER);
  await vault.close();
  expect(names('').length).toBe(2 * ARCHIVES);
  expect(packsIn(server, ids).size).toBe(ARCHIVES);
  // The very files that were there.
  expect(inodes('.pack')).toEqual(written);
});

/** A store in which an archive is taken in behind the first look for its recipe. */
function takenInBetween(store: Store, backup: BackupId, digest: string): Store {
  let isTaken = false;
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (name !== 'stat') return value.bind(target) as unknown;
      return async (key: string) => {
        const found = await target.stat(key as Parameters<Store['stat']>[0]);
        if (!isTaken && key.endsWith('.recipe')) {
          isTaken = true;
          expect(await takeIn(target, SERVER, backup, digest)).toBe(true);
        }
        return found;
      };
    },
  });
}

test.each(['open', 'stat'] as const)('V17: an archive that is taken in during a call of %s is there', async (call) => {
  const { store } = await scratchStore();
  const id = backupId(1);
  const key = objectKey(SERVER, id, 'tar.gz');
  const bytes = randomBytes(50_000);
  await putObject(store, key, bytes);
  const { vault } = await scratchVault({ store: takenInBetween(store, id, sha256(bytes)) });
  if (call === 'stat') expect(await vault.stat(key)).toEqual({ size: bytes.length });
  else expect(Buffer.from(await getObject(vault, key)).equals(bytes)).toBe(true);
  expect(await store.stat(key)).toBeUndefined();
});

test.each(['stat', 'list'] as const)('an archive that is removed during a call of %s is not there', async (call) => {
  const { store } = await scratchStore();
  const key = objectKey(SERVER, backupId(1), 'tar.gz');
  await putObject((await scratchVault({ store })).vault, key, randomBytes(1000));
  const open = store.open.bind(store);
  store.open = async (opened) => {
    if (opened.endsWith('.recipe')) await store.remove(opened);
    return open(opened);
  };
  const { vault } = await scratchVault({ store });
  if (call === 'stat') expect(await vault.stat(key)).toBeUndefined();
  else expect(await keysOf(vault)).toEqual([]);
});

/** A plain archive whose adoption was killed before its last step: the recipe is there, and both names of one file. */
async function adoptedByHalf() {
  const { directory, store } = await scratchStore();
  const id = backupId(1);
  const key = objectKey(SERVER, id, 'tar.gz');
  const bytes = randomBytes(50_000);
  await putObject(store, key, bytes);
  const plain = join(directory, SERVER, `${id}.tar.gz`);
  const kept = join(directory, 'kept');
  fs.linkSync(plain, kept);
  expect(await takeIn(store, SERVER, id, sha256(bytes))).toBe(true);
  return { directory, store, key, bytes, plain, kept };
}

test('V17: a collection removes the plain name of an archive that is a pack by now, and counts its bytes once', async () => {
  const { directory, store, key, bytes, plain, kept } = await adoptedByHalf();
  fs.renameSync(kept, plain);
  const { vault, faults } = await scratchVault({ store });
  expect(await vault.collect(SERVER, true)).toEqual({ packs: 0, freedBytes: 0, movedBytes: 0 });
  expect(fs.statSync(plain).nlink).toBe(2);
  await vault.collect(SERVER);
  expect(fs.existsSync(plain)).toBe(false);
  expect(vault.usage(SERVER)?.storedBytes).toBe(Math.ceil(bytes.length / 4096) * 4096);
  expect(Buffer.from(await getObject(vault, key)).equals(bytes)).toBe(true);
  const pack = fs.readdirSync(join(directory, SERVER)).find((name) => name.endsWith('.pack')) ?? '';
  expect(fs.statSync(join(directory, SERVER, pack)).nlink).toBe(1);
  expect(faults).toEqual([]);
});

test.each(['a copy of the file', 'a file that has another name elsewhere'])(
  'V17: a collection leaves a plain archive beside its recipe that is no name of a pack: %s',
  async (what) => {
    const { directory, store, key, bytes, plain, kept } = await adoptedByHalf();
    fs.copyFileSync(kept, plain);
    fs.rmSync(kept);
    if (what !== 'a copy of the file') fs.linkSync(plain, join(directory, 'elsewhere'));
    const { vault, faults } = await scratchVault({ store });
    await vault.collect(SERVER);
    expect(fs.readFileSync(plain).equals(bytes)).toBe(true);
    expect(Buffer.from(await getObject(vault, key)).equals(bytes)).toBe(true);
    expect(faults).toEqual([]);
  },
);

test('V17: a plain name stays where the recipe beside it cannot be read', async () => {
  const { directory, store, plain, kept } = await adoptedByHalf();
  fs.renameSync(kept, plain);
  fs.truncateSync(join(directory, SERVER, `${backupId(1)}.recipe`), 70);
  const { vault } = await scratchVault({ store });
  await expect(vault.collect(SERVER)).rejects.toMatchObject({ code: 'archive_damaged' });
  expect(fs.statSync(plain).nlink).toBe(2);
});
