/** What the node tells of its vaults, and what it lets their servers take. */
import { randomBytes, randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { archiveLimits, bytesOf, type LimitDeps } from '../../../src/jobs/stored/server-limits.ts';
import { Vaults } from '../../../src/jobs/vault/vaults.ts';
import type { VaultOptions } from '../../../src/storage/vault/vault.ts';
import { dataOf } from '../../support/events.ts';
import { backUp, SERVER, testNode } from '../../support/node.ts';
import { failureOf } from '../../support/rejection.ts';
import { scratchVault } from '../../support/scratch-vault.ts';

async function nodeWithVault(options: Partial<VaultOptions> = {}) {
  const { vault, directory } = await scratchVault(options);
  const node = await testNode({ store: vault });
  const vaults = new Vaults({ ...node, verifyAgain: () => Promise.resolve() });
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

test('a recipe that cannot be read keeps no other archive from being taken in, and is said', async () => {
  const node = await nodeWithVault({ writes: false });
  const plain = await backUp(node);
  const damaged = await backUp(node);
  await node.vault.takeIn(SERVER, damaged, node.catalogue.backups.get(damaged).sha256 ?? '');
  fs.writeFileSync(join(node.directory, `${damaged}.recipe`), 'no recipe');
  const failure = await failureOf(node.vaults.adopt({}), 'archive_damaged');
  expect(failure.facts).toMatchObject({ file: `${SERVER}/${damaged}.recipe` });
  expect(fs.existsSync(join(node.directory, `${plain}.recipe`))).toBe(true);
  expect(fs.existsSync(join(node.directory, `${plain}.tar.gz`))).toBe(false);
});

test('a server that cannot be collected keeps no other from it, and is said', async () => {
  const node = await nodeWithVault();
  const damaged = await backUp(node);
  fs.writeFileSync(join(node.directory, `${damaged}.recipe`), 'no recipe');
  const other = join(node.directory, '..', 'ffffffff-ffff-4fff-8fff-ffffffffffff');
  fs.mkdirSync(other);
  fs.writeFileSync(join(other, `${randomUUID()}.pack`), randomBytes(8192));
  await failureOf(node.vaults.collect({}), 'archive_damaged');
  expect(fs.existsSync(other)).toBe(false);
  expect(dataOf(node.told, 'vault.collected')).toMatchObject([{ packs: 1, freedBytes: 8192 }]);
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
