import fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, type TestContext } from 'vitest';
import { newJobId } from '../../../src/base/ids.ts';
import { statChild } from '../../../src/base/files/handles.ts';
import { RESTORE_TREES, Stage } from '../../../src/servers/stage/stage.ts';
import {
  keepNothing,
  MoveProbe,
  type PlanFile,
  planSwap,
  PlanWriter,
  readPlan,
  swap,
} from '../../../src/servers/swap/swap.ts';
import { overlaid } from '../../support/restore-oracle.ts';
import { mountTmpfs } from '../../support/mounted.ts';
import { scratchDirectory } from '../../support/scratch.ts';
import { directory, file, makeTree, manifestAt, manifestOf, symlink, type Tree, treeOf } from '../../support/tree.ts';

/** All of it below `world`, which is another file system. */
const OLD = treeOf({
  world: directory(),
  'world/level.dat': file('old level', 0o600, 1_400_000_000),
  'world/becomes-a-directory': file('old'),
  'world/becomes-a-file': directory(0o750),
  'world/becomes-a-file/deep': file('old deep'),
  'world/only-old': file('goes with truncate'),
  'world/link': symlink('level.dat'),
});
const NEW = treeOf({
  world: directory(0o700),
  'world/level.dat': file('new level', 0o4755, 1_500_000_000),
  'world/becomes-a-directory': directory(0o711, 1_500_000_000),
  'world/becomes-a-directory/x': file('new'),
  'world/becomes-a-directory/down': directory(0o500, 1_500_000_001),
  'world/becomes-a-directory/down/y': file('deep new'),
  'world/becomes-a-file': file('now a file'),
  'world/link': symlink('elsewhere'),
  'world/added': directory(),
  'world/added/z': file('z'),
});

class Scene {
  readonly live: string;
  readonly stage: Stage;
  readonly plan: PlanFile;

  private constructor(live: string, stage: Stage, plan: PlanFile) {
    this.live = live;
    this.stage = stage;
    this.plan = plan;
  }

  static async open(context: TestContext, truncate: boolean): Promise<Scene> {
    const live = join(await scratchDirectory(), 'server');
    fs.mkdirSync(join(live, 'world'), { recursive: true });
    mountTmpfs(context, join(live, 'world'));
    fill(live, OLD);
    const stage = await Stage.create(live, newJobId());
    makeTree(join(stage.location.directory, stage.location.name, RESTORE_TREES.incoming), NEW);
    const writer = new PlanWriter(stage.handle, 'plan');
    const rules = { truncate, keep: keepNothing, remove: keepNothing, named: () => true, onKept: () => undefined };
    const request = { ...stage.openTrees(RESTORE_TREES), stage: stage.handle, ...rules, probe: asSubvolume(stage) };
    await planSwap(request, (step) => writer.add(step));
    return new Scene(live, stage, await writer.finish());
  }

  async run(direction: 'forward' | 'back', stopAt = Number.POSITIVE_INFINITY): Promise<number> {
    let moves = 0;
    const onRename = (): void => {
      if (++moves === stopAt) throw new Error('stopped');
    };
    const steps = readPlan(this.stage.handle, this.plan);
    await swap(this.stage.openTrees(RESTORE_TREES), steps, { direction, onRename }).catch((error: unknown) => {
      if (moves !== stopAt) throw error;
    });
    return moves;
  }

  manifest(): string[] {
    return manifestAt(this.live);
  }
}

/** A mount point cannot move at all; a subvolume's root cannot be told from one by the entries in it. */
function asSubvolume(stage: Stage): MoveProbe {
  const probe = new MoveProbe(stage.handle);
  const outOf = (parent: number, name: string): string | undefined =>
    statChild(parent, name)?.isDirectory() === true ? 'EXDEV' : probe.outOf(parent, name);
  return Object.assign(Object.create(probe) as MoveProbe, { outOf, into: (at: number) => probe.into(at) });
}

function fill(live: string, tree: Tree): void {
  for (const name of fs.readdirSync(join(live, 'world'))) fs.rmSync(join(live, 'world', name), { recursive: true });
  const below = [...tree].filter(([path]) => path !== 'world');
  makeTree(join(live, 'world'), new Map(below.map(([path, entry]) => [path.slice('world/'.length), entry])));
  const world = tree.get('world');
  if (world?.kind === 'directory') fs.utimesSync(join(live, 'world'), world.mtime, world.mtime);
}

describe('a swap whose files lie on another file system', () => {
  for (const truncate of [false, true]) {
    const after = truncate ? NEW : overlaid(OLD, NEW);

    it(`copies what a rename refuses, truncate ${truncate}, and back`, async (context) => {
      const scene = await Scene.open(context, truncate);
      const before = scene.manifest();
      await scene.run('forward');
      expect(scene.manifest()).toEqual(manifestOf(after));
      await scene.run('back');
      expect(scene.manifest()).toEqual(before);
      await scene.stage.remove();
    });

    it(
      `that is stopped after any move ends as old or new, truncate ${truncate}`,
      { timeout: 60_000 },
      async (context) => {
        const scene = await Scene.open(context, truncate);
        const before = scene.manifest();
        const moves = await scene.run('forward');
        expect(moves).toBeGreaterThan(10);
        await scene.run('back');
        for (let stop = 1; stop <= moves; stop++) {
          await scene.run('forward', stop);
          await scene.run('forward');
          expect(scene.manifest()).toEqual(manifestOf(after));
          await scene.run('back', stop);
          await scene.run('back');
          expect(scene.manifest()).toEqual(before);
          await scene.run('forward', stop);
          await scene.run('back', stop);
          await scene.run('back');
          expect(scene.manifest()).toEqual(before);
        }
        await scene.stage.remove();
      },
    );
  }
});
