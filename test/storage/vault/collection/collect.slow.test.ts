/** V6: the memory of a collection, as the kernel counts it of a process that does nothing else. */
import fs from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { measureApart } from '../../../../bench/vault/collection.ts';
import { MEBIBYTE } from '../../../../src/base/sizes.ts';
import { scratchDirectory } from '../../../support/scratch.ts';

test('V6: to collect thirty backups of 10 GiB takes at most 32 MiB', async (context) => {
  context.skip(!fs.existsSync('/proc/self/clear_refs'), 'skipped: this kernel does not count the peak of memory');
  const home = join(await scratchDirectory(), 'store');
  const { ranges, peakBytes } = measureApart({ home, nights: 30, size: 10_240 * MEBIBYTE, filled: false });
  expect(ranges).toBeGreaterThan(700_000);
  expect(peakBytes).toBeLessThanOrEqual(32 * MEBIBYTE);
});
