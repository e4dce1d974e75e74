/** Reports that the panel does not have yet; absent on a node without a panel, and while there are none. */
import { answer, api } from '../../api/client.ts';
import { useAction, useAnswer } from '../../live/answers.ts';
import { now } from '../../live/now.ts';
import { to } from '../../live/router.ts';
import { may } from '../../live/session.ts';
import { serverOf } from '../../live/state.ts';
import { FailureNote } from '../../parts/failure.tsx';
import { Clock, TriangleAlert } from '../../parts/icons.ts';
import { Icon } from '../../parts/icon.tsx';
import { count, counted, moment } from '../../words/format.ts';
import { words } from '../../words/words.ts';

export function Reports() {
  const { data, failure, again } = useAnswer(() => answer(api.GET('/api/panel/reports')), []);
  const { busy, failure: refused, run } = useAction();
  const act = (action: () => Promise<unknown>): void => void run(action).then(again);
  if (failure !== undefined) return <FailureNote failure={failure} again={again} />;
  const reports = data?.reports ?? [];
  if (reports.length === 0) return null;
  return (
    <section class="card" aria-label="Reports to the panel">
      <header>
        <h2>The panel is still to be told</h2>
        <span class="count">{count(reports.length)}</span>
        <span class="grow" />
        {may('node.manage') && (
          <button
            class="b t"
            type="button"
            disabled={busy.value}
            onClick={() => act(() => answer(api.POST('/api/panel/reports/retry', { params: {} })))}
          >
            Try all again
          </button>
        )}
      </header>
      {refused.value !== undefined && <FailureNote failure={refused.value} />}
      {reports.map(({ id, kind, server, state, attempts, error, nextAt }) => (
        <div class="att" key={id}>
          <span class={`st ${state === 'parked' ? 'warn' : 'none'}`} title={state}>
            <Icon of={state === 'parked' ? TriangleAlert : Clock} />
          </span>
          <span class="what">
            {words.reports[kind]}{' '}
            <a class="link" href={to.server(server)}>
              <bdi>{serverOf(server)?.name ?? server.slice(0, 8)}</bdi>
            </a>
          </span>
          <span class="hint">
            {counted(attempts, 'try', 'tries')} failed
            {error === undefined ? '' : `: ${error.message}`}
            {nextAt === undefined ? '' : `; again ${moment(nextAt, now.value)}`}
          </span>
          <span class="bs">
            {may('node.manage') && (
              <button
                class="b t"
                type="button"
                disabled={busy.value}
                onClick={() => act(() => answer(api.DELETE('/api/panel/reports/{id}', { params: { path: { id } } })))}
              >
                Give it up
              </button>
            )}
          </span>
        </div>
      ))}
    </section>
  );
}
