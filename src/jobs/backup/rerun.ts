/**
 * Runs an interrupted backup again at the next start, if configured: the same backup in a new job. One transaction ends the
 * old job and stores the new one, so no crash loses the backup. The new job makes the report that the panel waits for.
 */
import type { Failure } from '../../base/failure.ts';
import { newJobId } from '../../base/ids.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import type { JobRecord } from '../../catalogue/records.ts';
import type { JobRunner } from '../runner/runner.ts';

/**
 * @returns false for a job that was already run again, so that a backup which crashes the daemon cannot loop. A job that
 *   only waited counts as not run.
 * @throws Failure `draining` or `server_busy`; nothing has changed then.
 */
export function runAgain(
  job: JobRecord<'backup'>,
  failure: Failure,
  { catalogue, runner }: { readonly catalogue: Pick<Catalogue, 'jobs'>; readonly runner: Pick<JobRunner, 'submit'> },
): boolean {
  const { kind, server, backup, state } = job;
  if (state === 'running' && job.request.runAgain === true) return false;
  const request = state === 'running' ? { ...job.request, runAgain: true } : job.request;
  runner.submit({ id: newJobId(), kind, server, backup, request }, () => {
    catalogue.jobs.finish(job.id, 'failed', failure.toJSON());
  });
  return true;
}
