import { CloudOff, TriangleAlert, X } from '../../parts/icons.ts';
import type { Server } from '../../api/shapes.ts';
import { useAction } from '../../live/answers.ts';
import { to } from '../../live/router.ts';
import { load, serverOf, servers, system } from '../../live/state.ts';
import { Icon } from '../../parts/icon.tsx';
import { isHelpedByBackup, type Problem, problemsOf, stateOf } from '../../parts/state.tsx';
import { count } from '../../words/format.ts';
import { BackUpButton } from '../../parts/back-up-button.tsx';

/** With more, the list of servers is the better place: it has them first. */
const MOST = 12;

export function Attention() {
  const rows = (servers.value ?? [])
    .flatMap((id) => serverOf(id) ?? [])
    .flatMap((server) => {
      const [worst] = problemsOf(server);
      return worst === undefined ? [] : [{ server, worst, rank: stateOf(server, undefined).rank }];
    })
    .sort((one, other) => one.rank - other.rank || one.server.name.localeCompare(other.server.name));
  const away = (system.value?.stores ?? []).filter(({ error }) => error !== null);
  const all = rows.length + away.length;
  if (all === 0) return null;
  const bad = rows.some(({ worst }) => isBad(worst));
  return (
    <section class="card" aria-label="Needs attention">
      <header>
        <h2>Needs attention</h2>
        <span class={bad ? 'count' : 'count warn'}>{count(all)}</span>
      </header>
      {away.map(({ name, error }) => (
        <div class="att" key={`store ${name}`}>
          <span class="st warn">
            <Icon of={CloudOff} />
          </span>
          <span class="what">Store {name} cannot be used</span>
          <span class="hint">{error}</span>
          <span class="bs">
            <CheckAgain />
          </span>
        </div>
      ))}
      {rows.slice(0, MOST).map(({ server, worst }) => (
        <Line key={server.id} server={server} problem={worst} />
      ))}
      {rows.length > MOST && (
        <p class="pad small muted">and {count(rows.length - MOST)} more, first in the list below</p>
      )}
    </section>
  );
}

/** Something is broken; the others are to be looked at. */
function isBad({ code }: Problem): boolean {
  return code === 'failing' || code === 'damaged';
}

function Line({ server, problem }: { readonly server: Server; readonly problem: Problem }) {
  const bad = isBad(problem);
  return (
    <div class="att">
      <span class={`st ${bad ? 'bad' : 'warn'}`}>
        <Icon of={bad ? X : TriangleAlert} />
      </span>
      <span class="what">
        <a href={to.server(server.id)}>
          <bdi>{server.name}</bdi>
        </a>
        : {problem.message}
      </span>
      {problem.hint !== undefined && <span class="hint">{problem.hint}</span>}
      <span class="bs">
        {problem.backup === undefined || isHelpedByBackup(problem) ? (
          <BackUpButton server={server} look="b" text={problem.code === 'failing' ? 'Try again' : 'Back up now'} />
        ) : (
          <a class="b" href={to.server(server.id, problem.backup)}>
            Look at it
          </a>
        )}
      </span>
    </div>
  );
}

function CheckAgain() {
  const { busy, run } = useAction();
  return (
    <button class="b" type="button" disabled={busy.value} onClick={() => void run(load)}>
      Check again
    </button>
  );
}
