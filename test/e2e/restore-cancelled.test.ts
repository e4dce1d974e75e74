import fs from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { RestoreStep } from '../../src/jobs/restore/deps.ts';
import { atStep, cancelScene, cancelWhen, inPhase } from '../support/cancelled-restore.ts';

const BEFORE_STOP: readonly RestoreStep[] = ['fetched', 'checked', 'staged', 'unpacked'];
/** The cancel may come before the point of no return, or behind it. */
const AROUND: readonly RestoreStep[] = ['stopped', 'planned'];
const TOO_LATE: readonly RestoreStep[] = ['stored', 'renamed', 'swapped', 'committed', 'started', 'cleaned'];

describe('a restore that is cancelled over HTTP', () => {
  it('at each step before its server has stopped leaves the old tree', async ({ annotate }) => {
    const scene = await cancelScene();
    // Nothing gets past the stop: it waits for this file.
    fs.rmSync(scene.host.mayStop);
    const moments = BEFORE_STOP.map((step) => [step, () => atStep(scene, step)] as const);
    for (const [what, when] of [...moments, ['stopping', () => inPhase(scene, 'stopping')] as const]) {
      const { state, answer, took } = await cancelWhen(scene, when);
      expect([state, answer], what).toEqual(['cancelled', 202]);
      await annotate(`${what}: cancelled in ${Math.round(took)} ms`);
    }
  });

  it('at each later step leaves the old tree, or is told that it comes too late', async () => {
    const scene = await cancelScene();
    for (const step of [...AROUND, ...TOO_LATE]) {
      const { state, answer } = await cancelWhen(scene, () => atStep(scene, step));
      expect(answer === 202, step).toBe(state === 'cancelled');
      if (TOO_LATE.includes(step)) expect(state, step).toBe('done');
    }
  });
});
