import { to } from '../live/router.ts';
import { jobOf, serverOf } from '../live/state.ts';
import { words } from '../words/words.ts';
import { CancelButton, ProgressBar, progressText } from './job-progress.tsx';

/** One job that waits or runs, over the width of a card. */
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
          {words.kindOf(job)}
          {job.phase === '' ? '' : ` · ${job.phase}`}
        </span>
      </a>
      <ProgressBar job={job} label={`${name}: ${words.kindOf(job)}`} />
      <span class="small muted">{progressText(job)}</span>
      <CancelButton job={job} small />
    </div>
  );
}
