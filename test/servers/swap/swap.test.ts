import fs from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { newJobId } from '../../../src/base/ids.ts';
import { RESTORE_TREES, Stage } from '../../../src/servers/stage/stage.ts';
import { statChild } from '../../../src/base/files/handles.ts';
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
import { scratchDirectory } from '../../support/scratch.ts';
import {
  clearDirectory,
  directory,
  file,
  makeTree,
  manifestAt,
  manifestOf,
  type Tree,
  treeOf,
  trees,
} from '../../support/tree.ts';

/** More in the slow tests, and on demand: `RESTORE_RUNS=2000`. */
const RUNS = Number(process.env['RESTORE_RUNS'] ?? 20);

/** A stage with a tree in it that is to come in, and the plan for that. */
class Scene {
  readonly live: string;
  readonly stage: Stage;
  readonly plan: PlanFile;

  private constructor(live: string, stage: Stage, plan: PlanFile) {
    this.live = live;
    this.stage = stage;
    this.plan = plan;
  }

  static async open(live: Tree, incoming: Tree, truncate: boolean): Promise<Scene> {
    const root = await scratchDirectory();
    onTestFinished(() => clearDirectory(root));
    const server = join(root, 'server');
    fs.mkdirSync(server);
    return Scene.in(server, live, incoming, truncate);
  }

  /** @param fixed directories of the live tree cannot move whole, as on the lower layer of an overlay. */
  static async in(server: string, live: Tree, incoming: Tree, truncate: boolean, fixed = false): Promise<Scene> {
    clearDirectory(server);
    makeTree(server, live);
    const stage = await Stage.create(server, newJobId());
    makeTree(join(stage.location.directory, stage.location.name, RESTORE_TREES.incoming), incoming);
    const writer = new PlanWriter(stage.handle, 'plan');
    const rules = { truncate, keep: keepNothing, remove: keepNothing, named: () => true, onKept: () => undefined };
    const probe = fixed ? fixedDirectories(stage) : undefined;
    await planSwap({ ...stage.openTrees(RESTORE_TREES), stage: stage.handle, ...rules, probe }, (step) => {
      // A directory that such a file system does not move must not be asked to.
      if (fixed && step.kind === 'exchange' && step.out) expect(live.get(step.path)?.kind).not.toBe('directory');
      writer.add(step);
    });
    return new Scene(server, stage, await writer.finish());
  }

  async run(direction: 'forward' | 'back', onRename: () => void = () => undefined): Promise<void> {
    const steps = readPlan(this.stage.handle, this.plan);
    await swap(this.stage.openTrees(RESTORE_TREES), steps, { direction, onRename });
  }

  /** Stops after so many renames, as a kill does; false when there were less. */
  async runUntil(direction: 'forward' | 'back', renames: number): Promise<boolean> {
    let done = 0;
    const stop = (): void => {
      if (++done === renames) throw new Error('stopped');
    };
    return this.run(direction, stop).then(
      () => false,
      () => true,
    );
  }
}

function fixedDirectories(stage: Stage): MoveProbe {
  const probe = new MoveProbe(stage.handle);
  const outOf = (parent: number, name: string): string | undefined =>
    statChild(parent, name)?.isDirectory() === true ? 'EXDEV' : probe.outOf(parent, name);
  return Object.assign(Object.create(probe) as MoveProbe, { outOf, into: () => undefined });
}

/** True when the tree has something other than a directory at that path, or at one above it. */
function hasOther(tree: Tree, path: string): boolean {
  const parents = path.split('/').map((_, at, names) => names.slice(0, at + 1).join('/'));
  return parents.some((each) => tree.has(each) && tree.get(each)?.kind !== 'directory');
}

