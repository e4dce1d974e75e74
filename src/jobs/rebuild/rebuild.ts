/**
 * Adds backups from the manifests in stores to the catalogue.
 *
 * For: `roost catalogue rebuild`, and a start with a new store or a lost catalogue.
 * Promises: at start each store is read once; after that the catalogue decides, so a deleted backup does not return from
 * a copy of its files. The command reads all stores again; failed backups and ended jobs are forgotten.
 * Never: adds a backup whose archive is missing or has another size.
 */
import { Failure } from '../../base/failure.ts';
import type { Log } from '../../base/log/log.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import type { BackupRecord } from '../../catalogue/records.ts';
import { keyParts, objectKey } from '../../storage/key.ts';
import type { Store } from '../../storage/store.ts';
import { readManifest } from '../stored/manifests.ts';
import type { StoreSet } from '../stored/stores.ts';

export interface RebuildDeps {
  readonly catalogue: Pick<Catalogue, 'transaction' | 'backups' | 'keys'>;
  readonly stores: StoreSet;
  readonly log: Log;
}

export interface RebuiltFrom {
  readonly store: string;
  readonly adopted: number;
  /** Keys of manifests that do not match the objects beside them. */
  readonly passedOver: readonly string[];
}

/** Never rejects; an unreachable store is read at the next start. */
export async function rebuildNewStores(deps: RebuildDeps): Promise<void> {
  for (const store of inOrder(deps.stores)) {
    const mark = rebuiltMark(store);
    if (deps.catalogue.keys.getText(mark) !== undefined) continue;
    try {
      const { adopted } = await rebuildFrom(store, deps);
      deps.catalogue.keys.setText(mark, 'yes');
      if (adopted > 0) deps.log.info('Took over backups that the store held', { store: store.name, backups: adopted });
    } catch (error) {
      deps.log.warn('Cannot look for backups in the store', { store: store.name, error });
    }
  }
}

/**
 * Checks that every store answers, before the catalogue is set aside: backups of an unreachable one would be lost from it.
 *
 * @throws Failure `store_unreachable`.
 */
export async function requireReachable(stores: StoreSet): Promise<void> {
  for (const store of stores.all()) await store.check();
}

/** Fills a new catalogue. @throws Failure `store_unreachable`; run it again then. */
export async function rebuildFromStores(deps: RebuildDeps): Promise<readonly RebuiltFrom[]> {
  const report: RebuiltFrom[] = [];
  for (const store of inOrder(deps.stores)) {
    report.push(await rebuildFrom(store, deps));
    deps.catalogue.keys.setText(rebuiltMark(store), 'yes');
  }
  return report;
}

/** The default store first: what another store has of the same backup is a copy. */
function inOrder(stores: StoreSet): readonly Store[] {
  return [stores.default, ...stores.all().filter((store) => store !== stores.default)];
}

/** Key of the mark that a store was read. */
function rebuiltMark(store: Pick<Store, 'name'>): string {
  return `adopted:${store.name}`;
}

/**
 * Adds the backups of one store that the catalogue does not have, read before or not.
 *
 * @throws Failure `store_unreachable`.
 */
async function rebuildFrom(store: Store, { catalogue, log }: RebuildDeps): Promise<RebuiltFrom> {
  let adopted = 0;
  const passedOver: string[] = [];
  for await (const { key } of store.list('')) {
    const parts = keyParts(key);
    if (parts?.kind !== 'json' || catalogue.backups.find(parts.backup) !== undefined) continue;
    const record = await readManifest(store, { server: parts.server, id: parts.backup });
    if (record !== undefined && (await isWhole(store, record))) {
      catalogue.backups.adopt(record);
      adopted++;
    } else {
      passedOver.push(key);
      log.warn('Passed over a manifest that does not fit what lies beside it', { store: store.name, key });
    }
  }
  return { store: store.name, adopted, passedOver };
}

/** The index may be missing: such an archive is read sequentially. */
async function isWhole(store: Store, record: BackupRecord): Promise<boolean> {
  const key = objectKey(record.server, record.id, 'tar.gz');
  if ((await store.stat(key))?.size !== record.size) return false;
  try {
    // For an archive in a vault: throws unless all of its packs are there and long enough.
    await store.partsOf?.(key);
    return true;
  } catch (error) {
    if (error instanceof Failure && error.code === 'archive_damaged') return false;
    throw error;
  }
}
