/** A collection beside readers, and one whose thread dies. */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test, type TestContext } from 'vitest';
import type { BackupId } from '../../../../src/base/ids.ts';
import { objectKey, type ObjectKey } from '../../../../src/storage/key.ts';
import { collectServer } from '../../../../src/storage/vault/collection/collect.ts';
import { BLOCK } from '../../../../src/storage/vault/collection/dead-data.ts';
import { freesHoles } from '../../../../src/storage/vault/collection/punch.ts';
import { Pins } from '../../../../src/storage/vault/pins.ts';
import { RangeListBuilder } from '../../../../src/storage/vault/ranges.ts';
import { encodeRecipe } from '../../../../src/storage/vault/format/recipe.ts';
import { packKey } from '../../../../src/storage/vault/server-packs.ts';
import { fileIdentity } from '../../../../src/storage/vault/plain.ts';
import { putObject } from '../../../contract/store.ts';
import { backupId, serverId } from '../../../support/catalogue-rows.ts';
import { failureOf } from '../../../support/rejection.ts';
import { scratchStore } from '../../../support/scratch-store.ts';
import { scratchVault } from '../../../support/scratch-vault.ts';
import { getObject } from '../../../support/store-objects.ts';

const SERVER = serverId(1);
const KEPT = objectKey(SERVER, backupId(1), 'tar.gz');
const STRETCH = 64 * 2 ** 20;

/** A pack of `size` bytes, written at `data` and a hole elsewhere, and a recipe that names its ranges `needed`. */
async function scratchPack(
  context: TestContext,
  {
    size,
    data,
    needed,
  }: { readonly size: number; readonly data: readonly number[]; readonly needed: readonly number[] },
) {
  const { store, directory } = await scratchStore();
  context.skip(!(await freesHoles(directory)), 'skipped: this file system gives no holes back');
  const server = join(directory, SERVER);
  fs.mkdirSync(server, { mode: 0o700, recursive: true });
  const id = randomUUID();
  const path = join(server, `${id}.pack`);
  const descriptor = fs.openSync(path, 'w+');
  onTestFinished(() => fs.closeSync(descriptor));
  fs.ftruncateSync(descriptor, size);
  const written = new Map(data.map((at) => [at, randomBytes(BLOCK)]));
  for (const [at, bytes] of written) fs.writeSync(descriptor, bytes, 0, BLOCK, at);
  const list = new RangeListBuilder();
  for (const at of needed) list.add(id, at, BLOCK);
  const bytes = Buffer.concat(needed.map((at) => written.get(at) ?? Buffer.alloc(BLOCK)));
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  fs.writeFileSync(join(server, `${backupId(1)}.recipe`), encodeRecipe(bytes.length, sha256, list.finish()));
  const options = { store, server: SERVER, known: () => [backupId(1)] as BackupId[], punch: true, mergeAt: 1 };
  /** Offsets of what is no hole. */
  const there = (): number[] =>
    data.filter((at) =>
      fs
        .readFileSync(path)
        .subarray(at, at + BLOCK)
        .some(Boolean),
    );
  return { store, path, bytes, options, there, descriptor };
}

test('a thread that dies in the middle fails the collection, and the next one gives the rest back', async (context) => {
  const data = [0, 2 * BLOCK, 4 * BLOCK, 6 * BLOCK, 8 * BLOCK];
  const needed = [2 * BLOCK, 6 * BLOCK];
  const { store, bytes, options, there } = await scratchPack(context, { size: 9 * BLOCK, data, needed });
  const pins = new Pins();
  const measured: number[] = [];
  const onMeasured = ({ liveBytes }: { readonly liveBytes: number }): void => void measured.push(liveBytes);
  const punchThread = new URL('../../../support/dying-punch-thread.ts', import.meta.url);
  await failureOf(collectServer({ ...options, pins, punchThread, onMeasured }), 'internal');
  expect([there(), measured]).toEqual([data.slice(1), [2 * BLOCK]]);
  await collectServer({ ...options, pins });
  expect(there()).toEqual(needed);
  const { vault } = await scratchVault({ store });
  expect(Buffer.from(await getObject(vault, KEPT)).equals(bytes)).toBe(true);
});