describe('a swap', () => {
  it('that was stopped anywhere, in either direction and again and again, ends as old or new', async () => {
    const root = await scratchDirectory();
    onTestFinished(() => clearDirectory(root));
    const server = join(root, 'server');
    fs.mkdirSync(server);
    const stops = fc.array(
      fc.tuple(fc.constantFrom('forward' as const, 'back' as const), fc.integer({ min: 1, max: 12 })),
      {
        maxLength: 4,
      },
    );
    const property = fc.asyncProperty(trees, trees, fc.boolean(), stops, async (live, incoming, truncate, stopped) => {
      const scene = await Scene.in(server, live, incoming, truncate);
      for (const [direction, renames] of stopped) await scene.runUntil(direction, renames);
      await scene.run('back');
      expect(manifestAt(server)).toEqual(manifestOf(live));
      for (const [direction, renames] of stopped) await scene.runUntil(direction, renames);
      await scene.run('forward');
      expect(manifestAt(server)).toEqual(manifestOf(truncate ? incoming : overlaid(live, incoming)));
      await scene.stage.remove();
      expect(fs.readdirSync(root)).toEqual(['server']);
    });
    await fc.assert(property, { numRuns: RUNS });
  });

  it('whose directories cannot move is as safe: their entries move, and what is emptied goes and comes back', async () => {
    const root = await scratchDirectory();
    onTestFinished(() => clearDirectory(root));
    const server = join(root, 'server');
    fs.mkdirSync(server);
    const stop = fc.tuple(fc.constantFrom('forward' as const, 'back' as const), fc.integer({ min: 1, max: 12 }));
    const stops = fc.array(stop, { maxLength: 4 });
    const property = fc.asyncProperty(trees, trees, fc.boolean(), stops, async (live, incoming, truncate, stopped) => {
      fc.pre(!Array.from(live).some(([path, { kind }]) => kind === 'directory' && hasOther(incoming, path)));
      const scene = await Scene.in(server, live, incoming, truncate, true);
      for (const [direction, renames] of stopped) await scene.runUntil(direction, renames);
      await scene.run('back');
      expect(manifestAt(server)).toEqual(manifestOf(live));
      for (const [direction, renames] of stopped) await scene.runUntil(direction, renames);
      await scene.run('forward');
      await scene.run('forward');
      expect(manifestAt(server)).toEqual(manifestOf(truncate ? incoming : overlaid(live, incoming)));
      await scene.stage.remove();
      expect(fs.readdirSync(root)).toEqual(['server']);
    });
    // Without root, nothing can be removed from a directory that may not be written, and none made in it.
    const removed: Tree = new Map([
      ['a', directory(0o555)],
      ['a/b', directory(0o555)],
      ['a/b/file', file('x', 0o444)],
    ]);
    const madeAgain: Tree = new Map([
      ['a', directory(0o700)],
      ['a/b', directory(0o555)],
    ]);
    const stopAt = Array.from({ length: 12 }, (_, at): [Tree, Tree, boolean, ['forward', number][]] => [
      madeAgain,
      new Map([['a', directory(0o555)]]),
      true,
      [['forward', at + 1]],
    ]);
    await fc.assert(property, { numRuns: RUNS, examples: [[removed, new Map(), true, []], ...stopAt] });
  });

  it('leaves a directory that could not move when a process wrote into it meanwhile', async () => {
    const root = await scratchDirectory();
    onTestFinished(() => clearDirectory(root));
    const server = join(root, 'server');
    fs.mkdirSync(server);
    const live = treeOf({ world: directory(), 'world/a': file('a') });
    const scene = await Scene.in(server, live, treeOf({}), true, true);
    await scene.run('forward', () => fs.writeFileSync(join(server, 'world/new'), 'of the game'));
    expect(fs.readdirSync(join(server, 'world'))).toEqual(['new']);
    await scene.stage.remove();
  });

  it('moves a tree of any size by one rename for each name in the root', async () => {
    const many = treeOf({
      world: { kind: 'directory', mode: 0o755, mtime: 1 },
      ...Object.fromEntries(Array.from({ length: 500 }, (_, at) => [`world/${at}`, file('')])),
    });
    const scene = await Scene.open(many, many, true);
    let renames = 0;
    await scene.run('forward', () => void renames++);
    expect(renames).toBe(2);
    await scene.stage.remove();
  });

  it('refuses a plan that is not the one it was told of', async () => {
    const scene = await Scene.open(treeOf({ a: file('old') }), treeOf({ a: file('new') }), true);
    const { directory, name } = scene.stage.location;
    fs.appendFileSync(join(directory, name, 'plan'), '["x","b",true,false,null,null]\n');
    await expect(scene.run('forward')).rejects.toMatchObject({ code: 'internal' });
    expect(manifestAt(scene.live)).toEqual(manifestOf(treeOf({ a: file('old') })));
    await scene.stage.remove();
  });
});
