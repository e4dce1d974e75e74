/**
 * The delete verb: removes a backup from its stores and then from the catalogue.
 *
 * For: the job runner.
 * Promises: the row goes last, so a backup stays visible while any of its objects may remain:
 *
 *   1 job row          a crash after it: the next start completes the deletion
 *   2 copies           in further stores, each like 4 and 5; a crash after it: the next start continues
 *   3 row marked       it is shown as failed from here on, should the rest fail, and finished by the next sweep
 *   4 manifest         a crash before: the backup is whole. After it, a rebuilt catalogue no longer has the backup
 *   5 index, archive   a crash between: the archive is still listed, and the next start removes it
 *   6 backup row
 *
 * A deletion that fails ends the job as failed and keeps the row, marked: it is no base, no `latest`, kept by no rule.
 * Never: can be cancelled, since half a deletion is useless.
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
  /** Removes the copies in further stores; undefined where there are none. */
  readonly copies?: { remove(backup: BackupRecord): Promise<void> };
  /** Serializes manifest writes, keyed by backup id. */
  readonly turns: KeyedMutex;
}

export function deleteVerb(deps: DeleteDeps): Verb {
  return { kind: 'delete', run: (job) => runDelete(job, deps), failed: () => [] };
}

async function runDelete(job: RunningJob, deps: DeleteDeps): Promise<void> {
  job.passPointOfNoReturn();
  await deps.turns.run(job.record.backup, async () => {
    const record = checkDeletable(deps.catalogue, job.record.backup);
    const store = deps.stores.get(record.store);
    // Of a store that cannot be used, nothing would go: the backup stays what it is.
    await store.check();
    await deps.copies?.remove(record);
    deps.catalogue.backups.markRemoving(record.id);
    await removeObjects(store, record);
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
 * Removes the row of a backup without objects; call it inside a transaction. A report that a panel still waits for becomes
 * a removal, or the panel would list a backup that cannot be restored.
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
