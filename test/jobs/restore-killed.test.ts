import { describe, expect, it } from 'vitest';
import { ARCHIVED, inParallel, killAndRecover, stepsOf } from '../support/restore-crash.ts';

const crash = { request: { truncate: true }, after: ARCHIVED };

/** The first, a middle and the last rename; every other boundary. The slow suite takes them all, in every mode. */
function chosen(steps: readonly string[]): number[] {
  const renames = steps.flatMap((step, index) => (step === 'renamed' ? [index] : []));
  const some = new Set([renames[0], renames[Math.floor(renames.length / 2)], renames.at(-1)]);
  return steps.flatMap((step, index) => (step !== 'renamed' || some.has(index) ? [index] : []));
}

describe('a restore that is killed', () => {
  it('leaves the old tree or the new one, at every boundary of its steps', { timeout: 60_000 }, async () => {
    const steps = await stepsOf(crash);
    expect(steps.filter((step) => step === 'renamed').length).toBeGreaterThan(4);
    const runs = chosen(steps).map((step) => () => killAndRecover(crash, step));
    await inParallel(runs, 3);
  });
});
