import { describe, expect, test } from 'vitest';
import type { JobRecord } from '../../../src/catalogue/records.ts';
import { newJobId } from '../../../src/base/ids.ts';
import { recoverJobs } from '../../../src/jobs/recover.ts';
import { runAgain } from '../../../src/jobs/backup/rerun.ts';
import { objectKey } from '../../../src/storage/key.ts';
import { backUp, backupId, gate, outcome, SERVER, testNode, type TestNode } from '../../support/node.ts';

const ID = backupId(1);
const ASKED = { server: SERVER, id: ID, report: true } as const;

function owed({ catalogue }: TestNode): unknown[] {
  return catalogue.deliveries.list().map(({ kind, backup, successful, sha256, size, files }) => {
    return { kind, backup, successful, sha256, size, files };
  });
}

const FAILED = { kind: 'backup', backup: ID, successful: false, sha256: null, size: 0, files: 0 };

/** A job row as a daemon that was killed leaves it. */
function leave({ catalogue }: TestNode, phase?: string): JobRecord {
  const key = objectKey(SERVER, ID, 'tar.gz');
  catalogue.backups.insert({ id: ID, server: SERVER, name: 'x', locked: false, ignore: [], store: 'memory', key });
  const request = { report: true };
  const job = catalogue.jobs.insert({ id: newJobId(), kind: 'backup', server: SERVER, backup: ID, request });
  return phase === undefined ? job : catalogue.jobs.start(job.id, phase);
}

describe('the report of a backup that a panel asked for', () => {
  test('is owed with the checksum and the size from the moment the backup is complete', async () => {
    const node = await testNode();
    let seen: unknown[] = [];
    node.events.subscribe(({ type }) => {
      if (type === 'backup.completed') seen = owed(node);
    });
    await (
      await node.service.create(ASKED)
    ).ended;
    const { sha256, size, files } = node.catalogue.backups.get(ID);
    expect(sha256).toMatch(/^[0-9a-f]{64}$/);
    expect(owed(node)).toEqual([{ kind: 'backup', backup: ID, successful: true, sha256, size, files }]);
    expect(seen).toEqual(owed(node));
  });

  test('is not owed for one that nobody asked to hear of', async () => {
    const node = await testNode();
    await backUp(node);
    await (
      await node.service.verify(SERVER, (await node.service.backups(SERVER))[0]?.id ?? ID)
    ).ended;
    expect(owed(node)).toEqual([]);
  });

  test('says so when the backup fails', async () => {
    const node = await testNode();
    const accepted = await node.service.create(ASKED);
    node.memory.reachable = false;
    expect(await outcome(accepted)).toBe('store_unreachable');
    expect(owed(node)).toEqual([FAILED]);
  });

  test('says so when the backup is cancelled, before its start or after', async () => {
    const node = await testNode({ concurrent: 1 });
    const { pass, open, reached } = gate();
    node.archive.beforePiece = pass;
    const first = await node.service.create(ASKED);
    const second = await node.service.create({ ...ASKED, id: backupId(2), whenBusy: 'queue' });
    await reached;
    await node.service.cancel(SERVER, backupId(2));
    await node.service.cancel(SERVER, ID);
    open();
    expect([await outcome(first), await outcome(second)]).toEqual(['cancelled', 'cancelled']);
    expect(owed(node)).toEqual([{ ...FAILED, backup: backupId(2) }, FAILED]);
  });

  test.each([undefined, 'writing'])('says so when the daemon ended in the phase %s', async (phase) => {
    const node = await testNode();
    leave(node, phase);
    await node.recover();
    expect(owed(node)).toEqual([FAILED]);
    await node.recover();
    expect(owed(node)).toHaveLength(1);
  });

  test('is that of the second job when the backup is begun again', async () => {
    const node = await testNode();
    leave(node, 'writing');
    await recoverJobs({ ...node, runAgain: (job, failure) => runAgain(job, failure, node) });
    await node.runner.settled({});
    const { sha256, size, files } = node.catalogue.backups.get(ID);
    expect(owed(node)).toEqual([{ kind: 'backup', backup: ID, successful: true, sha256, size, files }]);
  });

  test('is taken back when the backup is removed before it arrived', async () => {
    const node = await testNode();
    await (
      await node.service.create(ASKED)
    ).ended;
    await node.service.remove(SERVER, ID);
    expect(owed(node)).toEqual([FAILED]);
    expect(node.catalogue.deliveries.list()).toMatchObject([{ withdrawn: true }]);
  });

  test('leaves the job open when it cannot be stored', async () => {
    const node = await testNode();
    const job = leave(node, 'writing');
    const { giveUpAt, dueAt, askedAt } = { giveUpAt: 1, dueAt: 1, askedAt: 1 };
    const taken = { ...FAILED, kind: 'backup' as const, backup: ID, server: SERVER, giveUpAt, dueAt, askedAt };
    node.catalogue.deliveries.insert({ ...taken, job: job.id, step: 'report', data: {} });
    await node.recover();
    expect(node.catalogue.jobs.get(job.id).state).toBe('running');
    expect(node.catalogue.backups.get(ID).status).toBe('IN_PROGRESS');
  });
});

describe('the report of a restore that a panel asked for', () => {
  test('is owed with its success, and not due before the panel has committed', async () => {
    const node = await testNode();
    await backUp(node, SERVER, ID);
    await (
      await node.service.restore({ server: SERVER, backup: ID, truncate: false, report: true })
    ).ended;
    const [row] = node.catalogue.deliveries.list();
    expect(row).toMatchObject({ kind: 'restore', successful: true, sha256: null, askedAt: node.clock.now() });
    expect((row?.dueAt ?? 0) - node.clock.now()).toBe(3000);
  });

  test('is due at once when the restore took long', async () => {
    const { pass, open, reached } = gate();
    const slow = { ...(await testNode()), pass };
    await backUp(slow, SERVER, ID);
    const restore = {
      kind: 'restore' as const,
      run: async (job: { commit: (write: () => readonly never[]) => void }): Promise<void> => {
        await pass();
        job.commit(() => []);
      },
      failed: () => [],
    };
    const node = await testNode({ catalogue: slow.catalogue, clock: slow.clock, restore });
    const accepted = await node.service.restore({ server: SERVER, backup: ID, truncate: false, report: true });
    await reached;
    node.clock.advance(60_000);
    open();
    await accepted.ended;
    expect(node.catalogue.deliveries.list()).toMatchObject([{ kind: 'restore', dueAt: node.clock.now() }]);
  });
});
