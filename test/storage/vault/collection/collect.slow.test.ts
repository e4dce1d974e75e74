/** V6: the memory of a collection, as the kernel counts it of a process that does nothing else. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { CollectionOptions, MeasuredCollection } from '../../../../bench/vault/collection.ts';
import { MEBIBYTE } from '../../../../src/base/sizes.ts';
import { scratchDirectory } from '../../../support/scratch.ts';

test('V6: to collect thirty backups of 10 GiB takes at most 32 MiB', async (context) => {
  context.skip(!fs.existsSync('/proc/self/clear_refs'), 'skipped: this kernel does not count the peak of memory');
  const home = join(await scratchDirectory(), 'store');
  const options: CollectionOptions = { home, nights: 30, size: 10_240 * MEBIBYTE, filled: false };
  const module = new URL('../../../../bench/vault/collection.ts', import.meta.url).href;
  const line = `import('${module}').then((m) => m.measureCollection(${JSON.stringify(options)})).then((all) => console.log(JSON.stringify(all)))`;
  // As the daemon is started (systemd/roost.service).
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--max-semi-space-size=1', '-e', line], {
    encoding: 'utf8',
    env: { ...process.env, MALLOC_ARENA_MAX: '1' },
  });
  expect(stderr).toBe('');
  expect(status).toBe(0);
  const { ranges, peakBytes } = JSON.parse(stdout) as MeasuredCollection;
  expect(ranges).toBeGreaterThan(700_000);
  expect(peakBytes).toBeLessThanOrEqual(32 * MEBIBYTE);
});
