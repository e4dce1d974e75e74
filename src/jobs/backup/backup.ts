/**
 * The backup verb: writes a server's directory as an archive, an index and a manifest into a store, then completes the row.
 *
 * For: the job runner.
 * Promises: `COMPLETED` means that all three objects are durable and agree; every other end is `FAILED` with a reason and
 * leaves nothing behind; the server may write again as soon as its last byte was read.
 * Never: changes the server's directory.
 * archive-target.ts says what a crash at each point means; recover.ts acts on it.
 */
import { createHash, type Hash } from 'node:crypto';
import type { WriteResult } from '../../archive/contract.ts';
import type { Clock } from '../../base/clock.ts';
import type { Failure } from '../../base/failure.ts';
import type { ByteSink } from '../../base/source.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import { encodeManifest } from '../../catalogue/manifest/manifest.ts';
import type { BackupRecord, JobRecord } from '../../catalogue/records.ts';
import { passesServerBytes } from '../../policy/limits.ts';
import type { Store } from '../../storage/store.ts';
import { ArchiveTarget } from '../stored/archive-target.ts';
import { backupEvent, completedFacts, completedRecord, failureEvent } from '../stored/backup-facts.ts';
import { type BackupPlan, planBackup, type PlanDeps } from './plan.ts';
import type { FailedBackupSweep } from './failed-backup-sweep.ts';
import { suspicionOf } from './suspicion.ts';
import { protectObjects, refreshManifest } from '../stored/manifests.ts';
import { Quiesced, type QuiescePort } from './quiesce.ts';
import { archiveLimits } from '../stored/server-limits.ts';
import { SpaceGuard } from '../stored/space-guard.ts';
import type { KeyedMutex } from '../../base/keyed-mutex.ts';
import type { PendingEvent, RunningJob, Verb } from '../runner/verb.ts';

export interface BackupDeps extends PlanDeps {
  readonly quiesce: QuiescePort;
  /** Serializes manifest writes, keyed by backup id. */
  readonly turns: KeyedMutex;
  readonly failedBackups: Pick<FailedBackupSweep, 'markDue'>;
  readonly clock: Clock;
  /** A backup found damaged bytes of the one before in its store, whether it could make them again or not. */
  readonly onDamagedBase?: (backup: BackupRecord) => void;
}

export function backupVerb(deps: BackupDeps): Verb<'backup'> {
  const guards = new Map<Store, SpaceGuard>();
  const guardOf = (store: Store): SpaceGuard => {
    const guard = guards.get(store) ?? new SpaceGuard(store, () => deps.config.limits.reserveFree, deps.clock);
    guards.set(store, guard);
    return guard;
  };
  return {
    kind: 'backup',
    events: { started: 'backup.started', progress: 'backup.progress' },
    run: (job) => runBackup(job, deps, guardOf),
    failed: (job, failure) => failBackup(job, failure, deps.catalogue),
  };
}

async function runBackup(
  job: RunningJob<'backup'>,
  deps: BackupDeps,
  guardOf: (store: Store) => SpaceGuard,
): Promise<void> {
  const plan = await prepare(job, deps);
  const target = await ArchiveTarget.open(plan.store, plan.backup, {
    expectedSize: plan.mostBytes,
    signal: job.signal,
    base: plan.sharedBase,
    digestFollows: true,
  });
  let sealed: BackupRecord;
  let written: Written;
  try {
    const writing = { job, plan, target, guard: guardOf(plan.store) };
    written = await write(writing, deps);
    sealed = await seal(writing, written, deps);
    commit(job, sealed, deps);
  } catch (error) {
    await discard(target, plan.backup, deps);
    throw error;
  }
  await follow(sealed, plan.store, deps);
  if (written.result.baseDamage !== undefined) deps.onDamagedBase?.(sealed);
}

async function prepare(job: RunningJob<'backup'>, deps: BackupDeps): Promise<BackupPlan> {
  job.phase('preparing');
  const backup = deps.catalogue.backups.get(job.record.backup);
  const shares = deps.stores.get(backup.store).sharesBytes === true;
  const limits = archiveLimits(backup.server, job.record.request.limits, shares, deps);
  return planBackup(backup, limits, deps, job.signal);
}

/** A backup on its way into its store. */
interface Writing {
  readonly job: RunningJob<'backup'>;
  readonly plan: BackupPlan;
  readonly target: ArchiveTarget;
  readonly guard: SpaceGuard;
}

interface Written {
  readonly result: WriteResult;
  readonly quiesced: Quiesced;
  /** Lower-case hex. */
  readonly indexSha256: string;
}

