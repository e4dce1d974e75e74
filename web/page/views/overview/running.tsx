import { to } from '../../live/router.ts';
import { activeJobs, jobOf, serverOf } from '../../live/state.ts';
import { CancelButton, ProgressBar, progressText } from '../../parts/job-progress.tsx';
import { counted } from '../../words/format.ts';
import { words } from '../../words/words.ts';

const MOST = 6;

export function Running() {
  const jobs = activeJobs.value.filter((id) => jobOf(id)?.state === 'running');
  const waiting = activeJobs.value.length - jobs.length;
  if (jobs.length === 0) return null;
  return (
    <section class="card" aria-label="Running now">
      <header>
        <h2>Running now</h2>
        {waiting > 0 && <span class="muted small">{counted(waiting, 'more waits', 'more wait')}</span>}
      </header>
      {jobs.slice(0, MOST).map((id) => (
        <JobLine key={id} id={id} />
      ))}
      {jobs.length > MOST && (
        <p class="pad small">
          <a class="link" href={to.jobs()}>
            {counted(jobs.length - MOST, 'more runs', 'more run')}
          </a>
        </p>
      )}
    </section>
  );
}

export function JobLine({ id }: { readonly id: string }) {
  const job = jobOf(id);
  if (job === undefined) return null;
  const name = serverOf(job.server)?.name ?? job.server.slice(0, 8);
  return (
    <div class="job">
      <a href={to.server(job.server)}>
        <b>
          <bdi>{name}</bdi>
        </b>{' '}
        <span class="muted small">
          {words.kinds[job.kind]}
          {job.phase === '' ? '' : ` · ${job.phase}`}
        </span>
      </a>
      <ProgressBar job={job} label={`${name}: ${words.kinds[job.kind]}`} />
      <span class="small muted">{progressText(job)}</span>
      <CancelButton job={job} small />
    </div>
  );
}
