import fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { Failure } from '../../../src/base/failure.ts';
import { newJobId } from '../../../src/base/ids.ts';
import type { RestoreStep } from '../../../src/jobs/restore/deps.ts';
import { outcomeOf, remains, restoreNode, type RestoreNode } from '../../support/restore-scene.ts';
import { StillClock } from '../../support/still-clock.ts';
import { directory, file, manifestOf, symlink, treeOf } from '../../support/tree.ts';
import { archiveOf, TreeArchives } from '../../support/tree-archive.ts';
import { dataOf } from '../../support/events.ts';

const OLD = treeOf({
  'a.txt': file('old a'),
  'b.txt': file('old b'),
  world: directory(0o755, 1_600_000_000),
  'world/level.dat': file('old level'),
});

const NEW = treeOf({
  'a.txt': file('new a'),
  'c.txt': file('new c'),
  world: directory(0o700, 1_500_000_000),
  'world/level.dat': file('new level'),
  'world/r.mca': file('region'),
});

const FULL = { truncate: true };

/** A second goes by whenever somebody looks. */
class HastyClock extends StillClock {
  override monotonic(): number {
    this.advance(1000);
    return super.monotonic();
  }
}

async function scene(
  options: { readonly archive?: TreeArchives; readonly clock?: StillClock } = {},
): Promise<RestoreNode> {
  const node = await restoreNode(options);
  node.setLive(OLD);
  node.archive = archiveOf(NEW);
  node.power.now = 'running';
  return node;
}

/** Damages the plan of the next restore half-way through its swap, which ends with an error then. */
function damagePlanWhenRenamed(node: RestoreNode): void {
  node.onStep = (step) => {
    if (step !== 'renamed') return;
    const [stage = ''] = remains(node);
    fs.appendFileSync(join(node.servers, stage, 'plan'), 'damaged');
    throw new Failure('internal', 'Cannot rename: the disk says no');
  };
}

function expectOld(node: RestoreNode): void {
  expect(node.manifest()).toEqual(manifestOf(OLD));
  expect(remains(node)).toEqual([]);
  expect(node.catalogue.plans.list()).toEqual([]);
  expect(node.power.now).toBe('running');
}

describe('cancelling a restore', () => {
  const before: readonly RestoreStep[] = ['fetched', 'checked', 'staged', 'unpacked', 'stopped', 'planned'];

  it.each(before)('when it is %s takes everything back', async (step) => {
    const node = await scene();
    node.onStep = (now) => {
      if (now === step) node.runner.cancel(job.record.id);
    };
    const job = node.submit(FULL);
    await expect(outcomeOf(job.ended)).resolves.toBe('cancelled');
    expectOld(node);
    expect(node.catalogue.jobs.get(job.record.id).state).toBe('cancelled');
  });

  it('in the middle of the unpacking removes what was unpacked', async () => {
    const archive = new TreeArchives();
    const node = await scene({ archive });
    const job = node.submit(FULL);
    archive.halfWay = (request) => {
      expect(remains(node)).toHaveLength(1);
      node.runner.cancel(job.record.id);
      expect(request.signal?.aborted).toBe(true);
    };
    await expect(outcomeOf(job.ended)).resolves.toBe('cancelled');
    expectOld(node);
  });

  it('does not wait for a large stage to be removed: the sweep does that', async () => {
    const node = await scene({ clock: new HastyClock() });
    const job = node.submit(FULL);
    node.onStep = (step) => {
      if (step === 'stopped') node.runner.cancel(job.record.id);
    };
    await expect(outcomeOf(job.ended)).resolves.toBe('cancelled');
    expectOld(node);
    const previous = join(node.stateDirectory, 'previous');
    expect(fs.readdirSync(previous)).toHaveLength(1);
    await node.sweep();
    expect(fs.readdirSync(previous)).toEqual([]);
    expect(node.power.calls, 'the sweep does not start it once more').toEqual(['stop', 'start']);
  });

  it('while the server stops starts it again', async () => {
    const node = await scene();
    const job = node.submit(FULL);
    node.power.onStop = (signal) => {
      node.runner.cancel(job.record.id);
      signal.throwIfAborted();
    };
    await expect(outcomeOf(job.ended)).resolves.toBe('cancelled');
    expectOld(node);
    expect(node.power.calls).toEqual(['stop', 'start']);
  });

  it('while the server stops does not wait for one that does not say whether it has', async () => {
    const node = await scene();
    const job = node.submit(FULL);
    node.power.onStop = (signal) => {
      node.power.state = (_server, over) =>
        new Promise((_resolve, reject) => {
          over?.addEventListener('abort', () => reject(new Error('no answer')));
        });
      node.runner.cancel(job.record.id);
      signal.throwIfAborted();
    };
    await expect(outcomeOf(job.ended)).resolves.toBe('cancelled');
    expectOld(node);
    expect(node.power.calls).toEqual(['stop', 'start']);
  });

  it.each(['stored', 'renamed', 'swapped'] as const)('when it is %s comes too late, and it ends', async (step) => {
    const node = await scene();
    const refused: unknown[] = [];
    node.onStep = (now) => {
      if (now !== step) return;
      try {
        node.runner.cancel(job.record.id);
      } catch (error) {
        refused.push(error);
      }
    };
    const job = node.submit(FULL);
    await expect(outcomeOf(job.ended)).resolves.toBe('done');
    expect(refused[0]).toMatchObject({ code: 'not_running' });
    expect(node.manifest()).toEqual(manifestOf(NEW));
    expect(remains(node)).toEqual([]);
  });
});

