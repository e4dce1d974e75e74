/**
 * The verify verb: reads the archive of a backup, or of a copy of it, to its end and compares it with its recorded checksum.
 *
 * For: the job runner.
 * Promises: a backup or copy marked as verified was read completely; damage.ts handles a damaged one.
 * Never: changes the archive.
 */
import { DAY_MS } from '../../base/clock.ts';
import type { BackupRecord } from '../../catalogue/records.ts';
import type { Config } from '../../config/types.ts';
import type { IndexFinding, VerifyOutcome } from '../event-data.ts';
import type { ArchivePort } from '../stored/archive-port.ts';
import { failureEvent } from '../stored/backup-facts.ts';
import { type DamageDeps, followInManifest, notingDamage, verifiedEvent } from '../stored/damage.ts';
import { damageOfCopy } from '../stored/copy-damage.ts';
import { openStoredArchive } from '../stored/stored-archive.ts';
import { checkIndex } from './index-check.ts';
import type { RunningJob, Verb } from '../runner/verb.ts';

export interface VerifyDeps extends DamageDeps {
  readonly archive: Pick<ArchivePort, 'verifyArchive'>;
  readonly config: Pick<Config, 'backups'>;
}

export function verifyVerb(deps: VerifyDeps): Verb {
  const verb: Verb<'verify'> = {
    kind: 'verify',
    events: { started: 'verify.started', progress: 'verify.progress' },
    run: (job) => runVerify(job, deps),
    failed: (job, failure) => [failureEvent('verify.failed', job, failure)],
  };
  return notingDamage(verb, deps);
}

async function runVerify(job: RunningJob<'verify'>, deps: VerifyDeps): Promise<void> {
  job.phase('verifying');
  const record = deps.catalogue.backups.get(job.record.backup);
  const { copy } = job.record.request;
  if (copy !== undefined) return verifyCopy(job, record, copy, deps);
  await readThrough(job, record, record.store, deps);
  const outcome = outcomeOf(await checkIndex(record, record.store, deps, job.signal));
  job.commit(() => {
    const verified = deps.catalogue.backups.markVerified(record.id);
    const { server, backup, id } = job.record;
    return [
      verifiedEvent(verified, job.record, { ok: true }),
      { type: 'verify.completed', server, backup, job: id, data: outcome },
    ];
  }, outcome);
  await followInManifest(record.id, deps);
}

/** Says nothing of the backup in its own store: no mark is taken from it, and none is set. */
async function verifyCopy(
  job: RunningJob<'verify'>,
  record: BackupRecord,
  store: string,
  deps: VerifyDeps,
): Promise<void> {
  const { copies } = deps.catalogue;
  const madeAt = copies.find(record.id, store)?.madeAt ?? null;
  try {
    await readThrough(job, record, store, deps);
  } catch (error) {
    throw damageOfCopy(error, { store, madeAt });
  }
  const outcome = outcomeOf(await checkIndex(record, store, deps, job.signal));
  job.commit(() => {
    copies.markVerified(record.id, store, madeAt);
    const { server, backup, id } = job.record;
    return [{ type: 'verify.completed', server, backup, job: id, data: { copy: store, ...outcome } }];
  }, outcome);
}

function outcomeOf(index: IndexFinding | undefined): VerifyOutcome {
  return index === undefined ? {} : { index };
}

/** Archives older than this are in no page cache, and verifying keeps them out of it. */
const FRESH_MS = DAY_MS;

async function readThrough(
  job: RunningJob<'verify'>,
  record: BackupRecord,
  store: string,
  deps: VerifyDeps,
): Promise<void> {
  const stored = await openStoredArchive(deps.stores.get(store), record);
  try {
    await deps.archive.verifyArchive({
      source: stored.request,
      expected: record.sha256 === null ? undefined : { size: record.size, sha256: record.sha256 },
      workers: deps.config.backups.workers,
      nice: deps.config.backups.nice,
      passing: deps.clock.now() - (record.completedAt ?? record.createdAt) > FRESH_MS,
      rates: () => job.rates(deps.config.backups),
      signal: job.signal,
      onProgress: (progress) => job.progress(progress),
    });
  } finally {
    await stored.close();
  }
}
