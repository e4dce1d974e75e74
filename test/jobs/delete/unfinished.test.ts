import { describe, expect, test } from 'vitest';
import { Failure } from '../../../src/base/failure.ts';
import { newJobId } from '../../../src/base/ids.ts';
import { finishRemovals } from '../../../src/jobs/delete/unfinished.ts';
import { objectKey } from '../../../src/storage/key.ts';
import { failureOf } from '../../support/rejection.ts';
import { backUp, gate, SERVER, testNode } from '../../support/node.ts';

describe('a deletion that fails half-way', () => {
  test.each(['json', 'index', 'tar.gz'] as const)(
    'at the %s leaves no completed ghost, and is finished by a sweep',
    async (part) => {
      const node = await testNode();
      const id = await backUp(node);
      const remove = node.memory.remove.bind(node.memory);
      node.memory.remove = async (key) => {
        if (key === objectKey(SERVER, id, part)) throw new Failure('store_unreachable', 'EIO');
        await remove(key);
      };
      await failureOf(node.service.remove(SERVER, id), 'store_unreachable');
      expect(await node.service.backup(SERVER, id)).toMatchObject({ status: 'FAILED', error: { code: 'interrupted' } });
      await failureOf(node.service.verify(SERVER, id), 'backup_failed');
      await failureOf(node.service.restore({ server: SERVER, backup: id, truncate: true }), 'backup_failed');
      await failureOf(node.service.setLocked(SERVER, id, true), 'server_busy');
      expect(node.catalogue.backups.newestGood(SERVER, 'memory')).toBeUndefined();
      await finishRemovals(node);
      expect(node.catalogue.backups.find(id)).toBeDefined();
      node.memory.remove = remove;
      await finishRemovals(node);
      expect(node.catalogue.backups.find(id)).toBeUndefined();
      expect(node.memory.objects.size).toBe(0);
    },
  );

  test('is whole when its store could not be used at all', async () => {
    const node = await testNode();
    const id = await backUp(node);
    node.memory.check = () => Promise.reject(new Failure('store_unreachable', 'not mounted'));
    await failureOf(node.service.remove(SERVER, id), 'store_unreachable');
    expect(await node.service.backup(SERVER, id)).toMatchObject({ status: 'COMPLETED', error: null });
    await finishRemovals(node);
    expect(node.catalogue.backups.find(id)?.status).toBe('COMPLETED');
  });
});

describe('a deletion of the last run', () => {
  test('lets no lock be answered that would not hold, while its store takes its time', async () => {
    const node = await testNode();
    const id = await backUp(node);
    node.catalogue.jobs.insert({ id: newJobId(), kind: 'delete', server: SERVER, backup: id, request: {} });
    const slow = gate();
    const remove = node.memory.remove.bind(node.memory);
    node.memory.remove = async (key) => {
      await slow.pass();
      await remove(key);
    };
    const recovered = node.recover();
    await slow.reached;
    // It waits for its turn, and comes too late.
    const locked = failureOf(node.service.setLocked(SERVER, id, true), 'backup_not_found');
    await failureOf(node.service.remove(SERVER, id), 'server_busy');
    const discarded = node.service.discard(SERVER, id);
    slow.open();
    await Promise.all([recovered, discarded, locked]);
    expect(node.catalogue.backups.find(id)).toBeUndefined();
    expect(node.runner.open({ backup: id })).toEqual([]);
  });

  test('takes nothing of a backup that was locked meanwhile', async () => {
    const node = await testNode();
    const id = await backUp(node);
    node.catalogue.jobs.insert({ id: newJobId(), kind: 'delete', server: SERVER, backup: id, request: {} });
    node.catalogue.backups.setLocked(id, true);
    await node.recover();
    expect(node.catalogue.backups.get(id)).toMatchObject({ status: 'COMPLETED', locked: true, removing: false });
    expect(node.memory.objects.size).toBe(3);
    expect(node.catalogue.jobs.list()[0]).toMatchObject({ state: 'failed', error: { code: 'backup_locked' } });
  });
});
