/** What runs and waits, and what has ended, by day. */
import { answer, api } from '../../api/client.ts';
import { useAnswer } from '../../live/answers.ts';
import { now } from '../../live/now.ts';
import { to } from '../../live/router.ts';
import { may } from '../../live/session.ts';
import { activeJobs, serverOf } from '../../live/state.ts';
import { FailureNote, GreyRows } from '../../parts/failure.tsx';
import { Check, X } from '../../parts/icons.ts';
import { Icon } from '../../parts/icon.tsx';
import { JobLine } from '../../parts/job-line.tsx';
import { VirtualList } from '../../parts/virtual-list.tsx';
import { day, dayKey, duration, time } from '../../words/format.ts';
import { words } from '../../words/words.ts';

export function Jobs() {
  return (
    <>
      <h1>Jobs</h1>
      <section class="card" aria-label="Running and waiting">
        <header>
          <h2>Running and waiting</h2>
        </header>
        {activeJobs.value.length === 0 && <p class="pad muted">Nothing runs now.</p>}
        {activeJobs.value.map((id) => (
          <JobLine key={id} id={id} />
        ))}
      </section>
      {may('node.read') && <Ended />}
    </>
  );
}

function Ended() {
  const { data, failure, again } = useAnswer(
    () => answer(api.GET('/api/jobs')),
    [],
    () => activeJobs.value.length,
  );
  if (data === undefined) return failure === undefined ? <GreyRows /> : <FailureNote failure={failure} again={again} />;
  const ended = data.jobs
    .filter(({ state }) => state !== 'queued' && state !== 'running')
    .sort((one, other) => other.createdAt.localeCompare(one.createdAt));
  const items = ended.map((job, at) => {
    const before = ended[at - 1];
    return { job, first: before === undefined || dayKey(before.createdAt) !== dayKey(job.createdAt) };
  });
  return (
    <section class="card" aria-label="Ended">
      <header>
        <h2>Ended</h2>
      </header>
      {items.length === 0 && <p class="pad muted">Nothing yet.</p>}
      <VirtualList
        items={items}
        keyOf={({ job }) => job.id}
        estimate={44}
        label="Ended jobs"
        row={({ job, first }) => (
          <>
            {first && <div class="day">{day(job.createdAt, now.value)}</div>}
            <div class="job">
              <span>
                <span class="mono">{time(job.createdAt)}</span> {words.kinds[job.kind]}{' '}
                <a class="link" href={to.server(job.server)}>
                  <bdi>{serverOf(job.server)?.name ?? job.server.slice(0, 8)}</bdi>
                </a>
              </span>
              <span class={`st long ${job.state === 'done' ? 'ok' : job.state === 'failed' ? 'bad' : 'none'}`}>
                <Icon of={job.state === 'done' ? Check : X} small />
                {job.error?.message ?? words.states[job.state]}
              </span>
              <span class="small muted">
                {job.startedAt !== undefined && job.endedAt !== undefined
                  ? duration(Date.parse(job.endedAt) - Date.parse(job.startedAt))
                  : ''}
              </span>
              <span />
            </div>
          </>
        )}
      />
    </section>
  );
}
