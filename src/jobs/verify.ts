/**
 * The verify verb: reads an archive to its last byte and compares it with what was recorded when it was made.
 *
 * Only a finding about the bytes counts as damage; a store that is away or a cancelled job says nothing about them.
 * Never changes the archive.
 */
import type { Clock } from '../base/clock.ts';
import { Failure } from '../base/failure.ts';
import type { Log } from '../base/log.ts';
import type { BackupId } from '../base/ids.ts';
import type { Catalogue } from '../catalogue/contract.ts';
import type { BackupRecord, JobRecord } from '../catalogue/records.ts';
import type { Config } from '../config/types.ts';
import type { ArchiveDoor } from './archive-door.ts';
import { backupEvent } from './backup-facts.ts';
import { refreshManifest } from './manifests.ts';
import { openStoredArchive } from './stored-archive.ts';
import type { StoreSet } from './stores.ts';
import type { Turns } from './turns.ts';
import type { PendingEvent, RunningJob, Verb } from './verb.ts';

export interface VerifyDependencies {
  readonly catalogue: Pick<Catalogue, 'backups'>;
  readonly stores: StoreSet;
  readonly archive: Pick<ArchiveDoor, 'verifyArchive'>;
  readonly config: Pick<Config, 'backups'>;
  /** Turns by backup id, shared with all who write manifests. */
  readonly turns: Turns;
  readonly clock: Clock;
  readonly log: Log;
}

export function verifyVerb(deps: VerifyDependencies): Verb {
  return {
    kind: 'verify',
    run: (job) => runVerify(job, deps),
    failed: (job, failure) => noteDamage(job, failure, deps),
  };
}

async function runVerify(job: RunningJob, deps: VerifyDependencies): Promise<void> {
  job.phase('verifying');
  const record = deps.catalogue.backups.get(job.record.backup);
  try {
    await readThrough(job, record, deps);
  } catch (error) {
    // The manifest first: a crash before the row says so leaves a rebuild knowing more, never less.
    if (isDamage(error)) await followInManifest(record.id, deps, { damagedAt: deps.clock.now() });
    throw error;
  }
  job.commit(() => {
    const verified = deps.catalogue.backups.markVerified(record.id);
    return [verifiedEvent(verified, job.record, { ok: true })];
  });
  await followInManifest(record.id, deps, {});
}

async function readThrough(job: RunningJob, record: BackupRecord, deps: VerifyDependencies): Promise<void> {
  const stored = await openStoredArchive(deps.stores.get(record.store), record);
  try {
    await deps.archive.verifyArchive({
      source: stored.request,
      ...(record.sha256 === null ? {} : { expected: { size: record.size, sha256: record.sha256 } }),
      workers: deps.config.backups.workers,
      rates: () => job.rates(deps.config.backups),
      signal: job.signal,
      onProgress: (progress) => job.progress(progress),
    });
  } finally {
    await stored.close();
  }
}

function noteDamage(job: JobRecord, failure: Failure, deps: VerifyDependencies): readonly PendingEvent[] {
  if (!isDamage(failure) || deps.catalogue.backups.find(job.backup)?.status !== 'COMPLETED') return [];
  const damaged = deps.catalogue.backups.markDamaged(job.backup);
  const error = { code: failure.code, message: failure.message };
  return [verifiedEvent(damaged, job, { ok: false, error })];
}

function isDamage(error: unknown): boolean {
  return error instanceof Failure && error.code === 'archive_damaged';
}

function verifiedEvent(record: BackupRecord, job: JobRecord, verdict: object): PendingEvent {
  const event = backupEvent('backup.verified', record, job);
  return { ...event, data: { ...event.data, ...verdict } };
}

/** The turn reads the row again: by then the backup may have been locked or deleted. */
function followInManifest(id: BackupId, deps: VerifyDependencies, change: Partial<BackupRecord>): Promise<void> {
  return deps.turns.take(id, async () => {
    const now = deps.catalogue.backups.find(id);
    if (now?.status !== 'COMPLETED') return;
    await refreshManifest(deps.stores.get(now.store), { ...now, ...change }, deps.log);
  });
}
