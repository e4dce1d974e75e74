/**
 * Writes a job's final state. Nothing else does. Where a panel asked for the job, the same transaction writes the report
 * for it, so a job that has ended always has its report, whatever crashes. report/outbox.ts sends it.
 */
import { type Clock, DAY_MS } from '../../base/clock.ts';
import type { Failure } from '../../base/failure.ts';
import type { Catalogue, NewDelivery } from '../../catalogue/contract.ts';
import type { JobRecord, JobResult } from '../../catalogue/records.ts';

export interface EndDeps {
  readonly catalogue: Pick<Catalogue, 'jobs' | 'deliveries' | 'backups'>;
  readonly clock: Pick<Clock, 'now'>;
}

/** A report is retried for this long; then it is parked until the next start or `roost panel retry`. */
export const REPORT_FOR_MS = 7 * DAY_MS;
/**
 * A panel notes that it restores in the transaction in which it asks for the restore, and commits that only once it was
 * answered. A report that comes before finds nothing to end, and the server stays marked as restoring.
 */
const RESTORE_MARGIN_MS = 3000;

/**
 * Stores the end of a job as done, failed or cancelled, with the part of its result that is kept. Call it inside the
 * transaction that writes the outcome (such as the completed backup), after that write.
 *
 * @throws Failure `not_running` when it has ended already.
 */
export function endJob(job: JobRecord, failure: Failure | null, deps: EndDeps, result?: JobResult): void {
  const { jobs, deliveries } = deps.catalogue;
  if (failure === null) jobs.finish(job.id, 'done', null, result);
  else jobs.finish(job.id, failure.code === 'cancelled' ? 'cancelled' : 'failed', failure.toJSON());
  if (isReported(job)) deliveries.insert(reportOf(job, failure === null, deps));
}

/** True for a job of which the panel gets a report when it ends. */
export function isReported(job: JobRecord): job is JobRecord<'backup' | 'restore'> {
  return (job.kind === 'backup' || job.kind === 'restore') && job.request.report === true;
}

function reportOf(job: JobRecord<'backup' | 'restore'>, done: boolean, { catalogue, clock }: EndDeps): NewDelivery {
  const { id, server, backup, createdAt: askedAt } = job;
  const now = clock.now();
  const about = { job: id, server, backup, askedAt, giveUpAt: now + REPORT_FOR_MS, step: 'report', data: {} };
  const nothing = { successful: false, sha256: null, size: 0, files: 0 };
  if (job.kind === 'restore') {
    // Only a time that lies ahead by the margin at most: a clock that was set back must not hold the report up.
    const dueAt = Math.min(Math.max(now, askedAt + RESTORE_MARGIN_MS), now + RESTORE_MARGIN_MS);
    return { ...about, ...nothing, kind: 'restore', successful: done, dueAt };
  }
  const made = done ? catalogue.backups.find(backup) : undefined;
  if (made === undefined || made.sha256 === null) return { ...about, ...nothing, kind: 'backup', dueAt: now };
  const { sha256, size, files } = made;
  // The panel keeps this archive itself, so the upload comes before the report.
  const first = job.request.upload === 'panel' ? { step: 'upload', data: { upload: true } } : {};
  return { ...about, ...first, kind: 'backup', successful: true, sha256, size, files, dueAt: now };
}
