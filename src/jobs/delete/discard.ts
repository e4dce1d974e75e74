/**
 * Removing what somebody is still busy with: a panel that deletes a backup or a server has forgotten it already, and
 * cannot ask again later. What runs is cancelled first and seen to its end; what has passed its point of no return ends
 * by itself.
 */
import { Failure } from '../../base/failure.ts';
import type { BackupId, ServerId } from '../../base/ids.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import type { JobKind } from '../../catalogue/records.ts';
import { requireUnused } from '../runner/admission.ts';
import { requireUnlocked } from './delete.ts';
import type { JobRunner } from '../runner/runner.ts';

export interface DiscardDeps {
  readonly catalogue: Pick<Catalogue, 'backups'>;
  readonly runner: Pick<JobRunner, 'open' | 'cancel' | 'settled'>;
  /** Removes a backup that nothing runs on. */
  readonly deleteBackup: (backup: BackupId) => Promise<void>;
}

/**
 * Removes a backup, one that is being made or verified included.
 *
 * @throws Failure `backup_not_found`, `backup_locked`; `server_busy` while it is being restored.
 */
export async function discardBackup(server: ServerId, backup: BackupId, deps: DiscardDeps): Promise<void> {
  const { catalogue, runner, deleteBackup } = deps;
  for (;;) {
    requireUnlocked(catalogue.backups.get(backup, server));
    // A restore is work on the server, which nobody asked to end.
    requireUnused(runner, backup, ['restore'], 'Cannot delete the backup');
    if (runner.open({ backup }).length === 0) return deleteBackup(backup);
    await stopWork(runner, { backup }, ['backup', 'verify']);
    // Somebody else's removal was waited for too.
    if (catalogue.backups.find(backup) === undefined) return;
  }
}

/** Cancels jobs of these kinds, and waits until nothing that was there is left, whatever its kind. */
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
    // It is past the point where that was possible.
    if (!(error instanceof Failure) || error.code !== 'not_running') throw error;
  }
}
