/** The schedules of backups. They are set in the config, and only shown here. */
import { answer, api } from '../../api/client.ts';
import { useAnswer } from '../../live/answers.ts';
import { now } from '../../live/now.ts';
import { to } from '../../live/router.ts';
import { FailureNote, GreyRows } from '../../parts/failure.tsx';
import { serverOf, system } from '../../live/state.ts';
import { ruleText } from '../../words/rules.ts';
import { cronWords } from '../../words/cron.ts';
import { count, counted, moment } from '../../words/format.ts';

export function Schedules() {
  const { data, failure, again } = useAnswer(() => answer(api.GET('/api/schedules')), []);
  return (
    <>
      <div>
        <h1>Schedules</h1>
        <p class="muted">
          They are set in the config, under <code>schedules</code>.
        </p>
      </div>
      {failure !== undefined && <FailureNote failure={failure} again={again} />}
      {data === undefined && failure === undefined && <GreyRows />}
      <Rules />
      {data?.schedules.length === 0 && (
        <section class="card pad" aria-label="No schedule">
          <p>No schedule yet: backups are made when somebody asks for them.</p>
        </section>
      )}
      {data?.schedules.map((schedule, at) => {
        const { server, servers, cron, timezone, next, last, missed, whenMissed } = schedule;
        return (
          <section class="card" key={at} aria-label={`Schedule ${cron}`}>
            <header>
              <h2>
                {cronWords(cron)} <span class="muted">{timezone ?? 'in the zone of the host'}</span>
              </h2>
            </header>
            <dl class="kv">
              <dt>Pattern</dt>
              <dd class="mono">{cron}</dd>
              <dt>Servers</dt>
              <dd>
                {server === '*'
                  ? `all (${count(servers.length)})`
                  : servers.map((id) => (
                      <a key={id} class="link" href={to.server(id)}>
                        <bdi>{serverOf(id)?.name ?? id}</bdi>
                      </a>
                    ))}
              </dd>
              <dt>Next</dt>
              <dd>{next.map((each) => moment(each, now.value)).join(' · ')}</dd>
              {last !== undefined && (
                <>
                  <dt>Last</dt>
                  <dd>
                    {moment(last.at, now.value)}: {counted(last.completed, 'backup')}, {count(last.failed)} failed,{' '}
                    {count(last.without)} without one
                  </dd>
                </>
              )}
              {missed !== undefined && (
                <>
                  <dt>Missed</dt>
                  <dd class="st warn long">
                    {counted(missed.times, 'time')} while the daemon was off, since {moment(missed.since, now.value)};{' '}
                    {whenMissed === 'run' ? 'made up for' : 'not made up for (missed: skip)'}
                  </dd>
                </>
              )}
            </dl>
          </section>
        );
      })}
    </>
  );
}

/** The rules of retention. Each server's view shows which backups they keep. */
function Rules() {
  const rules = system.value?.usage?.retention;
  if (rules === undefined) return null;
  return (
    <section class="card pad" aria-label="Retention">
      <p>
        <b>Retention</b> {ruleText(rules)}. The newest good backup and locked ones always stay.{' '}
        <span class="muted">
          Set under <code>retention</code>; a server’s own page shows which would go, and lets them go now.
        </span>
      </p>
    </section>
  );
}
