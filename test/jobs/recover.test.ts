import { describe, expect, test } from 'vitest';
import { newJobId } from '../../src/base/ids.ts';
import type { JobKind } from '../../src/catalogue/records.ts';
import { objectKey } from '../../src/storage/key.ts';
import { backUp, backupId, milestones, SERVER, testNode, type TestNode } from '../support/node.ts';

const ID = backupId(1);

/** A job row as a daemon that was killed leaves it. */
function leave({ catalogue }: TestNode, kind: JobKind, phase?: string): void {
  const job = { id: newJobId(), kind, server: SERVER, backup: ID, request: {} };
  if (kind === 'backup') {
    const key = objectKey(SERVER, ID, 'tar.gz');
    catalogue.backups.insert({ id: ID, server: SERVER, name: 'x', locked: false, ignore: [], store: 'memory', key });
  }
  catalogue.jobs.insert(job);
  if (phase === undefined) return;
  catalogue.jobs.start(job.id, 'starting');
  catalogue.jobs.setPhase(job.id, phase);
}

function endOf({ catalogue }: TestNode): unknown[] {
  const [job] = catalogue.jobs.list();
  return [job?.state, job?.error?.code ?? null];
}

describe('after a daemon was killed', () => {
  test.each([undefined, 'preparing', 'writing', 'sealing'])(
    'a backup in phase %s fails as interrupted',
    async (phase) => {
      const node = await testNode();
      leave(node, 'backup', phase);
      node.memory.objects.set(objectKey(SERVER, ID, 'tar.gz'), new Uint8Array(10));
      await node.recover();
      expect(endOf(node)).toEqual(['failed', 'interrupted']);
      expect(node.catalogue.backups.get(ID)).toMatchObject({ status: 'FAILED', error: { code: 'interrupted' } });
      expect(node.memory.objects.size).toBe(0);
      expect(milestones(node)).toEqual(['backup.failed']);
      expect(node.catalogue.jobs.active()).toEqual([]);
    },
  );

  test('a server that was quiesced may write again; one whose backup never started was not asked', async () => {
    const running = await testNode();
    leave(running, 'backup', 'writing');
    await running.recover();
    const queued = await testNode();
    leave(queued, 'backup');
    await queued.recover();
    expect([running.quiesce.calls, queued.quiesce.calls]).toEqual([['resume'], []]);
  });

  test('a manifest whose archive is not as long as it says completes nothing', async () => {
    const first = await testNode();
    await backUp(first, SERVER, ID);
    const node = await testNode();
    leave(node, 'backup', 'sealing');
    for (const [key, bytes] of first.memory.objects) node.memory.objects.set(key, bytes);
    node.memory.objects.set(objectKey(SERVER, ID, 'tar.gz'), new Uint8Array(10));
    await node.recover();
    expect(node.catalogue.backups.get(ID).status).toBe('FAILED');
    expect(node.memory.objects.size).toBe(0);
  });

  test('a sealed backup is completed with what its manifest says', async () => {
    const first = await testNode();
    await backUp(first, SERVER, ID);
    const node = await testNode();
    leave(node, 'backup', 'sealing');
    for (const [key, bytes] of first.memory.objects) node.memory.objects.set(key, bytes);
    await node.recover();
    const { sha256, size } = first.catalogue.backups.get(ID);
    expect(node.catalogue.backups.get(ID)).toMatchObject({ status: 'COMPLETED', sha256, size });
    expect(endOf(node)).toEqual(['done', null]);
    expect(milestones(node)).toEqual(['backup.completed']);
  });

  test('a sealed backup that waits to be begun again is completed too', async () => {
    const first = await testNode();
    await backUp(first, SERVER, ID);
    const node = await testNode();
    leave(node, 'backup');
    for (const [key, bytes] of first.memory.objects) node.memory.objects.set(key, bytes);
    node.clock.advance(1000);
    await node.recover();
    const { status, startedAt } = node.catalogue.backups.get(ID);
    expect([status, startedAt]).toEqual(['COMPLETED', undefined]);
    expect(endOf(node)).toEqual(['done', null]);
  });

  test.each([undefined, 'removing'])('a removal in phase %s is finished', async (phase) => {
    const node = await testNode();
    await backUp(node, SERVER, ID);
    node.memory.objects.delete(objectKey(SERVER, ID, 'json'));
    node.clock.advance(1);
    leave(node, 'delete', phase);
    await node.recover();
    expect(node.memory.objects.size).toBe(0);
    expect(node.catalogue.backups.find(ID)).toBeUndefined();
    expect(endOf(node)).toEqual(['done', null]);
  });

  test('a removal whose row is gone already is just ended', async () => {
    const node = await testNode();
    leave(node, 'delete', 'removing');
    await node.recover();
    expect(endOf(node)).toEqual(['done', null]);
  });

  test('a verification fails as interrupted and says nothing about its backup', async () => {
    const node = await testNode();
    await backUp(node, SERVER, ID);
    node.clock.advance(1);
    leave(node, 'verify', 'verifying');
    await node.recover();
    expect(endOf(node)).toEqual(['failed', 'interrupted']);
    expect(node.catalogue.backups.get(ID)).toMatchObject({ status: 'COMPLETED', damagedAt: null });
  });

  test('with the store away every job still ends, and what lies there stays for later', async () => {
    const node = await testNode();
    leave(node, 'backup', 'writing');
    node.memory.objects.set(objectKey(SERVER, ID, 'tar.gz'), new Uint8Array(10));
    node.memory.reachable = false;
    await node.recover();
    expect(endOf(node)).toEqual(['failed', 'interrupted']);
    node.memory.reachable = true;
    await node.service.remove(SERVER, ID);
    expect(node.memory.objects.size).toBe(0);
  });

  test('a server whose directory is gone, or that cannot be resumed, does not keep its job open', async () => {
    const node = await testNode();
    node.registry.missing.add(SERVER);
    leave(node, 'backup', 'writing');
    await node.recover();
    expect(endOf(node)).toEqual(['failed', 'interrupted']);
  });

  test('restores are left to whoever knows their plans', async () => {
    const node = await testNode();
    leave(node, 'restore', 'swapping');
    await node.recover();
    expect(endOf(node)).toEqual(['running', null]);
  });
});
