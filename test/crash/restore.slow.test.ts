import { spawn } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import {
  ARCHIVED,
  BEFORE,
  type CrashCase,
  expectWhole,
  inParallel,
  killAndRecover,
  prepare,
  stepsOf,
} from '../support/restore-crash.ts';
import { CHILD, ordersOf } from '../support/restore-kill.ts';
import { keeping, overlaid, partly } from '../support/restore-oracle.ts';

/** RECOVERY_KILLS makes shorter and longer runs: at how many steps a recovery is killed. */
const RECOVERY_KILLS = Number(process.env['RECOVERY_KILLS'] ?? 8);
const IGNORE = ['logs'];

const CASES: Readonly<Record<string, CrashCase>> = {
  truncate: { request: { truncate: true }, after: ARCHIVED },
  merge: { request: {}, after: overlaid(BEFORE, ARCHIVED) },
  'some paths': {
    request: { truncate: true, paths: ['world/region'] },
    after: partly(BEFORE, ARCHIVED, ['world/region'], true),
  },
  'keeping ignored paths': {
    request: { truncate: true, keepIgnored: true },
    after: keeping(BEFORE, ARCHIVED, IGNORE),
    ignore: IGNORE,
  },
  'keeping the previous tree': { request: { truncate: true, keepPreviousHours: 1 }, after: ARCHIVED },
  undo: { request: { undo: true }, after: BEFORE, first: { truncate: true, keepPreviousHours: 1 } },
  'undo of a merge': { request: { undo: true }, after: BEFORE, first: { keepPreviousHours: 1 } },
};

describe.each(Object.entries(CASES))('a restore that is killed (%s)', (_, crash) => {
  it('leaves the old tree or the new one at every step and every rename', async () => {
    const steps = await stepsOf(crash);
    await inParallel(
      steps.map((_, step) => () => killAndRecover(crash, { dieAt: step, stored: steps.indexOf('stored') })),
      2,
    );
  });

  it('does so too when the recovery is killed in its turn', async () => {
    const steps = await stepsOf(crash);
    const middle = steps.flatMap((step, index) => (step === 'renamed' ? [index] : []))[1] ?? 0;
    const deaths = [middle, steps.indexOf('stored'), steps.indexOf('committed')];
    const runs = deaths.flatMap((death) =>
      Array.from(
        { length: RECOVERY_KILLS },
        (_, at) => () => killAndRecover(crash, { dieAt: death, stored: steps.indexOf('stored') }, at),
      ),
    );
    await inParallel(runs, 2);
  });
});

describe('a restore that is killed at a random moment', () => {
  it('leaves the old tree or the new one', async () => {
    const cases = Object.values(CASES);
    const took = await measure(CASES['truncate']);
    const runs = Array.from({ length: 50 }, (_, index) => async () => {
      const crash = cases[index % cases.length];
      if (crash === undefined) return;
      const scene = await prepare(crash);
      const child = spawn(process.execPath, [
        CHILD,
        ordersOf(scene.root, ARCHIVED, crash.request, crash.ignore === undefined ? {} : { ignore: crash.ignore }),
      ]);
      const ended = new Promise<void>((resolve) => void child.once('exit', () => resolve()));
      setTimeout(() => child.kill('SIGKILL'), took * Math.random() * 1.1);
      await ended;
      await expectWhole(scene, crash);
    });
    await inParallel(runs, 2);
  });
});

async function measure(crash: CrashCase | undefined): Promise<number> {
  if (crash === undefined) throw new Error('there is such a case');
  const started = performance.now();
  expect((await stepsOf(crash)).length).toBeGreaterThan(0);
  return performance.now() - started;
}
