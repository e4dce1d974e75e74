/**
 * Deletes backups that are in use, for a panel that has already forgotten the backup or server and cannot ask again.
 * Running jobs are cancelled and awaited; those past their point of no return complete.
 */
import { Failure } from '../../base/failure.ts';
import type { BackupId, ServerId } from '../../base/ids.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import type { JobKind } from '../../catalogue/records.ts';
import { requireUnused } from '../runner/admission.ts';
import type { DeleteBackup } from './checked.ts';
import { requireUnlocked } from './delete.ts';
import type { JobRunner } from '../runner/runner.ts';

export interface DiscardDeps {
  readonly catalogue: Pick<Catalogue, 'backups'>;
  readonly runner: Pick<JobRunner, 'open' | 'cancel' | 'settled'>;
  /** Deletes a backup that no job uses. */
  readonly deleteBackup: (backup: BackupId) => Promise<void>;
}

/**
 * Deletes a backup, even one that is being made or verified.
 *
 * @throws Failure `backup_not_found`, `backup_locked`; `server_busy` while it is being restored.
 */
async function discardBackup(server: ServerId, backup: BackupId, deps: DiscardDeps): Promise<void> {
  const { catalogue, runner, deleteBackup } = deps;
  for (;;) {
    requireUnlocked(catalogue.backups.get(backup, server));
    // A restore works on the server; deleting a backup must not end it.
    requireUnused(runner, backup, ['restore'], 'Cannot delete the backup');
    if (runner.open({ backup }).length === 0) return deleteBackup(backup);
    await stopWork(runner, { backup }, ['backup', 'verify']);
    // The awaited job may have been another deletion.
    if (catalogue.backups.find(backup) === undefined) return;
  }
}

export type { DeleteBackup } from './checked.ts';
export { discardLater } from './owed.ts';

interface DiscarderDeps extends Omit<DiscardDeps, 'deleteBackup'> {
  readonly deleteBackup: DeleteBackup;
  /** Absent where no panel can ask for archives of a daemon that was here before. */
  readonly adoption?: { delete(server: ServerId, backup: BackupId): Promise<boolean> } | undefined;
}

/** Deletes as `discardBackup`, and archives that the daemon before left under the same id. */
export function discarder({ adoption, deleteBackup, ...deps }: DiscarderDeps) {
  return async (server: ServerId, backup: BackupId): Promise<void> => {
    // What is being taken over for a restore is no leftover any more.
    requireUnused(deps.runner, backup, ['restore'], 'Cannot delete the backup');
    if ((await adoption?.delete(server, backup)) === true) return;
    await discardBackup(server, backup, { ...deps, deleteBackup: (id) => deleteBackup(server, id) });
  };
}

/** Cancels jobs of these kinds, and waits until every job that matched the filter has ended. */
export async function stopWork(
  runner: DiscardDeps['runner'],
  filter: { readonly server?: ServerId; readonly backup?: BackupId },
  kinds: readonly JobKind[],
): Promise<void> {
  for (const { record } of runner.open(filter)) {
    if (kinds.includes(record.kind)) cancelled(() => runner.cancel(record.id));
  }
  await runner.settled(filter);
}

function cancelled(cancel: () => void): void {
  try {
    cancel();
  } catch (error) {
    // The job is past the point where it can be cancelled.
    if (!(error instanceof Failure) || error.code !== 'not_running') throw error;
  }
}
