import { describe, expect, it } from 'vitest';
import { ARCHIVED, inParallel, killAndRecover, stepsOf } from '../../support/restore-crash.ts';

const crash = { request: { truncate: true }, after: ARCHIVED };

/** The first, a middle and the last rename, and the boundaries that matter most; the slow suite takes all. */
function chosen(steps: readonly string[]): number[] {
  const renames = steps.flatMap((step, index) => (step === 'renamed' ? [index] : []));
  const some = new Set([renames[0], renames[Math.floor(renames.length / 2)], renames.at(-1)]);
  const early = new Set(['fetched', 'checked', 'staged', 'renamed']);
  return steps.flatMap((step, index) => (!early.has(step) || some.has(index) ? [index] : []));
}

describe('a restore that is killed', () => {
  it('leaves the old tree or the new one, at every boundary of its steps', { timeout: 60_000 }, async () => {
    const steps = await stepsOf(crash);
    expect(steps.filter((step) => step === 'renamed').length).toBeGreaterThan(4);
    const runs = chosen(steps).map(
      (step) => () => killAndRecover(crash, { dieAt: step, stored: steps.indexOf('stored') }),
    );
    await inParallel(runs, 3);
  });

  it('while it goes back, because a rename was refused, goes back to its end', { timeout: 60_000 }, async () => {
    const third = (await stepsOf(crash)).flatMap((step, index) => (step === 'renamed' ? [index] : []))[2] ?? 0;
    const back = await stepsOf(crash, third);
    const deaths = [third + 1, back.length - 1];
    expect(back.length - third).toBeGreaterThan(2);
    await inParallel(
      deaths.map((dieAt) => () => killAndRecover(crash, { refuseAt: third, dieAt, stored: 0 })),
      3,
    );
  });
});
