/** Servers that something else starts while they are restored: a queued start, a saved state, a schedule. */
import { describe, expect, it } from 'vitest';
import { isUnderRestore } from '../../../src/jobs/restore/under-restore.ts';
import { BACKUP, SERVER } from '../../support/restore-node.ts';
import { restoreNode } from '../../support/restore-scene.ts';
import { archiveOf } from '../../support/tree-archive.ts';
import { file, manifestOf, treeOf } from '../../support/tree.ts';

const OLD = treeOf({ 'level.dat': file('old'), 'old-only': file('old') });
const NEW = treeOf({ 'level.dat': file('new'), 'new-only': file('new') });

async function scene() {
  const node = await restoreNode();
  node.setLive(OLD);
  node.archive = archiveOf(NEW);
  node.power.now = 'running';
  return node;
}

describe('a server that is started while it is restored', () => {
  it('is stopped again before the point of no return, and what its game wrote is planned for', async () => {
    const node = await scene();
    let starts = 0;
    node.onStep = (step) => {
      if (step !== 'planned' || starts++ > 0) return;
      node.power.now = 'running';
      node.setLive(treeOf({ 'level.dat': file('saved'), 'session.lock': file('of the game') }));
    };
    expect(await node.restore({ truncate: true })).toBe('done');
    expect(node.manifest()).toEqual(manifestOf(NEW));
    expect(node.power.calls).toEqual(['stop', 'stop', 'start']);
  });

  it('fails the restore when that happens again and again, with nothing changed', async () => {
    const node = await scene();
    const before = node.manifest();
    node.onStep = (step) => void (step === 'planned' && (node.power.now = 'running'));
    expect(await node.restore({ truncate: true })).toBe('server_busy');
    expect(node.manifest()).toEqual(before);
    expect(node.power.calls.at(-1)).toBe('start');
  });

  it('is killed after the swap, and started: what it would save is of the tree from before', async () => {
    const node = await scene();
    node.onStep = (step) => void (step === 'renamed' && (node.power.now = 'running'));
    expect(await node.restore({ truncate: true })).toBe('done');
    expect(node.power.calls).toEqual(['stop', 'kill', 'start']);
  });

  it('is left alone where the state is only assumed', async () => {
    const node = await scene();
    Object.assign(node.power, { assumesState: true });
    node.onStep = () => void (node.power.now = 'running');
    expect(await node.restore({ truncate: true })).toBe('done');
    expect(node.power.calls).toEqual(['stop', 'start']);
  });

  it('is stopped again before an undo, and killed after its swap', async () => {
    const node = await scene();
    expect(await node.restore({ truncate: true, keepPreviousHours: 1 })).toBe('done');
    node.power.calls.splice(0);
    let starts = 0;
    node.onStep = (step) => {
      if ((step === 'planned' && starts++ === 0) || step === 'renamed') node.power.now = 'running';
    };
    expect(await node.restore({ undo: true })).toBe('done');
    expect(node.manifest()).toEqual(manifestOf(OLD));
    expect(node.power.calls).toEqual(['stop', 'stop', 'kill', 'start']);
  });
});

describe('the lock of a restore', () => {
  it('holds from the queue to the end, and not for a preview', async () => {
    const node = await scene();
    const locked: boolean[] = [];
    node.onStep = () => void locked.push(isUnderRestore(SERVER, node.deps));
    const { ended } = node.submit({ truncate: true });
    expect(isUnderRestore(SERVER, node.deps)).toBe(true);
    await ended;
    expect(isUnderRestore(SERVER, node.deps)).toBe(false);
    expect(locked.slice(0, 8)).toEqual(Array.from({ length: 8 }, () => true));
    const preview = node.submit({ dryRun: true });
    expect(isUnderRestore(SERVER, node.deps)).toBe(false);
    await preview.ended;
  });

  it('holds while a swap of an earlier run could not be ended', async () => {
    const node = await scene();
    await node.submit({ truncate: true }).ended;
    const [job] = node.catalogue.jobs.list();
    if (job === undefined) throw new Error('no job');
    node.catalogue.plans.insert(job.id, SERVER, { backup: BACKUP });
    expect(isUnderRestore(SERVER, node.deps)).toBe(true);
  });
});
