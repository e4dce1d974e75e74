/**
 * Ends what the last run of the daemon left unfinished, before a new job may touch it. Afterwards no row is queued or
 * running, except restores, which restore/recovery.ts ends:
 *
 *   backup, sealed      all three objects are there and agree: completed
 *   backup, otherwise   what lies under final names is removed (temporary files are the store's to sweep): failed,
 *                       or begun again in another job where the config says so
 *   verify              failed; it can be asked for again
 *   delete              finished
 *
 * Never waits for a store that is away: what cannot be reached is failed and logged, and removed later (failed-backup-sweep.ts).
 */
import type { Clock } from '../base/clock.ts';
import { asFailure, Failure } from '../base/failure.ts';
import type { Log } from '../base/log/log.ts';
import type { Catalogue } from '../catalogue/contract.ts';
import type { BackupRecord, JobRecord } from '../catalogue/records.ts';
import type { Registry } from '../servers/registry.ts';
import { objectKey } from '../storage/key.ts';
import type { Store } from '../storage/store.ts';
import { removeObjects } from './stored/archive-target.ts';
import type { CopyQueue } from './copy/copies.ts';
import { backupEvent, failureEvent } from './stored/backup-facts.ts';
import type { EventHub } from './runner/events.ts';
import { endJob, type EndDeps } from './runner/job-end.ts';
import type { FailedBackupSweep } from './backup/failed-backup-sweep.ts';
import { readManifest } from './stored/manifests.ts';
import type { QuiescePort } from './backup/quiesce.ts';
import type { KeyedMutex } from '../base/keyed-mutex.ts';
import { forgetBackup, requireUnlocked } from './delete/delete.ts';
import type { JobRunner } from './runner/runner.ts';
import type { StoreSet } from './stored/stores.ts';
import type { PendingEvent } from './runner/verb.ts';

export interface RecoverDeps {
  readonly catalogue: Pick<Catalogue, 'transaction'> & EndDeps['catalogue'];
  readonly stores: StoreSet;
  /** Serializes manifest writes and deletions, keyed by backup id. */
  readonly turns: KeyedMutex;
  readonly runner: Pick<JobRunner, 'holdRecovering'>;
  readonly copies?: Pick<CopyQueue, 'remove'>;
  readonly registry: Pick<Registry, 'get'>;
  readonly quiesce: Pick<QuiescePort, 'resume'>;
  readonly events: EventHub;
  readonly failedBackups: Pick<FailedBackupSweep, 'markDue'>;
  readonly clock: Clock;
  readonly log: Log;
  /** Begins an interrupted backup again in a new job, and ends this one; false when it is to fail instead. */
  readonly runAgain?: (job: JobRecord<'backup'>, failure: Failure) => boolean;
}

/** Ends every job of the last run but restores. Never rejects for one of them: the others still have to be ended. */
export async function recoverJobs(deps: RecoverDeps): Promise<void> {
  const jobs = deps.catalogue.jobs.active().filter(({ kind }) => kind !== 'restore');
  // All at once and first of all: the API may answer while a store takes its time.
  const held = jobs.map((job) => ({ job, letGo: deps.runner.holdRecovering(job) }));
  for (const { job, letGo } of held) {
    try {
      await recoverJob(job, deps);
    } catch (error) {
      deps.log.error('Cannot end a job of the last run', { job: job.id, kind: job.kind, error });
    } finally {
      letGo();
    }
  }
}

async function recoverJob(job: JobRecord, deps: RecoverDeps): Promise<void> {
  if (job.kind === 'backup') await recoverBackup(job, deps);
  else if (job.kind === 'delete') await recoverDelete(job, deps);
  else endFailed(job, interrupted(), deps, () => []);
}

async function recoverBackup(job: JobRecord<'backup'>, deps: RecoverDeps): Promise<void> {
  const backup = deps.catalogue.backups.find(job.backup);
  if (job.state === 'running') await resumeServer(job, deps);
  const sealed = backup?.status === 'IN_PROGRESS' ? await settleObjects(backup, deps) : undefined;
  if (sealed !== undefined) return completeBackup(job, sealed, deps);
  const failure = interrupted();
  if (backup?.status === 'IN_PROGRESS' && beginAgain(job, failure, deps)) return;
  endFailed(job, failure, deps, () => {
    if (backup?.status !== 'IN_PROGRESS') return [];
    deps.catalogue.backups.fail(backup.id, failure.toJSON());
    return [failureEvent('backup.failed', job, failure)];
  });
}

