import { to } from '../../live/router.ts';
import { activeJobs, jobOf } from '../../live/state.ts';
import { JobLine } from '../../parts/job-line.tsx';
import { counted } from '../../words/format.ts';

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
