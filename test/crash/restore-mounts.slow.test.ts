/** Whole processes, killed at every step of restores where the file system does not rename everything. Root only. */
import { join } from 'node:path';
import { describe, expect, it, type TestContext } from 'vitest';
import { mountOverlay, mountSubvolume } from '../support/mounted.ts';
import { ARCHIVED, BEFORE, type CrashCase, inParallel, killAndRecover, stepsOf } from '../support/restore-crash.ts';
import { overlaid } from '../support/restore-oracle.ts';
import { SERVER } from '../support/restore-node.ts';
import { scratchDirectory } from '../support/scratch.ts';

const MERGED = overlaid(BEFORE, ARCHIVED);

const onOverlay = (context: TestContext) => async (servers: string) =>
  mountOverlay(context, servers, await scratchDirectory());

/** `world` is a subvolume: its files can only be copied. */
const onSubvolume = (context: TestContext) => async (servers: string) => {
  const image = join(await scratchDirectory(), 'image');
  return mountSubvolume(context, servers, join(SERVER, 'world'), image);
};

const CASES: Readonly<Record<string, (context: TestContext) => CrashCase>> = {
  'truncate over an overlay': (context) => ({
    request: { truncate: true },
    after: ARCHIVED,
    mount: onOverlay(context),
  }),
  'merge over an overlay': (context) => ({ request: {}, after: MERGED, mount: onOverlay(context) }),
  'merge into a subvolume': (context) => ({ request: {}, after: MERGED, mount: onSubvolume(context) }),
};

describe.each(Object.entries(CASES))('a restore that is killed: %s', (_, crashOf) => {
  it('leaves the old tree or the new one at every step and every move', { timeout: 240_000 }, async (context) => {
    const crash = crashOf(context);
    const steps = await stepsOf(crash);
    expect(steps.filter((step) => step === 'renamed').length).toBeGreaterThan(4);
    const stored = steps.indexOf('stored');
    // Before that nothing of the server has moved, wherever it lies.
    const deaths = steps.flatMap((_step, step) => (step >= stored ? [step] : []));
    await inParallel(
      deaths.map((dieAt) => () => killAndRecover(crash, { dieAt, stored })),
      2,
    );
  });
});
