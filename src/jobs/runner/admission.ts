/** Checks that refuse a request before it becomes a job; every dialect sends their sentences. */
import { Failure } from '../../base/failure.ts';
import type { BackupId, ServerId } from '../../base/ids.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import type { BackupRecord } from '../../catalogue/records.ts';
import type { WhenBusy } from '../contract.ts';
import type { JobRunner, OpenJob } from './runner.ts';

const WAIT = 'Wait until it has ended, or cancel it.';

/** @throws Failure `server_suspended`. */
export function requireActive(catalogue: Pick<Catalogue, 'servers'>, server: ServerId, doing: string): void {
  if (!catalogue.servers.get(server).suspended) return;
  throw new Failure('server_suspended', `${doing}: the server is suspended`);
}

/**
 * @throws Failure `server_busy` when the server has a backup or restore that is queued or runs, unless the caller asked
 * to queue behind it.
 */
export function requireIdle(runner: JobRunner, server: ServerId, whenBusy: WhenBusy | undefined, doing: string): void {
  if (whenBusy === 'queue') return;
  const busy = runner.open({ server }).find(({ record }) => record.kind === 'backup' || record.kind === 'restore');
  if (busy !== undefined) throw occupied(doing, 'the server', busy);
}

/** @throws Failure `server_busy` when a job of one of these kinds is queued or runs on the backup. */
export function requireUnused(
  runner: Pick<JobRunner, 'open'>,
  backup: BackupId,
  kinds: readonly OpenJob['record']['kind'][],
  doing: string,
): void {
  const busy = runner.open({ backup }).find(({ record }) => kinds.includes(record.kind));
  if (busy !== undefined) throw occupied(doing, 'the backup', busy);
}

/**
 * @param beingMade the code for a backup that is in progress: a download is not ready, a restore is in the way.
 * @throws Failure that code, or `backup_failed`.
 */
export function requireCompleted(
  record: BackupRecord,
  doing: string,
  beingMade: 'backup_not_ready' | 'server_busy' = 'backup_not_ready',
): void {
  if (record.removing) {
    throw new Failure('backup_failed', `${doing}: its deletion has begun`, {
      hint: 'Part of it may be gone. The deletion is tried again every hour.',
    });
  }
  if (record.status === 'COMPLETED') return;
  if (record.status === 'IN_PROGRESS') throw new Failure(beingMade, `${doing}: it is being made`, { hint: WAIT });
  throw new Failure('backup_failed', `${doing}: it failed when it was made`, {
    facts: { reason: record.error?.code },
    hint: 'Its error says why. A failed backup holds nothing and can only be deleted.',
  });
}

/** @throws Failure `archive_damaged` when a verification or a restore has found damage. */
export function requireUndamaged(record: BackupRecord, doing: string): void {
  if (record.damagedAt === null) return;
  throw new Failure('archive_damaged', `${doing}: its archive was found damaged`, {
    facts: { backup: record.id, damagedAt: record.damagedAt },
    hint: 'Restore another backup; or verify this one again, if its store was repaired.',
  });
}

function occupied(doing: string, what: string, { record, state }: OpenJob): Failure {
  const now = state === 'queued' ? 'queued' : 'running';
  return new Failure('server_busy', `${doing}: ${what} has a ${record.kind} ${now}`, {
    facts: { job: record.id, kind: record.kind, state },
    hint: WAIT,
    retry: true,
  });
}
