import { describe, expect, test } from 'vitest';
import { Failure } from '../../../src/base/failure.ts';
import { type JobId, newJobId } from '../../../src/base/ids.ts';
import { recoverJobs } from '../../../src/jobs/recover.ts';
import { runAgain } from '../../../src/jobs/backup/rerun.ts';
import { backupId, gate, milestones, outcome, SERVER, serverId, testNode } from '../../support/node.ts';

/** A node whose last run ended in the middle of a backup. */
async function interruptedNode(state: 'queued' | 'running') {
  const node = await testNode();
  const { backups, jobs } = node.catalogue;
  const id = backupId(1);
  backups.insert({ id, server: SERVER, name: 'Nightly', locked: false, ignore: [], store: 'memory', key: 'k' });
  const first = jobs.insert({ id: newJobId(), kind: 'backup', server: SERVER, backup: id, request: {} }).id;
  if (state === 'running') jobs.start(first, 'writing');
  const recover = () => recoverJobs({ ...node, runAgain: (job, failure) => runAgain(job, failure, node) });
  const settled = async (): Promise<void> => {
    while (node.runner.open().length > 0) await new Promise(setImmediate);
  };
  const others = (): JobId[] => jobs.list().flatMap((job) => (job.id === first ? [] : [job.id]));
  return { ...node, id, first, others, recover, settled };
}

describe('an interrupted backup that is to be begun again', () => {
  test('completes under its own id; its first job ends as interrupted, and no failure is told', async () => {
    const node = await interruptedNode('running');
    await node.recover();
    await node.settled();
    expect(node.catalogue.backups.get(node.id).status).toBe('COMPLETED');
    expect(node.catalogue.jobs.get(node.first)).toMatchObject({ state: 'failed', error: { code: 'interrupted' } });
    expect(node.others().map((job) => node.catalogue.jobs.get(job).state)).toEqual(['done']);
    expect(milestones(node)).toEqual(['backup.started', 'backup.completed']);
  });

  test('fails when it is interrupted a second time', async () => {
    const node = await interruptedNode('running');
    const { jobs } = node.catalogue;
    jobs.finish(node.first, 'cancelled', { code: 'cancelled', message: '', facts: {}, retry: false });
    const again = newJobId();
    jobs.insert({ id: again, kind: 'backup', server: SERVER, backup: node.id, request: { runAgain: true } });
    jobs.start(again, 'writing');
    await node.recover();
    expect(node.catalogue.backups.get(node.id)).toMatchObject({ status: 'FAILED', error: { code: 'interrupted' } });
    expect(jobs.active()).toEqual([]);
    expect(milestones(node)).toEqual(['backup.failed']);
  });

  test('fails when it cannot be begun again, and is left to the next start while this run ends', async () => {
    const node = await interruptedNode('running');
    const refuse = (code: 'insufficient_storage' | 'draining') =>
      recoverJobs({
        ...node,
        runAgain: () => {
          throw new Failure(code, 'Cannot start a job');
        },
      });
    await refuse('draining');
    expect(node.catalogue.jobs.active()).toHaveLength(1);
    await refuse('insufficient_storage');
    expect(node.catalogue.jobs.active()).toEqual([]);
    expect(node.catalogue.backups.get(node.id)).toMatchObject({ status: 'FAILED', error: { code: 'interrupted' } });
    expect(milestones(node)).toEqual(['backup.failed']);
  });

  test('counts as not begun yet when it only waited', async () => {
    const node = await interruptedNode('queued');
    await node.recover();
    const [again] = node.others();
    expect(again === undefined ? undefined : node.catalogue.jobs.get(again).request).toEqual({});
    await node.settled();
    expect(node.catalogue.backups.get(node.id).status).toBe('COMPLETED');
  });

  test('is left as it is by a shutdown, running or queued, and begun again by the next start', async () => {
    const first = await testNode({ concurrent: 1, handsOver: ({ kind }) => kind === 'backup' });
    const held = gate();
    first.archive.beforePiece = held.pass;
    const [running, queued] = [backupId(1), backupId(2)];
    const ends = [
      outcome(await first.service.create({ server: serverId(1), id: running })),
      outcome(await first.service.create({ server: serverId(2), id: queued })),
    ];
    await held.reached;
    await first.runner.drain(AbortSignal.abort());
    expect(await Promise.all(ends)).toEqual(['interrupted', 'interrupted']);
    const { backups, jobs } = first.catalogue;
    expect(jobs.active().map(({ backup, state }) => [backup, state])).toEqual([
      [running, 'running'],
      [queued, 'queued'],
    ]);
    expect(milestones(first).filter((type) => type.endsWith('failed'))).toEqual([]);
    expect(first.memory.objects.size + first.memory.unfinished.size).toBe(0);

    const next = await testNode({ store: first.memory, catalogue: first.catalogue });
    await recoverJobs({ ...next, runAgain: (job, failure) => runAgain(job, failure, next) });
    while (next.runner.open().length > 0) await new Promise(setImmediate);
    expect([running, queued].map((id) => backups.get(id).status)).toEqual(['COMPLETED', 'COMPLETED']);
    expect(jobs.active()).toEqual([]);
  });
});
