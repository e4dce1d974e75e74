/** Archives whose writing ends otherwise than by a commit alone. */
import { randomBytes, randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Failure } from '../../../src/base/failure.ts';
import { objectKey } from '../../../src/storage/key.ts';
import { Pins } from '../../../src/storage/vault/pins.ts';
import { MAX_RANGES, RangeListBuilder } from '../../../src/storage/vault/ranges.ts';
import { encodeRecipe } from '../../../src/storage/vault/format/recipe.ts';
import { packKey } from '../../../src/storage/vault/server-packs.ts';
import { VaultWriter } from '../../../src/storage/vault/writer.ts';
import { putObject } from '../../contract/store.ts';
import { backupId, serverId } from '../../support/catalogue-rows.ts';
import { failureOf } from '../../support/rejection.ts';
import { scratchStore } from '../../support/scratch-store.ts';
import { scratchVault } from '../../support/scratch-vault.ts';
import { getObject } from '../../support/store-objects.ts';

const SERVER = serverId(1);
const BASE = objectKey(SERVER, backupId(1), 'tar.gz');
const KEY = objectKey(SERVER, backupId(2), 'tar.gz');

test('an archive that is given up while its commit waits for a collection is not there', async () => {
  const { store, directory } = await scratchStore();
  const { vault, faults } = await scratchVault({ store });
  const bytes = randomBytes(10_000);
  await putObject(vault, BASE, bytes);
  await vault.freeSpace();
  const create = store.create.bind(store);
  const packed = Promise.withResolvers<undefined>();
  store.create = async (key) => {
    const pack = await create(key);
    const commit = pack.commit.bind(pack);
    pack.commit = () => commit().finally(() => packed.resolve(undefined));
    return pack;
  };
  const writer = await vault.create(KEY);
  await writer.write(randomBytes(10_000));
  const list = store.list.bind(store);
  const held = Promise.withResolvers<undefined>();
  store.list = async function* (prefix) {
    await held.promise;
    yield* list(prefix);
  };
  const collected = vault.collect(SERVER);
  const committed = writer.commit();
  const refused = failureOf(committed, 'internal');
  await packed.promise;
  // The commit waits for its turn then.
  await new Promise((resolve) => setImmediate(resolve));
  const aborted = writer.abort();
  await Promise.all([aborted.then(() => held.resolve(undefined)), refused, collected]);
  expect(await vault.stat(KEY)).toBeUndefined();
  await vault.freeSpace();
  expect(fs.readdirSync(join(directory, SERVER)).filter((name) => name.endsWith('.pack'))).toHaveLength(1);
  expect(Buffer.from(await getObject(vault, BASE)).equals(bytes)).toBe(true);
  expect(faults).toEqual([]);
});

test('an archive that would be in more parts than a recipe has is refused, and what is there can be collected', async () => {
  const { store, directory } = await scratchStore();
  const pack = randomUUID();
  const bytes = randomBytes(2 * MAX_RANGES);
  await putObject(store, packKey(SERVER, pack), bytes);
  const list = new RangeListBuilder();
  for (let at = 0; at < bytes.length; at += 2) list.add(pack, at, 1);
  const recipe = encodeRecipe(MAX_RANGES, '0'.repeat(64), list.finish());
  fs.writeFileSync(join(directory, SERVER, `${backupId(1)}.recipe`), recipe);
  const { vault } = await scratchVault({ store });
  const writer = await vault.create(KEY, { base: BASE });
  await writer.write(randomBytes(10));
  const archived = bytes.filter((_, at) => at % 2 === 0);
  await writer.write(archived, [{ start: 0, length: archived.length, base: 0, heals: true }]);
  await failureOf(writer.commit(), 'too_large');
  await writer.abort();
  expect(await vault.stat(KEY)).toBeUndefined();
  expect(await vault.collect(SERVER)).toMatchObject({ movedBytes: 0 });
});

test('an archive that is given up while its commit is about to write the recipe is not there', async () => {
  const { store, directory } = await scratchStore();
  const { vault, faults } = await scratchVault({ store });
  const writer = await vault.create(KEY);
  await writer.write(randomBytes(10_000));
  const stat = store.stat.bind(store);
  store.stat = async (key) => {
    if (key.endsWith('.recipe')) await writer.abort();
    return stat(key);
  };
  await failureOf(writer.commit(), 'internal');
  store.stat = stat;
  expect(await vault.stat(KEY)).toBeUndefined();
  await vault.freeSpace();
  expect(fs.existsSync(join(directory, SERVER))).toBe(false);
  expect(faults).toEqual([]);
});

test.each([
  ['is there', true, []],
  ['is not there when the recipe fails', false, ['internal']],
])('an archive that is given up while its recipe is written %s, and ends once', async (_, whole, failures) => {
  const { store } = await scratchStore();
  const create = store.create.bind(store);
  let aborted: Promise<void> | undefined;
  store.create = async (key) => {
    const object = await create(key);
    if (!key.endsWith('.recipe')) return object;
    const commit = object.commit.bind(object);
    object.commit = async () => {
      aborted = writer.abort();
      await new Promise((resolve) => setImmediate(resolve));
      if (!whole) throw new Failure('internal', 'the disk says no');
      await commit();
    };
    return object;
  };
  const ends: unknown[] = [];
  const writer = new VaultWriter({
    store,
    owner: { server: SERVER, backup: backupId(2) },
    pins: new Pins(),
    inTurn: (work) => work(),
    base: undefined,
    shortestRange: 256,
    onEnd: ({ packs }, committed) => void ends.push([packs, committed]),
  });
  await writer.write(randomBytes(10_000));
  const codes = await writer.commit().then(
    () => [],
    (error: unknown) => [error instanceof Failure && error.code],
  );
  await aborted;
  expect([codes, ends]).toEqual([failures, [[1, whole]]]);
  expect((await store.stat(objectKey(SERVER, backupId(2), 'recipe'))) !== undefined).toBe(whole);
});
