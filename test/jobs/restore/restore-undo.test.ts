import fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { Failure } from '../../../src/base/failure.ts';
import type { BackupId } from '../../../src/base/ids.ts';
import { outcomeOf, remains, restoreNode, type RestoreNode } from '../../support/restore-scene.ts';
import { directory, file, manifestOf, treeOf } from '../../support/tree.ts';
import { archiveOf } from '../../support/tree-archive.ts';

const HOUR = 3_600_000;
const OTHER = 'bbbbbbbb-0000-4000-8000-000000000002' as BackupId;

const OLD = treeOf({ 'a.txt': file('old'), 'b.txt': file('b'), world: directory(), 'world/level.dat': file('old') });
const NEW = treeOf({ 'a.txt': file('new'), world: directory(0o700), 'world/r.mca': file('region') });

/** A server that was restored, with its previous tree kept for an hour. */
async function scene(): Promise<RestoreNode> {
  const node = await restoreNode();
  node.setLive(OLD);
  node.archive = archiveOf(NEW);
  node.power.now = 'running';
  await expect(node.restore({ truncate: true, keepPreviousHours: 1 })).resolves.toBe('done');
  expect(node.manifest()).toEqual(manifestOf(NEW));
  return node;
}

function previous(node: RestoreNode): string[] {
  return fs.readdirSync(join(node.stateDirectory, 'previous'));
}

