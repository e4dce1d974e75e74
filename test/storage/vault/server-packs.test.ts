/** What is seen of a server's directory. */
import { expect, test } from 'vitest';
import { isUuid } from '../../../src/base/ids.ts';
import { RangeListBuilder } from '../../../src/storage/vault/ranges.ts';
import { ServerPacks } from '../../../src/storage/vault/server-packs.ts';

test.each([
  '00000000-ffff-4000-8000-000000000000',
  '00000000-0400-4000-8000-000000000000',
  '00010000-0000-4000-8000-000000000000',
])('a thousand maps more, each of which counts before all that are there: %s', (lowest) => {
  const none = new RangeListBuilder().finish();
  let first = lowest;
  for (let count = 0; count < 1000; count++) {
    const id = new ServerPacks(new Map(), new Set(), new Map([[first, none]])).idBeforeAll();
    expect([isUuid(id), id < first]).toEqual([true, true]);
    first = id;
  }
});
