/** Who is signed in and what that may, the other sessions of the node, and links that may still be used. */
import { answer, api } from '../../api/client.ts';
import type { Session } from '../../api/shapes.ts';
import { useAction, useAnswer } from '../../live/answers.ts';
import { now } from '../../live/now.ts';
import { forget, may, who } from '../../live/session.ts';
import { serverOf } from '../../live/state.ts';
import { FailureNote, GreyRows } from '../../parts/failure.tsx';
import { LogOut } from '../../parts/icons.ts';
import { Icon } from '../../parts/icon.tsx';
import { ago, moment } from '../../words/format.ts';
import './account.css';

export function Account() {
  const own = who.value;
  const { busy, failure, run } = useAction();
  if (own === undefined) return null;
  const signOut = async (): Promise<void> => {
    await answer(api.DELETE('/api/session'));
    forget(undefined);
  };
  return (
    <>
      <div class="spread">
        <h1>Account</h1>
        <button class="b" type="button" disabled={busy.value} onClick={() => void run(signOut)}>
          <Icon of={LogOut} small />
          Sign out
        </button>
      </div>
      {failure.value !== undefined && <FailureNote failure={failure.value} />}
      <section class="card" aria-label="This session">
        <dl class="kv">
          <dt>Token</dt>
          <dd>{own.token}</dd>
          {own.session?.label !== undefined && (
            <>
              <dt>Made for</dt>
              <dd>
                <bdi>{own.session.label}</bdi>
              </dd>
            </>
          )}
          <dt>May</dt>
          <dd>{own.permissions.includes('*') ? 'everything' : own.permissions.join(', ')}</dd>
          <dt>Servers</dt>
          <dd>{own.servers.includes('*') ? 'all' : own.servers.map((id) => serverOf(id)?.name ?? id).join(', ')}</dd>
          {own.session !== undefined && (
            <>
              <dt>Ends</dt>
              <dd>
                {moment(own.session.expiresAt, now.value)}
                {own.session.kept ? '' : ', later with each use'}
              </dd>
            </>
          )}
        </dl>
      </section>
      {may('node.manage') && <Others />}
    </>
  );
}

function Others() {
  const { data, failure, again } = useAnswer(() => answer(api.GET('/api/sessions')), []);
  const action = useAction();
  const end = (id: string) =>
    action.run(async () => {
      await answer(api.DELETE('/api/sessions/{id}', { params: { path: { id } } }));
      again();
    });
  if (data === undefined) return failure === undefined ? <GreyRows /> : <FailureNote failure={failure} again={again} />;
  const others = data.sessions.filter(({ current }) => !current);
  return (
    <>
      {action.failure.value !== undefined && <FailureNote failure={action.failure.value} />}
      <section class="card" aria-label="Other sessions">
        <header>
          <h2>Other sessions</h2>
        </header>
        {others.length === 0 && <p class="pad muted">Nobody else is signed in.</p>}
        {others.map((session) => (
          <div class="line" key={session.id}>
            <span>
              <b>
                <bdi>{session.label ?? session.token}</bdi>
              </b>
              <br />
              <span class="small muted">
                {session.address}, used {ago(session.lastUsedAt, now.value)}, {scopeText(session)}
              </span>
            </span>
            <button class="b t" type="button" onClick={() => void end(session.id)}>
              End it
            </button>
          </div>
        ))}
      </section>
      <section class="card" aria-label="Links that may still be used">
        <header>
          <h2>Links that may still be used</h2>
        </header>
        {data.links.length === 0 && <p class="pad muted">None. A server’s “Share…” makes one for its owner.</p>}
        {data.links.map((link) => (
          <div class="line" key={link.id}>
            <span>
              <b>
                <bdi>{link.label ?? link.token}</bdi>
              </b>
              <br />
              <span class="small muted">
                until {moment(link.expiresAt, now.value)}, {scopeText(link)}
              </span>
            </span>
            <button class="b t" type="button" onClick={() => void end(link.id)}>
              Take it back
            </button>
          </div>
        ))}
      </section>
    </>
  );
}

function scopeText({ permissions, servers }: Pick<Session, 'permissions' | 'servers'>): string {
  const names = servers.includes('*') ? 'all servers' : servers.map((id) => serverOf(id)?.name ?? id).join(', ');
  return `${permissions.includes('*') ? 'everything' : permissions.join(', ')} on ${names}`;
}
