/** Opens the stores that the config names, whatever state they are in: a daemon serves with one of them away. */
import { Failure } from './base/failure.ts';
import type { Log } from './base/log.ts';
import type { KeyTable } from './catalogue/contract.ts';
import type { StorageConfig, StoreConfig } from './config/types.ts';
import { StoreSet } from './jobs/stores.ts';
import { openLocalStore } from './storage/local.ts';
import type { Store } from './storage/store.ts';

/** @throws Failure `config_invalid` for a type that this version does not know. */
export async function openStores(config: StorageConfig, keys: KeyTable, log: Log): Promise<StoreSet> {
  const opening = Object.entries(config.stores).map(([name, store]) => openStore(name, store, keys, log));
  return new StoreSet(await Promise.all(opening), config.default);
}

/** The directories of this host that hold archives: they never become part of one. */
export function localDirectories(config: StorageConfig): string[] {
  return Object.values(config.stores).flatMap((store) => (store.type === 'local' ? [store.directory] : []));
}

async function openStore(name: string, config: StoreConfig, keys: KeyTable, log: Log): Promise<Store> {
  if (config.type !== 'local') {
    throw new Failure('config_invalid', `Cannot open the store "${name}": its type ${config.type} is not supported`, {
      hint: 'Use a store of type local.',
    });
  }
  const key = `store:${name}`;
  const identity = { load: () => keys.getText(key), save: (id: string) => keys.setText(key, id) };
  const { store, swept, fault } = await openLocalStore({ name, directory: config.directory, identity });
  if (fault !== null)
    log.error('A store cannot be used now; it is tried again at each use', { store: name, error: fault });
  if (swept.length > 0) log.info('Removed half-written files of an earlier run', { store: name, files: swept });
  return store;
}