describe('undoing a restore', () => {
  it('takes out what came in, changes since included, and leaves what the restore did not touch', async () => {
    const node = await scene();
    fs.writeFileSync(join(node.live, 'a.txt'), 'changed since');
    fs.writeFileSync(join(node.live, 'since.txt'), 'made since');
    await expect(node.restore({ undo: true })).resolves.toBe('done');
    expect(fs.readFileSync(join(node.live, 'since.txt'), 'utf8')).toBe('made since');
    fs.rmSync(join(node.live, 'since.txt'));
    expect(node.manifest()).toEqual(manifestOf(OLD));
    expect(previous(node)).toEqual([]);
    expect(node.power.calls).toEqual(['stop', 'start', 'stop', 'start']);
  });

  it('is possible once', async () => {
    const node = await scene();
    await expect(node.restore({ undo: true })).resolves.toBe('done');
    await expect(node.restore({ undo: true })).resolves.toBe('path_not_found');
  });

  it('is refused for another backup, and after a later restore, also once that is undone', async () => {
    const node = await scene();
    await expect(outcomeOf(node.submit({ undo: true }, OTHER).ended)).resolves.toBe('path_not_found');
    await expect(outcomeOf(node.submit({ keepPreviousHours: 1 }, OTHER).ended)).resolves.toBe('done');
    await expect(node.restore({ undo: true })).resolves.toBe('invalid_request');
    await expect(node.submit({ undo: true }).ended).rejects.toMatchObject({ hint: 'Restore another backup.' });
    await expect(outcomeOf(node.submit({ undo: true }, OTHER).ended)).resolves.toBe('done');
    await expect(node.restore({ undo: true })).resolves.toBe('invalid_request');
    expect(previous(node), 'it stays for its hour all the same').toHaveLength(1);
  });

  it('is possible until the hour is over; then the tree goes', async () => {
    const node = await scene();
    node.clock.advance(HOUR - 1);
    await node.sweep();
    expect(previous(node)).toHaveLength(1);
    node.clock.advance(1);
    await expect(node.restore({ undo: true })).resolves.toBe('path_not_found');
    await node.sweep();
    expect(previous(node)).toEqual([]);
    expect(node.catalogue.plans.list()).toEqual([]);
  });

  /** A restore whose previous tree could not be moved away: the directory for it was gone just then. */
  async function sceneWithUnmoved() {
    const node = await restoreNode();
    node.setLive(OLD);
    node.archive = archiveOf(NEW);
    const directory = join(node.stateDirectory, 'previous');
    node.onStep = (step) => {
      if (step === 'committed') fs.renameSync(directory, `${directory}.away`);
    };
    await expect(node.restore({ truncate: true, keepPreviousHours: 1 })).resolves.toBe('done');
    node.onStep = () => undefined;
    expect(remains(node)).toHaveLength(1);
    return { node, bringBack: () => fs.renameSync(`${directory}.away`, directory) };
  }

  it('whose tree could not be moved away at first is possible, and the next sweep moves it', async () => {
    const { node, bringBack } = await sceneWithUnmoved();
    await node.sweep();
    expect(remains(node)).toHaveLength(1);
    bringBack();
    await node.sweep();
    expect(remains(node)).toEqual([]);
    expect(previous(node)).toHaveLength(1);
    await expect(node.restore({ undo: true })).resolves.toBe('done');
    expect(node.manifest()).toEqual(manifestOf(OLD));
  });

  it('of a tree that cannot be moved away ends with its hour, and the tree goes where it lies', async () => {
    const { node } = await sceneWithUnmoved();
    node.clock.advance(HOUR);
    await node.sweep();
    await node.sweep();
    expect(remains(node)).toEqual([]);
    expect(node.catalogue.plans.list()).toEqual([]);
    expect(node.manifest()).toEqual(manifestOf(NEW));
  });

  it.each(['stopped', 'planned'] as const)('can be cancelled when it is %s, and be done later', async (step) => {
    const node = await scene();
    node.onStep = (now) => {
      if (now === step) node.runner.cancel(job.record.id);
    };
    const job = node.submit({ undo: true });
    await expect(outcomeOf(job.ended)).resolves.toBe('cancelled');
    expect(node.manifest()).toEqual(manifestOf(NEW));
    expect(node.power.now).toBe('running');
    node.onStep = () => undefined;
    await expect(node.restore({ undo: true })).resolves.toBe('done');
    expect(node.manifest()).toEqual(manifestOf(OLD));
  });

  it('that is cancelled while the server stops starts it only when it has stopped', async () => {
    const node = await scene();
    const job = node.submit({ undo: true });
    node.power.onStop = (signal) => {
      node.runner.cancel(job.record.id);
      node.power.state = () => {
        node.power.calls.push('state');
        return Promise.resolve('stopped');
      };
      signal.throwIfAborted();
    };
    await expect(outcomeOf(job.ended)).resolves.toBe('cancelled');
    // A start that comes while it still stops is dropped by many server programs.
    expect(node.power.calls.slice(2)).toEqual(['stop', 'state', 'start']);
  });

  it('finds the kept tree whose new place could not be stored', async () => {
    const node = await restoreNode();
    node.setLive(OLD);
    node.archive = archiveOf(NEW);
    node.onStep = (step) => {
      if (step === 'kept') throw new Failure('insufficient_storage', 'Cannot use the catalogue: the disk is full');
    };
    await expect(node.restore({ truncate: true, keepPreviousHours: 1 })).resolves.toBe('done');
    await expect(node.restore({ undo: true })).resolves.toBe('done');
    expect(node.manifest()).toEqual(manifestOf(OLD));
    expect(previous(node)).toEqual([]);
  });

  it('keeps the tree for another try when its files cannot be opened at the moment', async () => {
    const node = await scene();
    const open = fs.openSync;
    vi.spyOn(fs, 'openSync').mockImplementation((path, ...further) => {
      if (!String(path).endsWith('/plan')) return open(path, ...further);
      throw Object.assign(new Error('EMFILE: injected'), { code: 'EMFILE' });
    });
    await expect(node.restore({ undo: true })).resolves.toContain('EMFILE');
    vi.restoreAllMocks();
    const [kept] = node.catalogue.plans.list();
    expect(kept?.plan).toMatchObject({ undoneBy: null });
    await expect(node.restore({ undo: true })).resolves.toBe('done');
    expect(node.manifest()).toEqual(manifestOf(OLD));
  });

  it('whose row was stored although that was refused is gone on with, not taken back', async () => {
    const node = await scene();
    const { plans } = node.deps.catalogue;
    const [insert, find] = [plans.insert.bind(plans), plans.find.bind(plans)];
    const refuse = (): never => {
      throw new Failure('insufficient_storage', 'Cannot use the catalogue: the disk is full');
    };
    plans.insert = (...row) => {
      insert(...row);
      plans.find = refuse;
      return refuse();
    };
    await expect(node.restore({ undo: true })).resolves.toBe('insufficient_storage');
    Object.assign(plans, { insert, find });
    await node.recover();
    expect(node.manifest()).toEqual(manifestOf(OLD));
    expect([node.power.now, node.catalogue.plans.list()]).toEqual(['running', []]);
  });

  it('whose renames are refused leaves the restored tree, and can be done later', async () => {
    const node = await scene();
    let broken = true;
    node.onStep = (step) => {
      if (!broken || step !== 'renamed') return;
      broken = false;
      throw new Failure('internal', 'Cannot rename: the disk says no');
    };
    await expect(node.restore({ undo: true })).resolves.toContain('the disk says no');
    expect(node.manifest()).toEqual(manifestOf(NEW));
    expect(remains(node)).toEqual([]);
    await expect(node.restore({ undo: true })).resolves.toBe('done');
    expect(node.manifest()).toEqual(manifestOf(OLD));
    expect(previous(node)).toEqual([]);
  });

  it('is not possible when the kept tree was removed by hand', async () => {
    const node = await scene();
    for (const name of previous(node)) {
      fs.rmSync(join(node.stateDirectory, 'previous', name), { recursive: true });
    }
    await expect(node.restore({ undo: true })).resolves.toBe('path_not_found');
    expect(node.manifest()).toEqual(manifestOf(NEW));
    expect(node.catalogue.plans.list()).toEqual([]);
  });
});

