/** Removes uploads that writers to buckets could not take back when they failed, since the service was away just then. */
import type { Log } from '../../base/log/log.ts';
import type { StoreSet } from './stores.ts';

/** One request for each bucket. Never rejects: a service that is away is asked at the next sweep. */
export async function sweepUploads(stores: Pick<StoreSet, 'all'>, log: Log): Promise<void> {
  for (const store of stores.all()) {
    // Half-written files of a directory take a walk over all of it: they go at the start, and after a failed backup.
    if (store.type !== 's3') continue;
    try {
      const uploads = (await store.sweep?.()) ?? [];
      if (uploads.length > 0) log.info('Aborted uploads that had failed', { store: store.name, uploads });
    } catch (error) {
      log.warn('Cannot look for uploads that failed', { store: store.name, error });
    }
  }
}
