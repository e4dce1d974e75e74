/**
 * The verify verb: reads an archive to its end and compares it with its recorded checksum.
 *
 * For: the job runner.
 * Promises: a backup marked as verified was read completely; damage.ts handles a damaged one.
 * Never: changes the archive.
 */
import { DAY_MS } from '../../base/clock.ts';
import type { BackupRecord } from '../../catalogue/records.ts';
import type { Config } from '../../config/types.ts';
import type { ArchivePort } from '../stored/archive-port.ts';
import { failureEvent } from '../stored/backup-facts.ts';
import { type DamageDeps, followInManifest, notingDamage, verifiedEvent } from '../stored/damage.ts';
import { openStoredArchive } from '../stored/stored-archive.ts';
import type { RunningJob, Verb } from '../runner/verb.ts';

export interface VerifyDeps extends DamageDeps {
  readonly archive: Pick<ArchivePort, 'verifyArchive'>;
  readonly config: Pick<Config, 'backups'>;
}

export function verifyVerb(deps: VerifyDeps): Verb {
  const verb: Verb = {
    kind: 'verify',
    events: { started: 'verify.started', progress: 'verify.progress' },
    run: (job) => runVerify(job, deps),
    failed: (job, failure) => [failureEvent('verify.failed', job, failure)],
  };
  return notingDamage(verb, deps);
}

async function runVerify(job: RunningJob, deps: VerifyDeps): Promise<void> {
  job.phase('verifying');
  const record = deps.catalogue.backups.get(job.record.backup);
  await readThrough(job, record, deps);
  job.commit(() => {
    const verified = deps.catalogue.backups.markVerified(record.id);
    const { server, backup, id } = job.record;
    return [
      verifiedEvent(verified, job.record, { ok: true }),
      { type: 'verify.completed', server, backup, job: id, data: {} },
    ];
  });
  await followInManifest(record.id, deps);
}

/** Archives older than this are in no page cache, and verifying keeps them out of it. */
const FRESH_MS = DAY_MS;

async function readThrough(job: RunningJob, record: BackupRecord, deps: VerifyDeps): Promise<void> {
  const stored = await openStoredArchive(deps.stores.get(record.store), record);
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