async function write({ job, plan, target, guard }: Writing, deps: BackupDeps): Promise<Written> {
  job.phase('writing');
  const { compression, engine, workers, nice, wingsReadable: filesOnly } = deps.config.backups;
  const quiesced = await Quiesced.begin(deps.quiesce, plan.server, deps.log, job.signal);
  const digest = createHash('sha256');
  try {
    const result = await deps.archive.writeArchive({
      root: plan.server.path,
      ignore: plan.ignore,
      exclude: plan.exclude,
      held: quiesced.held,
      level: compression,
      filesOnly,
      engine,
      workers,
      nice,
      base: plan.base,
      shares: plan.store.sharesBytes === true,
      archive: guard.guard(limited(target, plan.mostAdded)),
      index: guard.guard(hashing(target.index, digest)),
      maxSize: plan.maxSize,
      // Read repeatedly: a reload may change them while the job runs.
      rates: () => job.rates(deps.config.backups),
      signal: job.signal,
      onProgress: (progress) => job.progress(progress),
      onReadingEnded: () => void quiesced.resume(),
    });
    return { result, quiesced, indexSha256: digest.digest('hex') };
  } finally {
    await quiesced.resume();
  }
}

/** The archive's sink, until what it adds to its store passes the limit; 0 for none. */
function limited(target: ArchiveTarget, mostAdded: number): ByteSink {
  if (mostAdded === 0) return target.archive;
  return {
    async write(bytes, same) {
      await target.archive.write(bytes, same);
      if ((target.storedBytes ?? 0) > mostAdded) throw passesServerBytes(mostAdded);
    },
  };
}

/** The same sink, whose bytes are hashed too. */
function hashing(sink: ByteSink, hash: Hash): ByteSink {
  return {
    async write(bytes) {
      hash.update(bytes);
      await sink.write(bytes);
    },
  };
}

async function seal(
  { job, plan, target }: Writing,
  { result, quiesced, indexSha256 }: Written,
  deps: BackupDeps,
): Promise<BackupRecord> {
  job.phase('sealing');
  const completedAt = deps.clock.now();
  const warnings = [...plan.warnings, ...quiesced.warnings];
  const suspect = await suspicionOf(plan, result, deps, job.signal);
  if (suspect !== null) warnings.unshift({ path: '', code: 'suspect', message: suspect.message });
  const storedBytes = target.storedBytes ?? result.size;
  const facts = {
    ...completedFacts(result, { ignore: plan.ignore, warnings, completedAt }),
    suspect,
    indexSha256,
    storedBytes,
    quiesced: quiesced.record,
  };
  let sealed = plan.backup;
  await target.seal(() => {
    // Read the row again: the backup may have been locked meanwhile.
    sealed = completedRecord(deps.catalogue.backups.get(plan.backup.id), facts);
    return encodeManifest(sealed, result.aside, result.allocated);
  }, result.sha256);
  if (sealed.locked) await protectObjects(plan.store, sealed);
  return sealed;
}

function commit(job: RunningJob<'backup'>, sealed: BackupRecord, deps: BackupDeps): void {
  const { sha256, completedAt } = sealed;
  if (sha256 === null || completedAt === null) throw new TypeError('a sealed backup has a digest and a time');
  job.commit(() => {
    const completed = deps.catalogue.backups.complete(sealed.id, { ...sealed, sha256, completedAt });
    return [backupEvent('backup.completed', completed, job.record)];
  });
  const { id: backup, server, suspect } = sealed;
  if (suspect !== null)
    deps.log.warn("A backup is suspect and takes no good one's place", {
      backup,
      server,
      reason: suspect.reason,
      message: suspect.message,
    });
}

/**
 * Removes the written objects, unless the row is complete or unreadable: a commit may have reached the disk although it
 * reported an error, and the next start decides. failed-backup-sweep.ts removes what an unreachable store keeps.
 */
async function discard(target: ArchiveTarget, backup: BackupRecord, deps: BackupDeps): Promise<void> {
  try {
    if (deps.catalogue.backups.get(backup.id).status === 'IN_PROGRESS') await target.discard();
  } catch (error) {
    deps.failedBackups.markDue(backup.store);
    deps.log.error('Cannot remove what a failed backup left', { backup: backup.id, server: backup.server, error });
  }
}

/** Writes the manifest again if the lock changed between the manifest and the commit. */
async function follow(sealed: BackupRecord, store: Store, deps: BackupDeps): Promise<void> {
  await deps.turns.run(sealed.id, async () => {
    const now = deps.catalogue.backups.find(sealed.id);
    if (now !== undefined && now.locked !== sealed.locked) await refreshManifest(store, now, deps.log);
  });
}

function failBackup(job: JobRecord, failure: Failure, catalogue: Pick<Catalogue, 'backups'>): readonly PendingEvent[] {
  if (catalogue.backups.find(job.backup)?.status !== 'IN_PROGRESS') return [];
  catalogue.backups.fail(job.backup, failure.toJSON());
  return [failureEvent(failure.code === 'cancelled' ? 'backup.cancelled' : 'backup.failed', job, failure)];
}
