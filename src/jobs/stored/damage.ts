/**
 * Marks a backup whose archive a job found damaged, in its row, in its manifest and by an event. It is then not
 * restored, not copied from and not counted as the last good one until a verification finds it whole again.
 *
 * Only a finding about the bytes counts; a store that is away or a cancelled job says nothing about them.
 */
import { Failure } from '../../base/failure.ts';
import type { BackupId } from '../../base/ids.ts';
import type { BackupRecord, JobRecord } from '../../catalogue/records.ts';
import { backupData } from './backup-facts.ts';
import { type CopyDamageDeps, markCopyDamaged, noteInCopy } from './copy-damage.ts';
import { refreshManifest } from './manifests.ts';
import type { Verdict } from '../contract.ts';
import type { PendingEvent, Verb } from '../runner/verb.ts';

export interface DamageDeps extends CopyDamageDeps {
  /**
   * After a backup was marked that was not before: others may share the damaged bytes. What follows may verify the backup
   * again, so a mark that stays is no news.
   */
  readonly onDamaged?: (backup: BackupRecord) => void;
}

/** The verb, noting what damage its jobs meet in the archive of their backup, or of a copy of it. */
export function notingDamage(verb: Verb, deps: DamageDeps): Verb {
  return {
    ...verb,
    run: async (job) => {
      try {
        await verb.run(job);
      } catch (error) {
        // The manifest first: a crash before the row says so leaves a rebuild knowing more, never less.
        if (isDamage(error, job.record)) {
          await followInManifest(job.record.backup, deps, { damagedAt: deps.clock.now() });
        }
        await noteInCopy(error, job.record, deps);
        throw error;
      }
    },
    failed: (job, failure) => [
      ...verb.failed(job, failure),
      ...markDamaged(job, failure, deps),
      ...markCopyDamaged(failure, job, deps),
    ],
  };
}

/** The turn reads the row again: by then the backup may have been locked or deleted. */
export function followInManifest(id: BackupId, deps: DamageDeps, change: Partial<BackupRecord> = {}): Promise<void> {
  return deps.turns.run(id, async () => {
    const now = deps.catalogue.backups.find(id);
    if (now?.status !== 'COMPLETED') return;
    await refreshManifest(deps.stores.get(now.store), { ...now, ...change }, deps.log);
  });
}

/** The event of a verification's end. It carries the row as it is after the verdict was stored. */
export function verifiedEvent(record: BackupRecord, job: JobRecord, verdict: Verdict): PendingEvent {
  const { server, id: backup } = record;
  const data = { ...backupData(record), ...verdict };
  return { type: 'backup.verified', server, backup, job: job.id, data };
}

function markDamaged(job: JobRecord, failure: Failure, { catalogue, onDamaged }: DamageDeps): readonly PendingEvent[] {
  const before = catalogue.backups.find(job.backup);
  if (!isDamage(failure, job) || before?.status !== 'COMPLETED') return [];
  const damaged = catalogue.backups.markDamaged(job.backup);
  if (before.damagedAt === null) onDamaged?.(damaged);
  const error = { code: failure.code, message: failure.message };
  return [verifiedEvent(damaged, job, { ok: false, error })];
}

function isDamage(error: unknown, job: JobRecord): boolean {
  if (!(error instanceof Failure) || error.code !== 'archive_damaged') return false;
  // What was fetched from elsewhere says nothing about the archive in the store.
  return !(job.kind === 'restore' && job.request.download === true) && error.detail.inCopy === undefined;
}
