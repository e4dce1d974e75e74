/** The regular sweep of what failed uploads left in buckets. */
import { expect, test } from 'vitest';
import { Failure } from '../../../src/base/failure.ts';
import { silentLog } from '../../../src/base/log/log.ts';
import { StoreSet } from '../../../src/jobs/stored/stores.ts';
import { sweepUploads } from '../../../src/jobs/stored/uploads.ts';
import type { Store } from '../../../src/storage/store.ts';
import { MemoryStore } from '../../support/memory-store.ts';

test('asks each bucket, also behind one that is away, and no directory', async () => {
  const asked: string[] = [];
  const storeOf = (name: string, type: Store['type'], isAway = false): Store =>
    Object.assign(new MemoryStore(name) as Store, {
      type,
      sweep: async (): Promise<readonly string[]> => {
        asked.push(name);
        if (isAway) throw new Failure('store_unreachable', 'Cannot look for open uploads: the service is away');
        return [];
      },
    });
  const stores = new StoreSet([storeOf('far', 's3', true), storeOf('near', 'local'), storeOf('further', 's3')], 'far');
  await sweepUploads(stores, silentLog());
  expect(asked).toEqual(['far', 'further']);
});
