/**
 * What a failed backup could not take back, because its store was away just then: objects of a row that says `FAILED`.
 * Nobody would ever read them, and nobody would miss the space. Looked for in every store after the start, and again in
 * those that were away, until each was looked through once.
 *
 * Only objects of a row that has failed for good are removed: what no row knows may be another's, or wait to be adopted.
 */
import type { Log } from '../../base/log.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import { keyParts } from '../../storage/key.ts';
import type { Store } from '../../storage/store.ts';
import { removeObjects } from '../stored/archive-target.ts';
import type { StoreSet } from '../stored/stores.ts';

export interface FailedBackupSweepDeps {
  readonly catalogue: { readonly backups: Pick<Catalogue['backups'], 'find'> };
  readonly stores: StoreSet;
  readonly log: Log;
}

export class FailedBackupSweep {
  readonly #deps: FailedBackupSweepDeps;
  /** Names of the stores that are still to be looked through. */
  readonly #due: Set<string>;

  constructor(deps: FailedBackupSweepDeps) {
    this.#deps = deps;
    this.#due = new Set(deps.stores.all().map(({ name }) => name));
  }

  /** A backup failed and could not be taken back: that store is to be looked through again. */
  markDue(store: string): void {
    this.#due.add(store);
  }

  /** Looks through what is due. Never rejects: a store that is away stays due. */
  async sweep(): Promise<void> {
    for (const store of this.#deps.stores.all()) {
      if (!this.#due.delete(store.name)) continue;
      try {
        await this.#sweepStore(store);
      } catch (error) {
        this.#due.add(store.name);
        this.#deps.log.warn('Cannot remove what failed backups left in a store', { store: store.name, error });
      }
    }
  }

  async #sweepStore(store: Store): Promise<void> {
    const { catalogue, log } = this.#deps;
    // A store that was away when it was opened was not swept then.
    const partials = (await store.sweep?.()) ?? [];
    if (partials.length > 0) log.info('Removed half-written files', { store: store.name, files: partials });
    for await (const { key } of store.list('')) {
      const parts = keyParts(key);
      const record = parts === undefined ? undefined : catalogue.backups.find(parts.backup);
      if (record?.status !== 'FAILED' || record.store !== store.name || record.server !== parts?.server) continue;
      await removeObjects(store, record);
      log.info('Removed what a failed backup had left', {
        store: store.name,
        backup: record.id,
        server: record.server,
      });
    }
  }
}
