/**
 * Removes objects of failed backups that stayed because their store was unreachable; otherwise they would waste space
 * unnoticed. After the start it searches every store once, and retries those that were unreachable.
 *
 * Only objects of rows in state `FAILED` are removed: unknown objects may be of another node, or may still be adopted.
 */
import type { Log } from '../../base/log/log.ts';
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
  /** Names of the stores still to be searched. */
  readonly #due: Set<string>;
  /** Names of the stores that are being searched. */
  readonly #searched = new Set<string>();

  constructor(deps: FailedBackupSweepDeps) {
    this.#deps = deps;
    this.#due = new Set(deps.stores.all().map(({ name }) => name));
  }

  /** Marks a store for another search, after a failed backup could not remove its objects. */
  markDue(store: string): void {
    this.#due.add(store);
  }

  /** True while a store may hold objects of failed backups: the rows of those have to stay. */
  isDue(store: string): boolean {
    return this.#due.has(store) || this.#searched.has(store);
  }

  /** Searches the marked stores. Never rejects; an unreachable store stays marked. */
  async sweep(): Promise<void> {
    for (const store of this.#deps.stores.all()) {
      if (!this.#due.delete(store.name)) continue;
      this.#searched.add(store.name);
      try {
        await this.#sweepStore(store);
      } catch (error) {
        this.#due.add(store.name);
        this.#deps.log.warn('Cannot remove what failed backups left in a store', { store: store.name, error });
      } finally {
        this.#searched.delete(store.name);
      }
    }
  }

  async #sweepStore(store: Store): Promise<void> {
    const { catalogue, log } = this.#deps;
    // A store that was unreachable at its opening was not swept then.
    const isKnown = (key: string): boolean => {
      const parts = keyParts(key);
      return parts !== undefined && catalogue.backups.find(parts.backup)?.store === store.name;
    };
    const partials = (await store.sweep?.(isKnown)) ?? [];
    if (partials.length > 0) log.info('Removed half-written files', { store: store.name, files: partials });
    for await (const { key } of store.list('')) {
      const parts = keyParts(key);
      const record = parts === undefined ? undefined : catalogue.backups.find(parts.backup);
      if (record?.status !== 'FAILED' || record.store !== store.name || record.server !== parts?.server) continue;
      await removeObjects(store, record);
      const { id: backup, server } = record;
      log.info('Removed what a failed backup had left', { store: store.name, backup, server });
    }
  }
}
