/**
 * Makes room for a backup where the rules of retention allow it, before the backup is refused: first what the rules release
 * already, then what they would release once it is complete. The last good backup always stays.
 */
import type { BackupId, ServerId } from '../../base/ids.ts';
import type { Config, ServerLimits } from '../../config/types.ts';
import type { Store } from '../../storage/store.ts';
import type { StoreSet } from '../stored/stores.ts';
import { fitsLimits } from '../stored/server-limits.ts';
import { applyRetention, type RetentionDeps } from './prune.ts';

export interface RoomDeps extends RetentionDeps {
  readonly config: Pick<Config, 'limits' | 'retention'>;
  readonly stores: StoreSet;
}

/** What room is made for. */
export interface RoomFor {
  readonly limits: ServerLimits | undefined;
  readonly store: Store;
  /** Is restored after the backup, and so is not what makes room for it. */
  readonly spared?: BackupId | undefined;
}

/** Never rejects; what does not fit afterwards is refused by the checks that follow. */
export async function makeRoom(server: ServerId, { limits, store, spared }: RoomFor, deps: RoomDeps): Promise<void> {
  if (Object.values(deps.config.retention).every((keep) => keep === 0)) return;
  const newest = deps.catalogue.backups.newestGood(server);
  const past = (store.sharesBytes === true ? newest?.storedBytes : undefined) ?? newest?.size ?? 1;
  const inLimits = (): boolean => fitsLimits(server, limits, past, deps);
  const onDisk = async (): Promise<boolean> => {
    const needed = deps.config.limits.reserveFree + past + 1;
    return ((await store.freeSpace(needed))?.bytes ?? Infinity) >= needed;
  };
  const enough = async (): Promise<boolean> => inLimits() && (await onDisk());
  for (const coming of [false, true]) {
    if (await enough()) return;
    await applyRetention(server, deps, { coming, enough, spared });
  }
  for (const other of deps.catalogue.backups.totals().keys()) {
    if (other === server) continue;
    if (await onDisk()) return;
    await applyRetention(other, deps, { enough: onDisk });
  }
}
