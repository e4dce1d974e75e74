import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { openOracle, treesAndPaths } from '../../../support/exact-paths-oracle.ts';

const TREES = Number(process.env['EXACT_TREES'] ?? 500);

test('a restore of exact paths brings back what GNU tar unpacks for the same names', async () => {
  const both = await openOracle();
  const property = fc.asyncProperty(treesAndPaths, fc.boolean(), async ({ tree, paths }, indexed) => {
    const { outcome, restored, wanted } = await both(tree, paths, indexed);
    expect(outcome).toBe('done');
    expect(restored).toEqual(wanted);
  });
  await fc.assert(property, { numRuns: TREES });
});
