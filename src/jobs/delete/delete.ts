/**
 * The delete verb: takes a backup out of its store and then out of the catalogue.
 *
 *   1 the job's row    marks the backup; a crash after it: the next start finishes the removal
 *   2 copies in further stores, each like 3 and 4; a crash after it: the next start goes on
 *   3 manifest         a crash before: the whole backup is there. A rebuilt catalogue no longer knows it after this
 *   4 index, archive   a crash between: an archive that is still listed, and goes at the next start
 *   5 the backup's row last: as long as anything of it may lie in the store, somebody can see it and ask again
 *
 * What cannot be removed fails the job and keeps the row. Cannot be cancelled: half a removal helps nobody.
 */
import { Failure } from '../../base/failure.ts';
import type { BackupId } from '../../base/ids.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import type { BackupRecord } from '../../catalogue/records.ts';
import { removeObjects } from '../stored/archive-target.ts';
import { backupEvent } from '../stored/backup-facts.ts';
import type { StoreSet } from '../stored/stores.ts';
import type { KeyedMutex } from '../../base/keyed-mutex.ts';
import type { RunningJob, Verb } from '../runner/verb.ts';

export interface DeleteDeps {
  readonly catalogue: Pick<Catalogue, 'backups' | 'deliveries'>;
  readonly stores: StoreSet;
  /** Removes the copies in further stores; absent where there are none. */
  readonly copies?: { remove(backup: BackupRecord): Promise<void> };
  /** Turns by backup id, shared with all who write manifests. */
  readonly turns: KeyedMutex;
}

export function deleteVerb(deps: DeleteDeps): Verb {
  return { kind: 'delete', run: (job) => runDelete(job, deps), failed: () => [] };
}

async function runDelete(job: RunningJob, deps: DeleteDeps): Promise<void> {
  job.passPointOfNoReturn();
  await deps.turns.run(job.record.backup, async () => {
    const record = checkDeletable(deps.catalogue, job.record.backup);
    await deps.copies?.remove(record);
    await removeObjects(deps.stores.get(record.store), record);
    job.commit(() => [backupEvent('backup.deleted', forgetBackup(record.id, deps.catalogue), job.record)]);
  });
}

/** @throws Failure `backup_not_found`, `backup_locked`, or `server_busy` while it is being made. */
function checkDeletable(catalogue: Pick<Catalogue, 'backups'>, id: BackupId): BackupRecord {
  const record = catalogue.backups.get(id);
  requireUnlocked(record);
  if (record.status !== 'IN_PROGRESS') return record;
  throw new Failure('server_busy', 'Cannot delete the backup: it is being made', { hint: 'Cancel it, or wait.' });
}

/**
 * Removes the row of a backup of which nothing lies in a store any more; inside a transaction. A panel that still waits
 * for the report of this backup is told that there is none: it would show for ever what cannot be restored.
 */
export function forgetBackup(id: BackupId, catalogue: Pick<Catalogue, 'backups' | 'deliveries'>): BackupRecord {
  catalogue.deliveries.withdraw(id, 'report', 'remove');
  return catalogue.backups.delete(id);
}

/** @throws Failure `backup_locked`. */
export function requireUnlocked(record: BackupRecord): void {
  if (!record.locked) return;
  throw new Failure('backup_locked', 'Cannot delete the backup: it is locked', { hint: 'Unlock it first.' });
}
