/** The stores of the config by name. Records name theirs, so a store that was taken out of the config can be missed. */
import { Failure } from '../../base/failure.ts';
import type { Store } from '../../storage/store.ts';

export class StoreSet {
  readonly #stores: ReadonlyMap<string, Store>;
  /** Where new backups go. */
  readonly default: Store;

  constructor(stores: readonly Store[], defaultName: string) {
    this.#stores = new Map(stores.map((store) => [store.name, store]));
    this.default = this.get(defaultName);
  }

  /** @throws Failure `store_unreachable` when the config no longer names it. */
  get(name: string): Store {
    const store = this.#stores.get(name);
    if (store !== undefined) return store;
    throw new Failure('store_unreachable', `Cannot use the store "${name}": the config does not name it`, {
      facts: { store: name },
      hint: 'Put it back under storage.stores, or delete the backups that lie there.',
    });
  }

  all(): readonly Store[] {
    return Array.from(this.#stores.values());
  }
}
