import { describe, expect, test } from 'vitest';
import { deleteCoveredBackups, serversPastGrace } from '../../../src/jobs/delete/server-removal.ts';
import type { BackupId } from '../../../src/base/ids.ts';
import { objectKey } from '../../../src/storage/key.ts';
import { backUp, backupId, gate, outcome, SERVER, serverId, testNode } from '../../support/node.ts';
import { failureOf } from '../../support/rejection.ts';

const DAY = 86_400_000;

async function nodeWithTwo() {
  const node = await testNode();
  const ids = [await backUp(node), await backUp(node)];
  const sweep = async (): Promise<void> => {
    for (const server of serversPastGrace(node.catalogue, node.clock.now())) {
      await deleteCoveredBackups(server, { ...node, deleteBackup: (backup) => node.service.remove(server, backup) });
    }
  };
  const kept = () => node.catalogue.backups.list({ server: SERVER }).map(({ id }) => id);
  return { ...node, ids, sweep, kept };
}

describe('a server that is given up', () => {
  test('keeps its backups for ever when that is asked', async () => {
    const node = await nodeWithTwo();
    const answer = await node.service.removeServer(SERVER, { backups: 'keep' });
    expect(answer).toEqual({ deleted: 0, kept: 2, deleteAt: null });
    node.clock.advance(10_000 * DAY);
    await node.sweep();
    expect(node.kept()).toHaveLength(2);
  });

  test('loses them at once, but for the locked ones', async () => {
    const node = await nodeWithTwo();
    const [locked] = node.ids;
    if (locked !== undefined) await node.service.setLocked(SERVER, locked, true);
    expect(await node.service.removeServer(SERVER, { backups: 'delete' })).toMatchObject({ deleted: 1, kept: 1 });
    expect(node.kept()).toEqual([locked]);
  });

  test('loses them when its days of grace are over, and not a moment before', async () => {
    const node = await nodeWithTwo();
    const { deleteAt } = await node.service.removeServer(SERVER, { backups: 'delete', graceDays: 7 });
    expect(deleteAt).toBe(node.clock.now() + 7 * DAY);
    node.clock.advance(7 * DAY - 1);
    await node.sweep();
    expect(node.kept()).toHaveLength(2);
    node.clock.advance(1);
    await node.sweep();
    expect(node.kept()).toEqual([]);
    expect(serversPastGrace(node.catalogue, node.clock.now())).toEqual([]);
  });

  test('keeps what it backs up after it came back', async () => {
    const node = await nodeWithTwo();
    await node.service.removeServer(SERVER, { backups: 'delete', graceDays: 7 });
    node.clock.advance(DAY);
    const later = await backUp(node);
    node.clock.advance(7 * DAY);
    await node.sweep();
    expect(node.kept()).toEqual([later]);
  });

  test('keeps what it backs up after it came back, though the clock was set back before', async () => {
    const node = await nodeWithTwo();
    await node.service.removeServer(SERVER, { backups: 'delete', graceDays: 7 });
    node.clock.jump(-400 * DAY);
    const later = await backUp(node);
    node.clock.jump(408 * DAY);
    await node.sweep();
    expect(node.kept()).toEqual([later]);
  });

  test('keeps what it backs up after it came back, though those from before are gone already', async () => {
    const node = await nodeWithTwo();
    await node.service.removeServer(SERVER, { backups: 'delete', graceDays: 7 });
    for (const id of node.ids) await node.service.remove(SERVER, id);
    node.clock.advance(DAY);
    const later = [await backUp(node), await backUp(node), await backUp(node)];
    node.clock.advance(7 * DAY);
    await node.sweep();
    expect(node.kept().sort()).toEqual(later.sort());
  });

  test('keeps archives from elsewhere that were taken over after it was given up, however old, and loses those from before', async () => {
    const node = await nodeWithTwo();
    const [own] = node.ids;
    if (own === undefined) throw new Error('there are two');
    const record = { ...node.catalogue.backups.get(own), sequence: 0, createdAt: node.clock.now() - 400 * DAY };
    const takeOver = (id: BackupId) =>
      node.catalogue.backups.adopt({ ...record, id, key: objectKey(SERVER, id, 'tar.gz') });
    takeOver(backupId(100));
    await node.service.removeServer(SERVER, { backups: 'delete', graceDays: 7 });
    node.clock.advance(DAY);
    takeOver(backupId(101));
    node.clock.advance(7 * DAY);
    await node.sweep();
    expect(node.kept()).toEqual([backupId(101)]);
  });

  test('has its days of grace in full, though the clock was behind when it was given up', async () => {
    const node = await nodeWithTwo();
    node.clock.jump(-400 * DAY);
    await node.service.removeServer(SERVER, { backups: 'delete', graceDays: 7 });
    node.clock.jump(400 * DAY);
    expect(node.believable.canDelete()).toBe(true);
    await node.sweep();
    expect(node.kept()).toHaveLength(2);
    node.clock.advance(7 * DAY);
    await node.sweep();
    expect(node.kept()).toEqual([]);
  });

  test('keeps what is left when a later decision comes while its backups are being deleted', async () => {
    const node = await nodeWithTwo();
    const slow = gate();
    const remove = node.memory.remove.bind(node.memory);
    node.memory.remove = async (key) => {
      await slow.pass();
      await remove(key);
    };
    const deleting = node.service.removeServer(SERVER, { backups: 'delete' });
    await slow.reached;
    node.clock.advance(1);
    await node.service.removeServer(SERVER, { backups: 'delete', graceDays: 7 });
    slow.open();
    expect(await deleting).toMatchObject({ deleted: 1, kept: 1, deleteAt: node.clock.now() + 7 * DAY });
    await node.sweep();
    expect(node.kept()).toHaveLength(1);
    await node.service.removeServer(SERVER, { backups: 'keep' });
    node.clock.advance(30 * DAY);
    await node.sweep();
    expect(node.kept()).toHaveLength(1);
  });

  test('is kept after all by a later decision, also while it is suspended', async () => {
    const node = await nodeWithTwo();
    await node.service.setServer(SERVER, { suspended: true });
    await node.service.removeServer(SERVER, { backups: 'delete', graceDays: 1 });
    await node.service.removeServer(SERVER, { backups: 'keep' });
    node.clock.advance(30 * DAY);
    await node.sweep();
    expect(node.kept()).toHaveLength(2);
  });

  test('that is suspended loses its backups all the same', async () => {
    const node = await nodeWithTwo();
    await node.service.setServer(SERVER, { suspended: true });
    expect(await node.service.removeServer(SERVER, { backups: 'delete' })).toMatchObject({ deleted: 2, kept: 0 });
  });

  test('has its deletion finished by a later sweep when the store was away', async () => {
    const node = await nodeWithTwo();
    await node.service.removeServer(SERVER, { backups: 'delete', graceDays: 1 });
    node.clock.advance(DAY);
    const refuse = () => Promise.reject(new Error('away'));
    expect(await deleteCoveredBackups(SERVER, { ...node, deleteBackup: refuse })).toBe(0);
    await node.sweep();
    expect(node.kept()).toEqual([]);
  });

  test('is refused while a backup of it runs, and when nobody knows it', async () => {
    const node = await nodeWithTwo();
    const writing = gate();
    node.archive.beforePiece = writing.pass;
    const running = await node.service.create({ server: SERVER });
    await writing.reached;
    expect((await failureOf(node.service.removeServer(SERVER, { backups: 'delete' }))).code).toBe('server_busy');
    writing.open();
    expect(await outcome(running)).toBe('done');
    node.registry.missing.add(serverId(9));
    const unknown = node.service.removeServer(serverId(9), { backups: 'delete' });
    expect((await failureOf(unknown)).code).toBe('server_not_found');
  });
});
