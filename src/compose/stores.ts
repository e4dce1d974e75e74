/** Opens all configured stores. An unreachable store is kept and retried, so the daemon still serves. */
import { MEBIBYTE } from '../base/sizes.ts';
import type { Clock } from '../base/clock.ts';
import type { Failure } from '../base/failure.ts';
import type { BackupId, ServerId } from '../base/ids.ts';
import type { Log } from '../base/log/log.ts';
import type { BackupTable, Catalogue, KeyTable } from '../catalogue/contract.ts';
import type { Config, LocalStoreConfig, StorageConfig, StoreConfig } from '../config/types.ts';
import { StoreSet } from '../jobs/stored/stores.ts';
import { openLocalStore } from '../storage/local/local.ts';
import { nodeDigits } from '../storage/local/node.ts';
import type { StoreIdentity } from '../storage/identity.ts';
import { readMarker } from '../storage/local/marker.ts';
import { VaultStore } from '../storage/vault/vault.ts';
import { openS3Store } from '../storage/s3/s3.ts';
import type { Store } from '../storage/store.ts';

interface StoreDeps {
  readonly keys: KeyTable;
  readonly backups: Pick<BackupTable, 'list'>;
  /** Digits that no other state directory of any host has. */
  readonly node: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Bytes per second of all uploads to one store; 0 for no limit. */
  readonly uploadRate: () => number;
  /** Bytes that stay free on each disk. */
  readonly reserveFree: () => number;
}

/** @throws Failure `config_invalid` when a file that a store's config names cannot be read. */
export async function openStores(
  config: Pick<Config, 'storage' | 'backups' | 'limits' | 'stateDirectory'>,
  { keys, backups }: Pick<Catalogue, 'keys' | 'backups'>,
  clock: Clock,
  log: Log,
): Promise<StoreSet> {
  const { storage } = config;
  // Read at each use, because a reload may change it.
  const uploadRate = (): number => config.backups.uploadLimit * MEBIBYTE;
  const reserveFree = (): number => config.limits.reserveFree;
  const deps = { keys, backups, node: nodeDigits(config.stateDirectory), clock, log, uploadRate, reserveFree };
  const opening = Object.entries(storage.stores).map(([name, store]) => openStore(name, store, deps));
  return new StoreSet(await Promise.all(opening), storage.default);
}

/** Local archive directories; backups exclude them. */
export function localDirectories(config: StorageConfig): string[] {
  return Object.values(config.stores).flatMap((store) => (store.type === 'local' ? [store.directory] : []));
}

async function openStore(name: string, config: StoreConfig, deps: StoreDeps): Promise<Store> {
  const { clock, log, uploadRate } = deps;
  const identity = identityOf(name, deps.keys);
  if (config.type === 's3') {
    const onSwept = (uploads: readonly string[]): void => {
      if (uploads.length > 0) log.info('Aborted uploads that an earlier run had left open', { store: name, uploads });
    };
    const { store, fault } = await openS3Store({ name, config, identity, uploadRate, onSwept, clock });
    tellFault(name, fault, log);
    return store;
  }
  const { directory, adopt, layout } = config;
  const vault = layout === 'vault';
  const { store, swept, fault } = await openLocalStore({ name, directory, identity, node: deps.node, adopt, vault });
  tellFault(name, fault, log);
  if (swept.length > 0) log.info('Removed half-written files of an earlier run', { store: name, files: swept });
  return vault || (await mayBeVault(directory)) ? asVault(store, config, deps) : store;
}

/**
 * True when archives without files of their own may lie there, whatever the config says of new ones. Of a store that cannot
 * be used now, nothing is known, and its disk may come back while the daemon runs: archives would be missing then, and what
 * is deleted would leave its recipe.
 */
async function mayBeVault(directory: string): Promise<boolean> {
  try {
    return (await readMarker(directory))?.vault !== false;
  } catch {
    // The store's own fault is logged already.
    return true;
  }
}

function asVault(store: Store, { layout, vault }: LocalStoreConfig, { backups, clock, reserveFree }: StoreDeps): Store {
  const known = (server: ServerId): readonly BackupId[] =>
    backups.list({ server, store: store.name, status: 'COMPLETED' }).map(({ id }) => id);
  return new VaultStore({
    store,
    writes: layout === 'vault',
    shortestRange: vault.shortestRange,
    mergeAt: vault.mergeAt / 100,
    reserveFree,
    known,
    clock,
  });
}

function identityOf(name: string, keys: KeyTable): StoreIdentity {
  const key = `store:${name}`;
  return { load: () => keys.getText(key), save: (id) => keys.setText(key, id) };
}

function tellFault(store: string, fault: Failure | null, log: Log): void {
  if (fault !== null) log.error('A store cannot be used now; it is tried again at each use', { store, error: fault });
}