/**
 * False when the backup is to fail: it is not begun again, or cannot be, such as while the disk of the catalogue is full.
 *
 * @throws Failure `draining`: the next start decides.
 */
function beginAgain(job: JobRecord<'backup'>, failure: Failure, { runAgain, log }: RecoverDeps): boolean {
  try {
    return runAgain?.(job, failure) === true;
  } catch (error) {
    if (error instanceof Failure && error.code === 'draining') throw error;
    log.warn('Cannot begin an interrupted backup again', { job: job.id, backup: job.backup, error });
    return false;
  }
}

/** The last run may have paused the server's writes and then been killed before it could resume them. */
async function resumeServer(job: JobRecord, deps: RecoverDeps): Promise<void> {
  try {
    await deps.quiesce.resume(await deps.registry.get(job.server));
  } catch (error) {
    deps.log.warn('Cannot let a server write again after an interrupted backup', { server: job.server, error });
  }
}

/** The backup as its manifest has it, when it was sealed; otherwise removes what lies in the store. */
async function settleObjects(backup: BackupRecord, deps: RecoverDeps): Promise<BackupRecord | undefined> {
  try {
    const store = deps.stores.get(backup.store);
    const sealed = await readManifest(store, backup);
    if (sealed !== undefined && (await isWhole(store, sealed))) return sealed;
    await removeObjects(store, backup);
  } catch (error) {
    deps.failedBackups.markDue(backup.store);
    deps.log.warn('Cannot look after what an interrupted backup left', {
      backup: backup.id,
      store: backup.store,
      error,
    });
  }
  return undefined;
}

async function isWhole(store: Store, sealed: BackupRecord): Promise<boolean> {
  const archive = await store.stat(objectKey(sealed.server, sealed.id, 'tar.gz'));
  const index = await store.stat(objectKey(sealed.server, sealed.id, 'index'));
  return archive?.size === sealed.size && index !== undefined;
}

function completeBackup(job: JobRecord, sealed: BackupRecord, deps: RecoverDeps): void {
  const { sha256, completedAt } = sealed;
  if (sha256 === null || completedAt === null) throw new TypeError('a manifest is of a completed backup');
  finish(deps, () => {
    const completed = deps.catalogue.backups.complete(sealed.id, { ...sealed, sha256, completedAt });
    // The job before it sealed the backup, and its store was away at the start between.
    if (job.state === 'queued') deps.catalogue.jobs.start(job.id, 'sealing');
    endJob(job, null, deps);
    return [backupEvent('backup.completed', completed, job)];
  });
}

/** A lock that was answered before the deletion took anything away holds. */
async function recoverDelete(job: JobRecord, deps: RecoverDeps): Promise<void> {
  await deps.turns.run(job.backup, () => finishDelete(job, deps));
}

async function finishDelete(job: JobRecord, deps: RecoverDeps): Promise<void> {
  const backup = deps.catalogue.backups.find(job.backup);
  try {
    if (backup !== undefined) {
      requireUnlocked(backup);
      deps.catalogue.backups.markRemoving(backup.id);
      await deps.copies?.remove(backup);
      await removeObjects(deps.stores.get(backup.store), backup);
    }
    finish(deps, () => {
      if (job.state === 'queued') deps.catalogue.jobs.start(job.id, 'removing');
      endJob(job, null, deps);
      return backup === undefined ? [] : [backupEvent('backup.deleted', forgetBackup(backup.id, deps.catalogue), job)];
    });
  } catch (error) {
    deps.log.warn('Cannot finish an interrupted removal', { backup: job.backup, error });
    endFailed(job, asFailure(error, 'Cannot finish the interrupted removal'), deps, () => []);
  }
}

function endFailed(job: JobRecord, failure: Failure, deps: RecoverDeps, also: () => readonly PendingEvent[]): void {
  finish(deps, () => {
    const events = also();
    endJob(job, failure, deps);
    return events;
  });
}

function finish(deps: RecoverDeps, write: () => readonly PendingEvent[]): void {
  for (const event of deps.catalogue.transaction(write)) deps.events.publish(event);
}

function interrupted(): Failure {
  return new Failure('interrupted', 'Cannot finish the job: the daemon ended while it was queued or ran', {
    hint: 'Start it again.',
    retry: true,
  });
}
