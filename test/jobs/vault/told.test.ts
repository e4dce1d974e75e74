/** What the node tells of its vaults, and what it lets their servers take. */
import { randomBytes, randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Failure } from '../../../src/base/failure.ts';
import { openLog } from '../../../src/base/log/log.ts';
import { archiveLimits, bytesOf, type LimitDeps } from '../../../src/jobs/stored/server-limits.ts';
import { Vaults, type VaultsDeps } from '../../../src/jobs/vault/vaults.ts';
import type { VaultOptions } from '../../../src/storage/vault/vault.ts';
import { dataOf } from '../../support/events.ts';
import { backUp, backupId, SERVER, serverId, testNode } from '../../support/node.ts';
import { failureOf } from '../../support/rejection.ts';
import { scratchVault } from '../../support/scratch-vault.ts';

async function nodeWithVault(options: Partial<VaultOptions> = {}, change: Partial<VaultsDeps> = {}) {
  const { vault, directory } = await scratchVault(options);
  const node = await testNode({ store: vault });
  const vaults = new Vaults({ ...node, verifyAgain: () => Promise.resolve(), ...change });
  return { ...node, vault, vaults, directory: join(directory, SERVER) };
}

test('a collection that gives something back is told of by an event, and one that does not is not', async () => {
  const node = await nodeWithVault();
  await backUp(node);
  await node.vaults.collect({});
  expect(dataOf(node.told, 'vault.collected')).toEqual([]);
  fs.writeFileSync(join(node.directory, `${randomUUID()}.pack`), randomBytes(8192));
  await node.vaults.collect({}, true);
  expect(dataOf(node.told, 'vault.collected')).toEqual([]);
  await node.vaults.collect({});
  const collected = { store: 'local', packs: 1, freedBytes: 8192, movedBytes: 0 };
  expect(dataOf(node.told, 'vault.collected')).toEqual([collected]);
});

test('the collection behind a removal is told of, too', async () => {
  const node = await nodeWithVault();
  const gone = await backUp(node);
  await backUp(node);
  await node.deleteBackup(SERVER, gone);
  await node.vault.freeSpace();
  expect(dataOf(node.told, 'vault.collected')).toMatchObject([{ store: 'local', packs: 1 }]);
});

test('damage is told of once: by one event of the vault, and one of each backup that has it', async () => {
  const node = await nodeWithVault();
  const damaged = await backUp(node);
  const recipe = join(node.directory, `${damaged}.recipe`);
  const bytes = fs.readFileSync(recipe);
  bytes[20] = (bytes[20] ?? 0) ^ 1;
  fs.writeFileSync(recipe, bytes);
  for (let look = 0; look < 2; look++) await node.vaults.verify({});
  expect(dataOf(node.told, 'vault.damaged')).toEqual([{ store: 'local', backups: [damaged] }]);
  const verified = node.told.filter(({ type }) => type === 'backup.verified');
  expect(verified).toMatchObject([{ backup: damaged, data: { ok: false, error: { code: 'archive_damaged' } } }]);
  expect(node.catalogue.backups.get(damaged).damagedAt).not.toBeNull();
});

test('a verification tells of an archive that is gone, also with its whole server, and of plain ones that it does not read', async () => {
  const node = await nodeWithVault({ writes: false });
  const [gone, plain] = [await backUp(node), await backUp(node)];
  fs.rmSync(join(node.directory, `${gone}.tar.gz`));
  const { done } = await node.vaults.verify({});
  expect(done).toMatchObject([{ whole: 0, damaged: [gone], unproven: [plain], faults: [] }]);
  expect(dataOf(node.told, 'vault.damaged')).toEqual([{ store: 'local', backups: [gone] }]);
  fs.rmSync(node.directory, { recursive: true });
  const both = expect.arrayContaining([gone, plain]) as unknown;
  expect((await node.vaults.verify({})).done).toMatchObject([{ server: SERVER, damaged: both, unproven: [] }]);
  expect((await node.vaults.status()).done).toMatchObject([{ server: SERVER, backups: 2 }]);
});

test('a verification tells of a recipe that is gone, and not of a backup that is being removed', async () => {
  const node = await nodeWithVault();
  const [gone, removing] = [await backUp(node), await backUp(node)];
  for (const id of [gone, removing]) fs.rmSync(join(node.directory, `${id}.recipe`));
  node.catalogue.backups.markRemoving(removing);
  expect((await node.vaults.verify({})).done).toMatchObject([{ damaged: [gone], unproven: [], faults: [] }]);
});

test('a recipe that cannot be read keeps no other archive from being taken in, and both are told', async () => {
  const node = await nodeWithVault({ writes: false });
  const damaged = await backUp(node);
  const plain = await backUp(node);
  await node.vault.takeIn(SERVER, damaged, node.catalogue.backups.get(damaged).sha256 ?? '');
  fs.writeFileSync(join(node.directory, `${damaged}.recipe`), 'no recipe');
  const part = { store: 'local', server: SERVER };
  const { size } = node.catalogue.backups.get(plain);
  const told = await node.vaults.adopt({});
  expect(told).toMatchObject({
    done: [{ ...part, backup: plain, size }],
    servers: [{ ...part, backups: 1, bytes: size, failures: 1 }],
    failures: [{ ...part, backup: damaged, failure: { code: 'archive_damaged' } }],
    failureCount: 1,
  });
  expect(told.failures[0]?.failure.facts).toMatchObject({ file: `${SERVER}/${damaged}.recipe` });
  expect(fs.existsSync(join(node.directory, `${plain}.recipe`))).toBe(true);
  expect(fs.existsSync(join(node.directory, `${plain}.tar.gz`))).toBe(false);
});

