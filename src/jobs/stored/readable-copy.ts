/**
 * Where a backup is read from: its own store, or, when that cannot give the archive, a further store that has a
 * completed copy. A copy is compared with the backup's sha256 when it is made, and again by a restore from it. Nothing
 * is repaired here: the backup still belongs to its own store.
 */
import { asFailure, Failure } from '../../base/failure.ts';
import type { Log } from '../../base/log/log.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import type { BackupRecord } from '../../catalogue/records.ts';
import type { Store } from '../../storage/store.ts';
import type { JobRunner } from '../runner/runner.ts';
import type { StoreSet } from './stores.ts';

export interface ReadableDeps {
  readonly catalogue: Pick<Catalogue, 'copies'>;
  readonly stores: StoreSet;
  readonly log: Log;
  /** Called with each copy that cannot be opened or read since it is damaged. */
  readonly onDamagedCopy?: ((record: BackupRecord, copy: string) => void) | undefined;
}

/** The names of the stores that have a whole copy. */
export function copiesOf({ id }: BackupRecord, { catalogue }: Pick<ReadableDeps, 'catalogue'>): string[] {
  const copies = catalogue.copies.list({ backup: id });
  return copies.filter(({ state }) => state === 'completed').map(({ store }) => store);
}

/**
 * Opens the backup with `open`, in the first store that can give it: its own before the copies, unless its own archive
 * was found damaged.
 *
 * @throws Failure of the first store, when none can; `cancelled` at once.
 */
export async function openReadable<Opened>(
  record: BackupRecord,
  deps: ReadableDeps,
  open: (store: Store) => Promise<Opened>,
): Promise<{ readonly opened: Opened; readonly store: string }> {
  const copies = copiesOf(record, deps);
  const stores = record.damagedAt === null ? [record.store, ...copies] : [...copies, record.store];
  let first: Failure | undefined;
  for (const store of stores) {
    try {
      const opened = await open(deps.stores.get(store));
      if (first !== undefined) {
        deps.log.warn('A backup is read from its copy', { backup: record.id, copy: store, error: first });
      }
      return { opened, store };
    } catch (error) {
      const failure = asFailure(error, 'Cannot read the backup');
      if (!isOfTheStore(failure)) throw error;
      if (failure.code === 'archive_damaged' && store !== record.store) deps.onDamagedCopy?.(record, store);
      first ??= failure;
    }
  }
  throw first ?? new Error('a backup lies in at least one store');
}

export interface LookingDeps extends ReadableDeps {
  readonly catalogue: Pick<Catalogue, 'backups' | 'copies'>;
  readonly runner: Pick<JobRunner, 'open'>;
}

/**
 * As `openReadable`, for looks, which take no turn: a backup may be deleted while it is opened, and what is missing then is
 * no damage.
 *
 * @throws Failure `backup_not_found` when it is gone; `server_busy` while it is being deleted; what `openReadable` throws.
 */
export async function openForLook<Opened>(
  record: BackupRecord,
  deps: LookingDeps,
  open: (store: Store) => Promise<Opened>,
): Promise<Opened> {
  try {
    return (await openReadable(record, deps, open)).opened;
  } catch (error) {
    if (error instanceof Failure && error.code === 'archive_damaged') requireStill(record, deps);
    throw error;
  }
}

function requireStill({ id, server }: BackupRecord, { catalogue, runner }: LookingDeps): void {
  const { removing } = catalogue.backups.details(id, server);
  const isDeleted = runner.open({ backup: id }).some(({ record }) => record.kind === 'delete');
  if (removing || isDeleted) throw new Failure('server_busy', 'Cannot read the backup: it is being deleted');
}

/** What another store may do better; a path that is not in the archive is not in its copies either. */
function isOfTheStore({ code }: Failure): boolean {
  return code === 'archive_damaged' || code === 'store_unreachable';
}