test('a file that is opened as a plain archive while its first stretch is punched keeps all behind it', async (context) => {
  const data = [0, STRETCH, 2 * STRETCH, 3 * STRETCH];
  const needed = [3 * STRETCH];
  const { options, there, descriptor } = await scratchPack(context, { size: 3 * STRETCH + BLOCK, data, needed });
  const pins = new Pins();
  const files = pins.files.bind(pins);
  let looks = 0;
  pins.files = (server) => {
    const found = files(server);
    looks++;
    // A reader comes behind the first look.
    if (looks === 1) pins.keepFile(SERVER, fileIdentity(fs.fstatSync(descriptor, { bigint: true })));
    return found;
  };
  await collectServer({ ...options, pins });
  expect(there()).toEqual(data.slice(1));
});

test('a pack that is given up while the collection looks at it fails nothing', async (context) => {
  const { store, options, there } = await scratchPack(context, { size: 2 * BLOCK, data: [0, BLOCK], needed: [BLOCK] });
  const pins = new Pins();
  const given = randomUUID();
  await putObject(store, packKey(SERVER, given), randomBytes(BLOCK));
  pins.keepPack(SERVER, given);
  const localPath = store.localPath.bind(store);
  store.localPath = (key) => {
    const path = localPath(key);
    // Each caller is about to use it.
    if (key === packKey(SERVER, given)) fs.rmSync(path, { force: true });
    return path;
  };
  let stored = 0;
  await collectServer({ ...options, pins, onMeasured: ({ storedBytes }) => void (stored = storedBytes) });
  expect([there(), stored]).toEqual([[BLOCK], BLOCK]);
});

test('a dry run tells of what the collection gives back, in a pack that has holes already', async (context) => {
  const data = [0, BLOCK, 3 * BLOCK, 7 * BLOCK, STRETCH, STRETCH + BLOCK];
  const needed = [BLOCK, STRETCH];
  const { options, there } = await scratchPack(context, { size: STRETCH + 2 * BLOCK, data, needed });
  const pins = new Pins();
  const told = await collectServer({ ...options, pins, dryRun: true });
  expect(there()).toEqual(data);
  expect(await collectServer({ ...options, pins })).toEqual(told);
  expect(there()).toEqual(needed);
  expect((await collectServer({ ...options, pins })).freedBytes).toBe(0);
});

test('of a pack that goes, only what it has still is given back, and nothing while it has another name', async (context) => {
  const { options, path } = await scratchPack(context, { size: 8 * BLOCK, data: [0, BLOCK, 3 * BLOCK], needed: [] });
  const other = join(path, '..', '..', 'other');
  fs.linkSync(path, other);
  const pins = new Pins();
  const known = (): BackupId[] => [];
  const collect = (dryRun: boolean) => collectServer({ ...options, known, pins, dryRun });
  expect(await collect(true)).toMatchObject({ packs: 1, freedBytes: 0 });
  fs.rmSync(other);
  expect(await collect(true)).toMatchObject({ packs: 1, freedBytes: 3 * BLOCK });
  expect(await collect(false)).toMatchObject({ packs: 1, freedBytes: 3 * BLOCK });
});