describe('a swap that is refused', () => {
  it.each([1, 2, 3, 4])('at rename %i is undone', async (nth) => {
    const node = await scene();
    let renames = 0;
    node.onStep = (step) => {
      if (step === 'renamed' && ++renames === nth) throw new Failure('internal', 'Cannot rename: the disk says no');
    };
    await expect(node.restore(FULL)).resolves.toContain('the disk says no');
    expectOld(node);
    await expect(node.restore(FULL)).resolves.toBe('done');
    expect(node.manifest()).toEqual(manifestOf(NEW));
  });

  it('and that cannot be turned round either goes on before the next restore, which has to wait for it', async () => {
    const node = await scene();
    const advance = node.catalogue.plans.advance.bind(node.catalogue.plans);
    let broken = true;
    node.catalogue.plans.advance = (job, from, to, plan) => {
      if (broken) throw new Failure('insufficient_storage', 'Cannot use the catalogue: the disk is full');
      return advance(job, from, to, plan);
    };
    node.onStep = (step) => {
      if (broken && step === 'renamed') throw new Failure('internal', 'Cannot rename: the disk says no');
    };
    await expect(node.restore(FULL)).resolves.toContain('the disk says no');
    const [half] = node.catalogue.plans.list({ state: 'swapping' });
    await expect(node.restore(FULL)).resolves.toBe('server_busy');
    const completed = () => node.told.filter(({ type }) => type === 'restore.completed').map(({ job }) => job);
    expect(completed()).toEqual([]);
    broken = false;
    await expect(node.restore({ dryRun: true })).resolves.toBe('done');
    expect(completed()[0], 'that it is done all the same is told').toBe(half?.job);
    expect(node.manifest()).toEqual(manifestOf(NEW));
    expect(remains(node)).toEqual([]);
    expect(node.catalogue.plans.list()).toEqual([]);
  });

  it('whose plan was damaged is left alone, with all that was set aside', async () => {
    const node = await scene();
    damagePlanWhenRenamed(node);
    await expect(node.restore(FULL)).resolves.toContain('the disk says no');
    node.onStep = () => undefined;
    await node.recover();
    expect(remains(node)).toHaveLength(1);
    expect(node.catalogue.plans.list({ state: 'swapping' })).toHaveLength(1);
    await expect(node.restore(FULL)).resolves.toBe('server_busy');
  });

  it('because its end cannot be stored is undone', async () => {
    const node = await scene();
    const advance = node.catalogue.plans.advance.bind(node.catalogue.plans);
    let failing = true;
    node.catalogue.plans.advance = (job, from, to, plan) => {
      if (failing && to === 'cleaning') {
        failing = false;
        throw new Failure('insufficient_storage', 'Cannot use the catalogue: the disk is full');
      }
      return advance(job, from, to, plan);
    };
    await expect(node.restore(FULL)).resolves.toBe('insufficient_storage');
    expectOld(node);
  });
});

describe('a start that cannot end the swap of the last run', () => {
  it('does not say of its job that nothing was changed', async () => {
    const node = await scene();
    const { jobs, plans } = node.catalogue;
    damagePlanWhenRenamed(node);
    await expect(node.restore(FULL)).resolves.toContain('the disk says no');
    const [row] = plans.list();
    if (row === undefined) throw new Error('no row');
    const { server, backup } = jobs.get(row.job);
    const id = newJobId();
    // As a kill leaves it: the job has not ended.
    plans.delete(row.job);
    jobs.insert({ id, kind: 'restore', server, backup, request: FULL } as never);
    jobs.start(id, 'swapping');
    plans.insert(id, server, row.plan);
    await node.recover();
    expect(jobs.get(id)).toMatchObject({ state: 'failed', error: { code: 'interrupted', retry: false } });
    expect(jobs.get(id).error?.hint).toMatch(/half changed/);
    expect(plans.find(id)?.state).toBe('swapping');
  });
});

