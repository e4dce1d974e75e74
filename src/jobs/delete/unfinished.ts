/** Goes on with deletions that failed half-way: their rows are marked, and part of their objects may be gone. */
import type { BackupId, ServerId } from '../../base/ids.ts';
import type { Log } from '../../base/log/log.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import type { JobRunner } from '../runner/runner.ts';

export interface UnfinishedRemovalDeps {
  readonly catalogue: { readonly backups: Pick<Catalogue['backups'], 'removing'> };
  readonly runner: Pick<JobRunner, 'open'>;
  readonly deleteBackup: (server: ServerId, backup: BackupId) => Promise<void>;
  readonly log: Log;
}

/** Never rejects; what fails again stays marked and is tried at the next call. */
export async function finishRemovals({ catalogue, runner, deleteBackup, log }: UnfinishedRemovalDeps): Promise<void> {
  try {
    for (const { id, server } of catalogue.backups.removing()) {
      if (runner.open({ backup: id }).length > 0) continue;
      await deleteBackup(server, id).catch((error: unknown) => {
        log.warn('Cannot finish the deletion of a backup; it is tried again', { backup: id, server, error });
      });
    }
  } catch (error) {
    log.warn('Cannot look for deletions that failed half-way', { error });
  }
}
