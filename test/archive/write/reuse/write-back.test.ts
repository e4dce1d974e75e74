import fs from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { settledAfterMs } from '../../../../src/archive/write/reuse/write-back.ts';
import { scratchDirectory } from '../../../support/scratch.ts';

test.each([
  ['3000', '500', 60_000],
  ['100', '100', 60_000],
  ['6000', '1500', 100_000],
  ['360000', '500', 3_630_000],
  ['3000', '0', Infinity],
])(
  'a host that writes out what is %s old, every %s hundredths of a second, has files at rest after %d ms',
  async (expire, every, ms) => {
    const settings = await scratchDirectory();
    fs.writeFileSync(join(settings, 'dirty_expire_centisecs'), `${expire}\n`);
    fs.writeFileSync(join(settings, 'dirty_writeback_centisecs'), `${every}\n`);
    expect(settledAfterMs(settings)).toBe(ms);
  },
);

test('a host that does not say so is taken for one as it comes', async () => {
  expect(settledAfterMs(await scratchDirectory())).toBe(60_000);
});
