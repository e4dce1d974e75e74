/** Lists of jobs: what is queued or runs, and of the ended ones as many as fit. */
import type { Catalogue } from '../../catalogue/contract.ts';
import type { JobRecord } from '../../catalogue/records.ts';
import type { JobFilter, JobView } from '../contract.ts';
import type { JobRunner } from '../runner/runner.ts';
import { viewJob } from '../views.ts';

/** Ended jobs that a list without a limit shows. */
const JOBS_SHOWN = 500;

interface JobDeps {
  readonly catalogue: Pick<Catalogue, 'jobs' | 'history'>;
  readonly runner: JobRunner;
}

/** @throws Failure `job_not_found` for a `before` that is no job. */
export function listJobs(filter: JobFilter, { catalogue, runner }: JobDeps): readonly JobView[] {
  const { limit, before, ...asked } = filter;
  const shown = catalogue.jobs.list({ ...filter, limit: limit ?? JOBS_SHOWN });
  const view = (record: JobRecord): JobView => withResult(viewJob(record, runner), catalogue);
  // Without a page, open jobs that are older than the listed ones are added. A page gets none: they are on a later page.
  if (limit !== undefined || before !== undefined) return shown.map(view);
  const listed = new Set(shown.map(({ id }) => id));
  const fits = ({ id, kind, state }: JobRecord): boolean =>
    !listed.has(id) &&
    (asked.kind === undefined || kind === asked.kind) &&
    (asked.state === undefined || state === asked.state);
  const older = catalogue.jobs.active(asked.server === undefined ? {} : { server: asked.server }).filter(fits);
  return [...shown, ...older.reverse()].map(view);
}

/** What a backup job made is known by its attempt, also when the backup is gone. */
export function withResult(view: JobView, { history }: Pick<Catalogue, 'history'>): JobView {
  if (view.kind !== 'backup' || view.state !== 'done') return view;
  const made = history.find(view.backup);
  if (made === undefined) return view;
  const { size, rawSize, files, reusedBytes } = made;
  return { ...view, result: { size, rawSize, files, reusedBytes } };
}