test('a server that cannot be collected keeps no other from it, and both are told', async () => {
  const node = await nodeWithVault();
  const damaged = await backUp(node);
  fs.writeFileSync(join(node.directory, `${damaged}.recipe`), 'no recipe');
  const other = 'ffffffff-ffff-4fff-8fff-ffffffffffff';
  const directory = join(node.directory, '..', other);
  fs.mkdirSync(directory);
  fs.writeFileSync(join(directory, `${randomUUID()}.pack`), randomBytes(8192));
  expect(await node.vaults.collect({})).toMatchObject({
    done: [{ store: 'local', server: other, packs: 1, freedBytes: 8192, movedBytes: 0 }],
    failures: [{ store: 'local', server: SERVER, failure: { code: 'archive_damaged' } }],
    failureCount: 1,
  });
  expect(fs.existsSync(directory)).toBe(false);
  expect(dataOf(node.told, 'vault.collected')).toMatchObject([{ packs: 1, freedBytes: 8192 }]);
});

test('of many failures the first twenty are told in full, and all are counted and logged', async () => {
  const logged: string[] = [];
  const log = openLog({ level: 'error', format: 'json' }, { write: (line) => void logged.push(line) });
  const node = await nodeWithVault({}, { log });
  const servers = Array.from({ length: 25 }, (_, number) => serverId(number + 1));
  for (const server of servers) {
    fs.mkdirSync(join(node.directory, '..', server), { recursive: true });
    fs.writeFileSync(join(node.directory, '..', server, `${backupId(1)}.recipe`), 'no recipe');
  }
  const { done, failures, failureCount } = await node.vaults.collect({});
  expect([done, failures.length, failureCount]).toEqual([[], 20, 25]);
  expect(new Set(failures.map(({ failure }) => failure.code))).toEqual(new Set(['archive_damaged']));
  for (const server of servers) expect(logged.filter((line) => line.includes(server))).toHaveLength(1);
});

test('what a collection gave back before it failed is told beside the failure, and by an event', async () => {
  const node = await nodeWithVault();
  await backUp(node);
  const gaveBack = { packs: 2, freedBytes: 8192, movedBytes: 0 };
  node.vault.collect = () =>
    Promise.reject(new Failure('insufficient_storage', 'the disk is full', { detail: { gaveBack } }));
  expect(await node.vaults.collect({})).toMatchObject({
    done: [{ store: 'local', server: SERVER, ...gaveBack }],
    failures: [{ store: 'local', server: SERVER, failure: { code: 'insufficient_storage' } }],
  });
  expect(dataOf(node.told, 'vault.collected')).toEqual([{ store: 'local', ...gaveBack }]);
});

test('what the collection behind a removal gave back before it failed is told of, too', async () => {
  const node = await nodeWithVault();
  const gone = await backUp(node);
  const gaveBack = { packs: 1, freedBytes: 4096, movedBytes: 0 };
  node.vault.collect = () => Promise.reject(new Failure('internal', 'a thread died', { detail: { gaveBack } }));
  await node.deleteBackup(SERVER, gone);
  await node.vault.freeSpace();
  expect(dataOf(node.told, 'vault.collected')).toEqual([{ store: 'local', ...gaveBack }]);
});

test('a vault that cannot say which servers it has is told, and keeps no other call from being answered', async () => {
  const node = await nodeWithVault();
  node.vault.servers = () => Promise.reject(new Failure('store_unreachable', 'the disk is away'));
  const failures = [{ store: 'local', failure: { code: 'store_unreachable' } }];
  expect(await node.vaults.collect({})).toMatchObject({ done: [], failures, failureCount: 1 });
  expect(await node.vaults.adopt({})).toMatchObject({ done: [], servers: [], failures, failureCount: 1 });
  expect(await node.vaults.status()).toMatchObject({ done: [], failures, failureCount: 1 });
  expect(await node.vaults.verify({})).toMatchObject({ done: [], failures, failureCount: 1 });
});

test('a server without backups has no part in when the vault was collected last', async () => {
  const node = await nodeWithVault();
  const gone = await backUp(node);
  await node.vaults.collect({});
  expect(node.vault.total()).toMatchObject({ packs: 1 });
  await node.deleteBackup(SERVER, gone);
  await node.vault.freeSpace();
  expect(node.vault.total()).toBeUndefined();
});

test('a server’s limit of bytes counts what the disk holds, once that was collected', async () => {
  const node = await nodeWithVault();
  const id = await backUp(node);
  await node.vaults.collect({});
  const stored = node.vault.usage(SERVER)?.storedBytes ?? 0;
  expect(stored).toBeGreaterThan(node.catalogue.backups.get(id).size);
  expect(bytesOf(SERVER, node)).toBe(stored);
  const limits = (serverBytes: number) => ({ perServer: 0, maxSize: 0, serverBytes });
  expect(archiveLimits(SERVER, limits(stored + 10), true, node).added).toBe(10);
  const over = Promise.resolve().then(() => archiveLimits(SERVER, limits(stored), true, node));
  expect((await failureOf(over)).code).toBe('too_large');
});

test('until it was collected, a server’s limit counts what its backups added, and at least the largest archive', async () => {
  const { stores } = await nodeWithVault();
  const counted = (...added: readonly number[]): number => {
    const backups = {
      overview: () => ({ stores: new Map([['local', { backups: added.length, bytes: 1000 * added.length }]]) }),
      list: () => added.map((storedBytes) => ({ size: 1000, storedBytes })),
    };
    return bytesOf(SERVER, { stores, catalogue: { backups }, config: { limits: {} } } as unknown as LimitDeps);
  };
  expect([counted(1000, 50, 60), counted(50, 60)]).toEqual([1110, 1000]);
});
