/**
 * Making the catalogue again from the manifests in the stores, while no daemon runs. What stores hold is the truth then:
 * failed backups and ended jobs are forgotten, everything that can be restored is known again.
 */
import { type RebuildDeps, type RebuiltFrom, rebuiltMark, rebuildFrom, inOrder } from './from-manifests.ts';
import type { StoreSet } from '../stored/stores.ts';

/**
 * Makes sure, before anything is set aside, that every store answers: the backups of one that is away would be
 * forgotten until it is back.
 *
 * @throws Failure `store_unreachable`.
 */
export async function requireReachable(stores: StoreSet): Promise<void> {
  for (const store of stores.all()) await store.check();
}

/** Fills a new catalogue. @throws Failure `store_unreachable`: run it again then. */
export async function rebuildFromStores(deps: RebuildDeps): Promise<readonly RebuiltFrom[]> {
  const report: RebuiltFrom[] = [];
  for (const store of inOrder(deps.stores)) {
    report.push(await rebuildFrom(store, deps));
    deps.catalogue.keys.setText(rebuiltMark(store), 'yes');
  }
  return report;
}
