/** Deletions that a panel asks for and is answered at once. What is done then: report/deletion.ts. */
import type { Clock } from '../../base/clock.ts';
import { type BackupId, newJobId, type ServerId } from '../../base/ids.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import { requireUnused } from '../runner/admission.ts';
import { REPORT_FOR_MS } from '../runner/job-end.ts';
import type { JobRunner } from '../runner/runner.ts';
import { requireUnlocked } from './delete.ts';

export interface DeletionDeps {
  readonly discard: (server: ServerId, backup: BackupId) => Promise<void>;
  readonly catalogue: Pick<Catalogue, 'backups' | 'deliveries'>;
  readonly runner: Pick<JobRunner, 'open'>;
  /** Absent on a node without a panel that takes reports. */
  readonly reports?: { wake(): void } | undefined;
  readonly clock: Pick<Clock, 'now'>;
}

/**
 * Takes the deletion of a catalogued backup on: durable when it returns.
 *
 * @throws Failure `backup_not_found`, `backup_locked`; `server_busy` while it is being restored.
 */
function oweDeletion(server: ServerId, backup: BackupId, deps: DeletionDeps): void {
  const { catalogue, runner, reports } = deps;
  requireUnlocked(catalogue.backups.get(backup, server));
  requireUnused(runner, backup, ['restore'], 'Cannot delete the backup');
  insert(server, backup, 'delete', deps);
  reports?.wake();
}

/**
 * Deletes an archive of a former daemon at once; the deletion of a backup in the catalogue is stored and done later.
 *
 * @throws Failure as `oweDeletion`.
 */
export async function discardLater(server: ServerId, backup: BackupId, deps: DeletionDeps): Promise<void> {
  const { catalogue, discard, reports } = deps;
  if (catalogue.backups.find(backup) !== undefined) return oweDeletion(server, backup, deps);
  // After a crash in between, the panel asks again and is answered that there is no such backup.
  await discard(server, backup);
  insert(server, backup, 'report', deps);
  reports?.wake();
}

function insert(
  server: ServerId,
  backup: BackupId,
  step: 'delete' | 'report',
  { catalogue: { deliveries }, clock }: DeletionDeps,
): void {
  // The panel repeats its request until it has the report; one row is enough.
  if (deliveries.list({ backup, state: 'pending' }).some(({ kind }) => kind === 'deletion')) return;
  const now = clock.now();
  deliveries.insert({
    job: newJobId(),
    kind: 'deletion',
    server,
    backup,
    successful: true,
    sha256: null,
    size: 0,
    files: 0,
    step,
    data: {},
    askedAt: now,
    dueAt: now,
    giveUpAt: now + REPORT_FOR_MS,
  });
}
