/** Lending archives to the Wings beside (servers/lent-archives.ts says how). */
import { asFailure, Failure } from '../../base/failure.ts';
import type { BackupId, ServerId } from '../../base/ids.ts';
import type { Log } from '../../base/log/log.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import { lendArchive } from '../../servers/lent-archives.ts';
import { objectKey } from '../../storage/key.ts';
import type { StoreSet } from '../stored/stores.ts';
import type { Looks } from './looks.ts';

export interface Lending {
  readonly server: ServerId;
  readonly backups: readonly BackupId[];
  /** Wings' backup directory. */
  readonly directory: string;
  readonly looks: Pick<Looks, 'download'>;
}

interface LendDeps {
  readonly catalogue: Pick<Catalogue, 'backups'>;
  readonly stores: Pick<StoreSet, 'get'>;
  readonly log: Log;
}

/**
 * Lends archives to Wings, which sends those that it finds. An archive that cannot be lent is logged, and the others are
 * lent all the same.
 *
 * @returns how many were lent. Rejects only when the catalogue does.
 */
export async function lendArchives(lending: Lending, deps: LendDeps): Promise<number> {
  const { server, backups, directory, looks } = lending;
  let lent = 0;
  for (const backup of new Set(backups)) {
    const record = deps.catalogue.backups.find(backup);
    if (record?.server !== server || record.status !== 'COMPLETED') continue;
    try {
      const open = async () => (await looks.download(server, backup)).source;
      const path = record.damagedAt === null ? await ownFile(server, backup, deps.stores.get(record.store)) : undefined;
      if (await lendArchive({ directory, server, backup, path, open })) lent++;
    } catch (error) {
      const failure = error instanceof Failure ? error : asFailure(error, 'Cannot lend an archive to Wings');
      deps.log.error('A transfer goes without one of the server’s backups', { server, backup, error: failure });
    }
  }
  return lent;
}

/** Undefined for an archive that lies elsewhere, or in the packs of a vault. */
async function ownFile(server: ServerId, backup: BackupId, store: ReturnType<StoreSet['get']>) {
  const key = objectKey(server, backup, 'tar.gz');
  return (await store.partsOf?.(key)) === undefined ? store.localPath?.(key) : undefined;
}