describe('a server that goes on writing while it is restored', () => {
  it('gets the archive in the place of what it made meanwhile', async () => {
    const node = await scene();
    node.onStep = (step) => {
      if (step !== 'stored') return;
      fs.rmSync(join(node.live, 'a.txt'));
      fs.mkdirSync(join(node.live, 'a.txt'));
      fs.writeFileSync(join(node.live, 'a.txt', 'in the way'), '');
      fs.rmSync(join(node.live, 'b.txt'));
      fs.writeFileSync(join(node.live, 'c.txt'), 'mine');
    };
    await expect(node.restore(FULL)).resolves.toBe('done');
    expect(node.manifest()).toEqual(manifestOf(NEW));
    expect(remains(node)).toEqual([]);
  });

  it('gets it even when each rename finds its place taken again', async () => {
    const node = await scene();
    let made = 0;
    node.onStep = (step) => {
      const taken = join(node.live, 'a.txt');
      if (step !== 'renamed' || fs.existsSync(taken) || made >= 20) return;
      made++;
      fs.mkdirSync(taken);
      fs.writeFileSync(join(taken, 'again'), '');
    };
    await expect(node.restore(FULL)).resolves.toBe('done');
    expect(made).toBe(20);
    expect(node.manifest()).toEqual(manifestOf(NEW));
  });

  it('cannot lead a merge out of its directory by a link', async () => {
    const node = await scene();
    const outside = join(node.root, 'outside');
    fs.mkdirSync(outside);
    fs.writeFileSync(join(outside, 'level.dat'), 'not yours');
    node.onStep = (step) => {
      if (step !== 'stored') return;
      fs.rmSync(join(node.live, 'world'), { recursive: true });
      fs.symlinkSync(outside, join(node.live, 'world'));
    };
    await expect(node.restore({})).resolves.toBe('done');
    expect(fs.readdirSync(outside)).toEqual(['level.dat']);
    expect(fs.readFileSync(join(outside, 'level.dat'), 'utf8')).toBe('not yours');
    expect(node.manifest()).toEqual(manifestOf(new Map([...OLD, ...NEW])));
  });

  it('loses a link that is in the way, never what the link points to', async () => {
    const node = await scene();
    const outside = join(node.root, 'outside');
    fs.mkdirSync(outside);
    fs.writeFileSync(join(outside, 'level.dat'), 'not yours');
    node.setLive(treeOf({ world: symlink(outside), 'a.txt': symlink(join(outside, 'level.dat')) }));
    await expect(node.restore({})).resolves.toBe('done');
    expect(fs.readFileSync(join(outside, 'level.dat'), 'utf8')).toBe('not yours');
    expect(node.manifest()).toEqual(manifestOf(NEW));
  });
});

describe('a restore that is done', () => {
  it('is done though its stage cannot be removed, which the next sweep does', async () => {
    const node = await scene();
    node.onStep = (step) => {
      if (step !== 'started') return;
      vi.spyOn(fs, 'unlinkSync').mockImplementation(() => {
        throw Object.assign(new Error('EIO: injected'), { code: 'EIO' });
      });
    };
    await expect(outcomeOf(node.submit(FULL).ended)).resolves.toBe('done');
    vi.restoreAllMocks();
    expect(node.manifest()).toEqual(manifestOf(NEW));
    expect([remains(node).length > 0, node.catalogue.plans.list().map(({ state }) => state)]).toEqual([
      true,
      ['cleaning'],
    ]);
    await node.sweep();
    expect([remains(node), node.catalogue.plans.list()]).toEqual([[], []]);
  });

  it('stays done when the server cannot be started again', async () => {
    const node = await scene();
    node.power.refuse = 'start';
    await expect(node.restore(FULL)).resolves.toBe('done');
    expect(node.manifest()).toEqual(manifestOf(NEW));
    expect(remains(node)).toEqual([]);
  });

  it('leaves a server stopped that was stopped', async () => {
    const node = await scene();
    node.power.now = 'stopped';
    await expect(node.restore(FULL)).resolves.toBe('done');
    expect(node.power.calls).toEqual([]);
  });

  it('tells of itself, with its progress at the total', async () => {
    const node = await scene();
    await expect(node.restore(FULL)).resolves.toBe('done');
    const types = node.told.map(({ type }) => type);
    expect(types[0]).toBe('restore.started');
    expect(types.at(-1)).toBe('restore.completed');
    expect(node.told.at(-1)?.data).toMatchObject({ entries: 5, files: 4, hostile: 0, warningCount: 0 });
    const progress = dataOf(node.told, 'restore.progress').at(-1);
    expect(progress?.bytesDone).toBe(progress?.bytesTotal);
  });
});
