/** Deleting a backup as callers ask for it: what may not be deleted is refused before a job is made of it. */
import { type BackupId, newJobId, type ServerId } from '../../base/ids.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import type { Origin } from '../../catalogue/records.ts';
import { requireCompleted, requireUnused } from '../runner/admission.ts';
import type { JobRunner } from '../runner/runner.ts';
import { requireUnlocked } from './delete.ts';

export interface DeleteBackupDeps {
  readonly catalogue: Pick<Catalogue, 'backups'>;
  readonly runner: Pick<JobRunner, 'open' | 'submit'>;
  /** Archives that another daemon left; absent where no panel can ask for them. */
  readonly adoption?: { delete(server: ServerId, backup: BackupId): Promise<unknown> };
}

/**
 * Deletes a backup, archive and row, also of a suspended server: hosts suspend what they are about to remove. Resolves
 * when it is gone.
 *
 * @throws Failure `backup_not_found`, `backup_locked`, `server_busy`, `draining`, or why its store failed.
 */
export type DeleteBackup = (server: ServerId, backup: BackupId, origin?: Origin) => Promise<void>;

/**
 * Makes the function that deletes one backup by a delete job; it resolves when the job has ended.
 *
 * That function throws Failure `backup_not_found`, `backup_locked`, `server_busy` while a job uses the backup, or the job's
 * own failure.
 */
export function deleteBackup({ catalogue, runner, adoption }: DeleteBackupDeps): DeleteBackup {
  return async (server, backup, origin) => {
    const doing = 'Cannot delete the backup';
    const record = catalogue.backups.get(backup, server);
    requireUnlocked(record);
    requireUnused(runner, backup, ['backup', 'restore', 'verify', 'delete'], doing);
    if (record.status === 'IN_PROGRESS') requireCompleted(record, doing, 'server_busy');
    await runner.submit({ id: newJobId(), kind: 'delete', server, backup, request: {}, origin }).ended;
    // The daemon before may have left the same backup under another name.
    await adoption?.delete(server, backup);
  };
}