test('what is opened while blocks are given back is served behind the collection, and what was open before stays whole', async (context) => {
  const { store, directory } = await scratchStore();
  context.skip(!(await freesHoles(directory)), 'skipped: this file system gives no holes back');
  const localPath = store.localPath.bind(store);
  let onPunch = (): void => undefined;
  store.localPath = (key) => {
    // Of a pack that is there, the collection asks when it is about to punch.
    if (key.endsWith('.pack') && key !== packKey(SERVER, SERVER)) onPunch();
    return localPath(key);
  };
  const { vault, faults } = await scratchVault({ store, mergeAt: 1 });
  const [base, early, late, fresh] = [1, 2, 3, 4].map((number) => objectKey(SERVER, backupId(number), 'tar.gz'));
  if (base === undefined || early === undefined || late === undefined || fresh === undefined) throw new TypeError();
  const bytes = randomBytes(400_000);
  const put = async (key: ObjectKey, from: number, length: number): Promise<Buffer> => {
    const writer = await vault.create(key, { base: key === base ? undefined : base });
    const part = bytes.subarray(from, from + length);
    await writer.write(part, key === base ? [] : [{ start: 0, length, base: from }]);
    await writer.commit();
    return part;
  };
  const disk = (): number =>
    fs.globSync(join(directory, SERVER, '*.pack')).reduce((sum, path) => sum + fs.statSync(path).blocks * 512, 0);
  await put(base, 0, bytes.length);
  const earlyBytes = await put(early, 12 * BLOCK, 20 * BLOCK);
  const lateBytes = await put(late, 50 * BLOCK, 8 * BLOCK);
  const reader = await vault.open(early);
  await vault.remove(early);
  await vault.freeSpace();
  const ended: string[] = [];
  vault.listen({ onCollected: () => void ended.push('collection'), onFault: (_, fault) => void faults.push(fault) });
  let opened: Promise<unknown> | undefined;
  onPunch = () => {
    opened ??= Promise.all([
      vault.view(SERVER).then(async (view) => {
        ended.push('view');
        await view.close();
      }),
      vault.create(fresh, { base: late }).then(async (writer) => {
        ended.push('base');
        await writer.abort();
      }),
      vault.open(late).then(async (source) => {
        ended.push('archive');
        expect(Buffer.from(await source.read(0, source.size)).equals(lateBytes)).toBe(true);
        await source.close();
      }),
    ]);
  };
  await vault.remove(base);
  await vault.freeSpace();
  await opened;
  expect(ended.toSorted()).toEqual(['archive', 'base', 'collection', 'view']);
  expect(ended[0]).toBe('collection');
  expect(disk()).toBe(28 * BLOCK);
  expect(Buffer.from(await reader.read(0, reader.size)).equals(earlyBytes)).toBe(true);
  await reader.close();
  await vault.freeSpace();
  expect(disk()).toBe(8 * BLOCK);
  expect(faults).toEqual([]);
});

test('a vault that is closed ends a merge at its next piece, and the next one merges', async () => {
  const { store, directory } = await scratchStore();
  const before = await scratchVault({ store, mergeAt: 1, packLength: 40 * BLOCK });
  const bytes = randomBytes(400 * BLOCK);
  await putObject(before.vault, KEPT, bytes);
  const key = objectKey(SERVER, backupId(2), 'tar.gz');
  const writer = await before.vault.create(key, { base: KEPT });
  const kept: Buffer[] = [];
  // The half of each pack.
  for (let at = 0; at < bytes.length; at += 40 * BLOCK) {
    kept.push(bytes.subarray(at, at + 20 * BLOCK));
    await writer.write(bytes.subarray(at, at + 20 * BLOCK), [{ start: 0, length: 20 * BLOCK, base: at }]);
  }
  await writer.commit();
  await before.vault.remove(KEPT);
  await before.vault.freeSpace();
  const { vault, faults } = await scratchVault({ store, mergeAt: 0.1, packLength: 40 * BLOCK });
  const count = (kind: string): number =>
    fs.readdirSync(join(directory, SERVER)).filter((name) => name.endsWith(kind)).length;
  const [create, close] = [store.create.bind(store), store.close.bind(store)];
  // The store underneath is used again.
  store.close = () => Promise.resolve();
  let closed: Promise<void> | undefined;
  store.create = (name) => {
    if (name.endsWith('.map')) closed ??= vault.close();
    return create(name);
  };
  await failureOf(vault.collect(SERVER), 'cancelled');
  await closed;
  expect([count('.map'), faults]).toEqual([1, []]);
  const after = await scratchVault({ store, mergeAt: 0.1, packLength: 40 * BLOCK });
  expect(Buffer.from(await getObject(after.vault, key)).equals(Buffer.concat(kept))).toBe(true);
  await after.vault.collect(SERVER);
  expect([count('.map'), count('.pack')]).toEqual([5, 5]);
  expect(Buffer.from(await getObject(after.vault, key)).equals(Buffer.concat(kept))).toBe(true);
  store.close = close;
});

test('a vault that is closed waits for a collection that was asked for', async () => {
  const { store } = await scratchStore();
  const { vault } = await scratchVault({ store });
  await putObject(vault, KEPT, randomBytes(BLOCK));
  await vault.freeSpace();
  const list = store.list.bind(store);
  const [begun, held] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
  store.list = async function* (prefix) {
    begun.resolve(undefined);
    await held.promise;
    yield* list(prefix);
  };
  const collected = vault.collect(SERVER);
  await begun.promise;
  const closed = vault.close();
  // What waits for nothing is over by then.
  await new Promise((resolve) => setImmediate(resolve));
  held.resolve(undefined);
  expect(await collected).toMatchObject({ packs: 0, freedBytes: 0 });
  await closed;
});