describe('recovery', () => {
  it('removes what a killed restore left, wherever it lies, and nothing of anybody else', async () => {
    const node = await restoreNode();
    node.setLive(OLD);
    const job = 'cccccccc-0000-4000-8000-000000000001';
    const foreign = join(node.live, `.roost-stage-${job.replace('1', '2')}`);
    for (const parent of [node.servers, node.live]) {
      const stage = join(parent, `.roost-stage-${job}`);
      fs.mkdirSync(join(stage, 'new/world'), { recursive: true });
      fs.mkdirSync(join(stage, 'old'));
      fs.chmodSync(stage, 0o700);
    }
    fs.mkdirSync(foreign);
    fs.chmodSync(foreign, 0o755);
    await node.recover();
    expect(remains(node)).toEqual([foreign.split('/').at(-1)]);
  });

  it('leaves a stage alone that holds files of a server, when the catalogue was lost', async () => {
    const node = await restoreNode();
    const stage = join(node.servers, '.roost-stage-cccccccc-0000-4000-8000-000000000001');
    fs.mkdirSync(join(stage, 'old/world'), { recursive: true });
    fs.chmodSync(stage, 0o700);
    fs.writeFileSync(join(stage, 'old/world/level.dat'), 'the only one');
    await node.recover();
    expect(fs.readFileSync(join(stage, 'old/world/level.dat'), 'utf8')).toBe('the only one');
  });

  it('ends restores that were queued or running as interrupted', async () => {
    const node = await restoreNode();
    node.setLive(OLD);
    const { jobs } = node.catalogue;
    const server = '00000000-0000-4000-8000-000000000001';
    const ids = ['cccccccc-0000-4000-8000-000000000001', 'cccccccc-0000-4000-8000-000000000002'] as const;
    for (const id of ids) jobs.insert({ id, kind: 'restore', server, backup: OTHER, request: {} } as never);
    jobs.start(ids[0] as never, 'unpacking');
    await node.recover();
    for (const id of ids) {
      expect(jobs.get(id as never)).toMatchObject({ state: 'failed', error: { code: 'interrupted' } });
    }
    expect(node.told.map(({ type }) => type)).toEqual(['restore.failed', 'restore.failed']);
  });
});
