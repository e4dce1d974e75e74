/**
 * An interrupted backup begun again by the next start, where the operator wants that: the same backup, a new job. The
 * old job ends as interrupted in the transaction that stores the new one, so that no crash leaves the backup without.
 * A panel that waits for the report of the old one gets that of the new one, whose request is the same.
 */
import type { Failure } from '../../base/failure.ts';
import { newJobId } from '../../base/ids.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import type { JobRecord } from '../../catalogue/records.ts';
import type { JobRunner } from '../runner/runner.ts';

/**
 * @returns false for a job that was begun again already: a backup that ends its daemon must not do so for ever. One
 *   that only waited has done nothing yet, and counts as not begun.
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
