/**
 * Makes listings of archives that were taken over, before anybody looks into them: one after another, on an idle node, in a
 * thread that gives way, from local stores alone (reading a whole archive from a remote one costs its owner). A look that
 * comes sooner makes its own, or joins.
 */
import { type Clock, HOUR_MS } from '../../base/clock.ts';
import { asFailure } from '../../base/failure.ts';
import type { BackupId } from '../../base/ids.ts';
import type { Log } from '../../base/log/log.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import type { BackupRecord } from '../../catalogue/records.ts';
import { objectKey } from '../../storage/key.ts';
import type { JobRunner } from '../runner/runner.ts';
import type { Listings } from '../stored/listings.ts';
import { openStoredArchive } from '../stored/stored-archive.ts';
import type { StoreSet } from '../stored/stores.ts';

export interface ListingsAheadDeps {
  readonly catalogue: Pick<Catalogue, 'backups'>;
  readonly stores: StoreSet;
  readonly runner: Pick<JobRunner, 'open'>;
  readonly listings: Listings;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly log: Log;
}

/** Looked at in a tick: a millisecond. */
const ROWS = 1000;
/** All rows are gone through once more after this: some could not be read, or had no room. */
const AGAIN_MS = HOUR_MS;

export class ListingsAhead {
  readonly #deps: ListingsAheadDeps;
  readonly #stop = new AbortController();
  #after = 0;
  #restAt = 0;
  #making: Promise<void> | undefined;

  constructor(deps: ListingsAheadDeps) {
    this.#deps = deps;
    this.#restAt = deps.clock.monotonic();
  }

  /** Begins at most one. Resolves when that has begun, or all rows were gone through. */
  async tick(): Promise<void> {
    const { catalogue, clock, listings, runner } = this.#deps;
    if (this.#making !== undefined || this.#stop.signal.aborted || runner.open().length > 0) return;
    if (clock.monotonic() - this.#restAt > AGAIN_MS) {
      this.#after = 0;
      this.#restAt = clock.monotonic();
    }
    const { found, seen } = catalogue.backups.withoutIndexDigest(this.#after, ROWS);
    for (const { row, backup } of found) {
      this.#after = row;
      if (listings.isSettled(backup)) continue;
      if (!listings.hasRoom()) return;
      this.#making = this.#make(backup).finally(() => (this.#making = undefined));
      return;
    }
    this.#after = seen;
  }

  /** Stops the one that is being made. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#making;
  }

  /** Removes listings of backups that are gone. */
  sweep(): void {
    this.#deps.listings.sweep((id: BackupId) => this.#deps.catalogue.backups.find(id) !== undefined);
  }

  /** Never rejects: a verification is what says that an archive is damaged. */
  async #make(backup: BackupRecord): Promise<void> {
    const { signal } = this.#stop;
    try {
      const store = this.#deps.stores.get(backup.store);
      if (store.localPath?.(objectKey(backup.server, backup.id, 'tar.gz')) === undefined) return;
      const stored = await openStoredArchive(store, backup, 'without index', signal);
      try {
        if (stored.request.index !== undefined) return;
        const open = (shared: AbortSignal) => openStoredArchive(store, backup, 'without index', shared);
        const listing = await this.#deps.listings.openOrMake(backup, open, signal);
        await listing?.close();
      } finally {
        await stored.close();
      }
    } catch (error) {
      if (signal.aborted) return;
      this.#deps.log.warn('Cannot list an archive', { backup: backup.id, error: asFailure(error, 'Cannot list') });
    }
  }
}
