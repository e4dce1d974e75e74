/** A server, a restore of it in a child that is killed, and a recovery: whatever happened, one whole tree is there. */
import fs from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { BACKUP } from './restore-node.ts';
import type { JobState, RestoreJobRequest } from '../../src/catalogue/records.ts';
import { type Fate, powerCalls, runChild } from './restore-kill.ts';
import { remains, restoreNode } from './restore-scene.ts';
import { scratchDirectory } from './scratch.ts';
import { directory, file, manifestOf, symlink, type Tree, treeOf } from './tree.ts';

export const BEFORE: Tree = treeOf({
  'server.properties': file('motd=old'),
  'a-file-that-becomes-a-directory': file('old'),
  logs: directory(0o755, 1_600_000_000),
  'logs/latest.log': file('old log'),
  world: directory(0o755, 1_600_000_000),
  'world/level.dat': file('old level', 0o600),
  'world/region': directory(0o555, 1_600_000_000),
  'world/region/r.0.0.mca': file('old region'),
  gone: symlink('world'),
});

export const ARCHIVED: Tree = treeOf({
  'server.properties': file('motd=new', 0o640),
  'a-file-that-becomes-a-directory': directory(0o711, 1_500_000_000),
  'a-file-that-becomes-a-directory/x': file('new'),
  world: directory(0o775, 1_500_000_000),
  'world/level.dat': file('new level'),
  'world/region': directory(0o555, 1_500_000_000),
  'world/region/r.0.0.mca': file('new region'),
  'world/region/r.0.1.mca': file('more'),
  new: directory(0o700),
});

export interface CrashCase {
  readonly request: RestoreJobRequest;
  /** What a restore that was done leaves. */
  readonly after: Tree;
  /** Restores first, so that there is something to undo. */
  readonly first?: RestoreJobRequest;
  readonly ignore?: readonly string[];
  /** Mounts something on the servers' directory, which holds the server already; returns what unmounts it. */
  readonly mount?: (servers: string) => Promise<() => void>;
}

export interface Scene {
  readonly root: string;
  readonly before: readonly string[];
  /** Jobs that ended before the one that is to be killed. */
  readonly jobs: number;
  readonly unmount: () => void;
}

/** A server before the restore that is to be killed. */
export async function prepare({ first, mount }: CrashCase): Promise<Scene> {
  const root = await scratchDirectory();
  const node = await restoreNode({ root });
  node.setLive(BEFORE);
  const unmount = (await mount?.(node.servers)) ?? (() => undefined);
  if (first !== undefined) {
    await runChild(root, ARCHIVED, first);
    fs.rmSync(join(root, 'power.log'), { force: true });
  }
  return { root, before: node.manifest(), jobs: node.catalogue.jobs.list().length, unmount };
}

/** The steps of a restore that nobody kills; with `refuseAt`, of one that is refused there and goes back. */
export async function stepsOf(crash: CrashCase, refuseAt?: number): Promise<readonly string[]> {
  const { root, unmount } = await prepare(crash);
  const fate = { ...ignoreOf(crash), ...(refuseAt === undefined ? {} : { refuseAt }) };
  const { outcome, steps } = await runChild(root, ARCHIVED, crash.request, fate);
  unmount();
  expect(outcome).toMatch(refuseAt === undefined ? /^done$/ : /the disk says no/);
  return steps;
}

/** Kills a restore at a step, its recovery too when asked, recovers, and looks at what is there. */
export async function killAndRecover(
  crash: CrashCase,
  fate: Fate & { /** The step that is the point of no return. */ readonly stored: number },
  recoveryDiesAt?: number,
): Promise<void> {
  const scene = await prepare(crash);
  const killed = await runChild(scene.root, ARCHIVED, crash.request, { ...ignoreOf(crash), ...fate });
  expect(killed.signal).toBe('SIGKILL');
  if (recoveryDiesAt !== undefined) await runChild(scene.root, ARCHIVED, null, { dieAt: recoveryDiesAt });
  const state = await expectWhole(scene, crash);
  scene.unmount();
  if (fate.refuseAt !== undefined) expect(state, 'what was turned round goes back').toBe('failed');
  else expect(state).toBe((fate.dieAt ?? 0) >= fate.stored ? 'done' : 'failed');
}

function ignoreOf({ ignore }: CrashCase): Fate {
  return ignore === undefined ? {} : { ignore };
}

/** Recovers, and finds the old tree or the new one, nothing of Roost's, and every job at its end. */
export async function expectWhole({ root, before, jobs }: Scene, crash: CrashCase): Promise<JobState | undefined> {
  const node = await restoreNode({ root });
  await node.recover();
  const now = node.manifest();
  const listed = node.catalogue.jobs.list({ backup: BACKUP });
  // Killed early, it was not even stored.
  const job = listed.length > jobs ? listed[0] : undefined;
  expect(node.catalogue.jobs.active()).toEqual([]);
  expect(now, `the job is ${job?.state}`).toEqual(job?.state === 'done' ? manifestOf(crash.after) : before);
  expect(remains(node)).toEqual([]);
  expect(node.catalogue.plans.list({ state: 'swapping' })).toEqual([]);
  expect(node.catalogue.plans.list({ state: 'cleaning' })).toEqual([]);
  const kept = node.catalogue.plans.list({ state: 'kept' }).length;
  const previous = join(node.stateDirectory, 'previous');
  expect(fs.existsSync(previous) ? fs.readdirSync(previous) : []).toHaveLength(kept);
  const calls = [...powerCalls(root), ...node.power.calls];
  if (calls.includes('stop')) expect(calls.at(-1), 'a stopped server is started again').toBe('start');
  return job?.state;
}

/** Runs all, so many at a time. */
export async function inParallel(runs: readonly (() => Promise<void>)[], width: number): Promise<void> {
  const waiting = runs.values();
  const work = async (): Promise<void> => {
    for (const run of waiting) await run();
  };
  await Promise.all(Array.from({ length: width }, work));
}
