import { now } from '../../live/now.ts';
import { to } from '../../live/router.ts';
import { jobOfServer, serverOf } from '../../live/state.ts';
import { CancelButton } from '../../parts/job-progress.tsx';
import { StateText, stateOf } from '../../parts/state.tsx';
import { Strip } from '../../parts/strip.tsx';
import { ago, bytes, moment } from '../../words/format.ts';
import { BackUpButton } from '../../parts/back-up-button.tsx';

export function ServerRow({ id }: { readonly id: string }) {
  const server = serverOf(id);
  if (server === undefined) return null;
  const job = jobOfServer(id);
  const state = stateOf(server, job);
  const newest = server.overview?.newest;
  const next = server.overview?.next;
  const bad = state.tone === 'bad' || state.tone === 'warn';
  return (
    <div class="tr">
      <a href={to.server(id)} data-row>
        <span class="nm">
          <bdi>{server.name}</bdi>
        </span>
        {/* A server without a name is called so already. */}
        {server.name !== id.slice(0, 8) && <span class="id">{id.slice(0, 8)}</span>}
      </a>
      <StateText state={state} />
      <Strip recent={server.overview?.recent ?? []} />
      <span class="num">
        <b>{newest === undefined ? '—' : bytes(newest.size)}</b>
      </span>
      <span>{newest === undefined ? '—' : ago(newest.createdAt, now.value)}</span>
      <span class="muted">{job !== undefined ? 'running' : next === undefined ? '—' : moment(next, now.value)}</span>
      <span class="acts">
        {job === undefined ? (
          <BackUpButton
            server={server}
            look={bad ? 'b t' : 'b t l'}
            text={state.rank === 0 ? 'Try again' : 'Back up'}
          />
        ) : (
          <CancelButton key={job.id} job={job} small />
        )}
      </span>
    </div>
  );
}
