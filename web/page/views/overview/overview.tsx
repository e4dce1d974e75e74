/** Is everything fine, and if not, why: problems first, each with its reason and one button that helps. */
import { computed, signal } from '@preact/signals';
import { Plus } from '../../parts/icons.ts';
import { useMemo } from 'preact/hooks';
import type { Server } from '../../api/shapes.ts';
import { now } from '../../live/now.ts';
import { may } from '../../live/session.ts';
import { activeJobs, jobOf, load, loadFailure, readAt, serverOf, servers } from '../../live/state.ts';
import { FailureNote, GreyRows } from '../../parts/failure.tsx';
import { Icon } from '../../parts/icon.tsx';
import { problemsOf, stateOf } from '../../parts/state.tsx';
import { VirtualList } from '../../parts/virtual-list.tsx';
import { ago, count } from '../../words/format.ts';
import { words } from '../../words/words.ts';
import { Attention } from './attention.tsx';
import { BackUpSeveral } from './back-up-several.tsx';
import { Running } from './running.tsx';
import { ServerRow } from './server-row.tsx';
import { Tiles } from './tiles.tsx';
import './overview.css';

const DAY_MS = 86_400_000;

type Filter = 'all' | 'problems' | 'running' | 'never';

/** Kept while the page is open, as a place in a list is. */
const filter = signal<Filter>('all');
const several = signal(false);

export function Overview() {
  if (servers.value === undefined) {
    if (loadFailure.value !== undefined) return <FailureNote failure={loadFailure.value} again={() => void load()} />;
    return <GreyRows rows={6} />;
  }
  return (
    <>
      <Head />
      <Tiles />
      <Attention />
      <Running />
      <Servers />
      {several.value && <BackUpSeveral onClose={() => (several.value = false)} />}
    </>
  );
}

const known = computed<readonly Server[]>(() => (servers.value ?? []).flatMap((id) => serverOf(id) ?? []));

function Head() {
  const all = known.value;
  const wrong = all.filter((server) => problemsOf(server).length > 0).length;
  const first = all.filter(
    (server) => problemsOf(server).length === 0 && !server.suspended && server.overview?.newest === undefined,
  ).length;
  const lately = all.filter(({ overview }) => {
    const at = overview?.newest?.createdAt;
    return at !== undefined && now.value - Date.parse(at) < DAY_MS;
  }).length;
  return (
    <div class="spread">
      <div>
        <h1>{all.length === 0 ? words.noServers : words.headline(wrong, all.length, first)}</h1>
        {all.length > 0 && (
          <p class="muted">
            {words.goodLately(lately, all.length)} Checked {ago(readAt.value, now.value)}.
          </p>
        )}
      </div>
      {may('backup.create') && all.length > 1 && (
        <button class="b" type="button" onClick={() => (several.value = true)}>
          <Icon of={Plus} small />
          Back up several…
        </button>
      )}
    </div>
  );
}

/** The order of rows; names as people sort them. */
const order = computed(() => {
  const names = new Intl.Collator('en', { numeric: true });
  return known.value
    .map((server) => ({ server, rank: stateOf(server, undefined).rank }))
    .sort((one, other) => one.rank - other.rank || names.compare(one.server.name, other.server.name))
    .map(({ server }) => server);
});

const running = computed(() => new Set(activeJobs.value.flatMap((id) => jobOf(id)?.server ?? [])));

function matches(server: Server, wanted: Filter): boolean {
  if (wanted === 'problems') return problemsOf(server).length > 0;
  if (wanted === 'never') return server.overview?.newest === undefined && server.backups === 0;
  return wanted === 'all' || running.value.has(server.id);
}

function Servers() {
  const all = order.value;
  const shown = all.filter((server) => matches(server, filter.value));
  const ids = useMemo(() => shown.map(({ id }) => id), [shown.map(({ id }) => id).join()]);
  if (all.length === 0) {
    return (
      <section class="card pad" aria-label="Servers">
        <p>{words.noServersHint}</p>
      </section>
    );
  }
  const chips: readonly [Filter, string][] = [
    ['all', 'All'],
    ['problems', 'Problems'],
    ['running', 'Running'],
    ['never', 'Never backed up'],
  ];
  return (
    <section class="card" aria-label="Servers">
      <header>
        <h2>Servers</h2>
        <span class="grow" />
        <div class="chips">
          {chips.map(([name, text]) => (
            <button
              key={name}
              class="chip"
              type="button"
              aria-pressed={filter.value === name}
              onClick={() => (filter.value = name)}
            >
              {text} {count(all.filter((server) => matches(server, name)).length)}
            </button>
          ))}
        </div>
      </header>
      <div class="tr h" aria-hidden="true">
        <span>Server</span>
        <span>State, problems first</span>
        <span>Last 14 backups</span>
        <span class="num">Newest</span>
        <span>Age</span>
        <span>Next run</span>
        <span />
      </div>
      {ids.length === 0 ? (
        <p class="pad muted">None of them now.</p>
      ) : (
        <VirtualList items={ids} keyOf={(id) => id} estimate={49} label="Servers" row={(id) => <ServerRow id={id} />} />
      )}
    </section>
  );
}
