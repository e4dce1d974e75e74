/** The bar over all views: the node, where to go, whether what is shown is now, the theme, and who is signed in. */
import { effect, signal } from '@preact/signals';
import { Moon, Search, Sun, UserRound } from './icons.ts';
import { useEffect, useRef } from 'preact/hooks';
import { now } from '../live/now.ts';
import { route, to, type ViewName } from '../live/router.ts';
import { may, who } from '../live/session.ts';
import { connection } from '../live/socket.ts';
import { findings } from '../live/findings.ts';
import { servers, serverOf } from '../live/state.ts';
import { count, counted, time } from '../words/format.ts';
import { words } from '../words/words.ts';
import { Icon } from './icon.tsx';

export function Logo() {
  return (
    <svg class="logo" viewBox="0 0 24 24" aria-hidden="true">
      <path
        d="M4.2 13.6c0-4.7 3.7-8.3 8.2-8.3h.8c2.400 0 4.300 1.800 4.500 4.100l2.900 1.200-2.800 1.300c-.3 3.500-3 6.100-6.700 6.100H6.400c-1.700 0-3.200-.7-4.200-1.900 1 .1 2-.9 2-2.500Z"
        fill="var(--accent-fill)"
      />
      <circle cx="14.300" cy="9" r="1.150" fill="var(--surface)" />
      <path
        d="M2 20.600h20M9 18v2.600M12.500 18v2.600"
        stroke="var(--text)"
        stroke-width="1.700"
        stroke-linecap="round"
        fill="none"
      />
    </svg>
  );
}

const PLACES: readonly { readonly view: ViewName; readonly name: string; readonly needs?: string }[] = [
  { view: 'overview', name: 'Overview' },
  { view: 'jobs', name: 'Jobs' },
  { view: 'schedules', name: 'Schedules' },
  { view: 'health', name: 'Health', needs: 'node.read' },
];

function Places() {
  const { view } = route.value;
  const current = view === 'server' || view === 'browse' || view === 'find' ? 'overview' : view;
  const wrong = findings.value.filter(({ level }) => level !== 'ok');
  // Red is for what is broken; a warning alone is none of that.
  const tone = wrong.some(({ level }) => level === 'fault') ? '' : ' warn';
  return (
    <>
      {PLACES.filter(({ needs }) => needs === undefined || may(needs)).map(({ view: place, name }) => (
        <a key={place} href={to[place as 'jobs']()} aria-current={place === current ? 'page' : undefined}>
          {name}
          {place === 'health' && wrong.length > 0 && (
            <span class={`count${tone}`} role="img" aria-label={counted(wrong.length, 'finding')}>
              {count(wrong.length)}
            </span>
          )}
        </a>
      ))}
    </>
  );
}

type Theme = 'light' | 'dark';
const THEME = 'roost theme';
const stored = localStorage.getItem(THEME);
const theme = signal<Theme | undefined>(stored === 'light' || stored === 'dark' ? stored : undefined);
effect(() => {
  if (theme.value === undefined) return;
  document.documentElement.dataset['theme'] = theme.value;
  localStorage.setItem(THEME, theme.value);
});

function ThemeButton() {
  const dark = theme.value === undefined ? matchMedia('(prefers-color-scheme: dark)').matches : theme.value === 'dark';
  return (
    <button
      class="b q"
      type="button"
      aria-label={dark ? 'Light theme' : 'Dark theme'}
      onClick={() => (theme.value = dark ? 'light' : 'dark')}
    >
      <Icon of={dark ? Moon : Sun} />
    </button>
  );
}

function Live() {
  const live = connection.value.state === 'live';
  return (
    <span class="live" title={live ? 'Connected: what you see is now' : 'Not connected'}>
      <i class={live ? '' : 'lost'} />
      <span>{live ? 'Live' : 'Not live'}</span>
    </span>
  );
}

/** Shown while the connection is lost: since when the values on the page are out of date. */
export function LostLine() {
  const known = connection.value;
  if (known.state !== 'lost') return null;
  // oxlint-disable-next-line no-unused-expressions -- counts down
  now.value;
  const heard = known.lastHeard === 0 ? 'never' : time(known.lastHeard);
  return (
    <div class="lost-line" role="status">
      {words.lost(heard, Math.ceil((known.retryAt - Date.now()) / 1000))}
    </div>
  );
}

/** Servers that are offered at once. */
const MOST = 8;

/** Goes to a server by its name, or to the search for a file in it. */
function Find() {
  const input = useRef<HTMLInputElement>(null);
  const text = useRef(signal('')).current;
  useEffect(() => {
    const listen = (event: KeyboardEvent): void => {
      const typing = event.target instanceof HTMLElement && event.target.matches('input, textarea, select');
      if (event.key !== '/' || typing || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      input.current?.focus();
    };
    document.addEventListener('keydown', listen);
    return () => document.removeEventListener('keydown', listen);
  }, []);
  const wanted = text.value.trim().toLowerCase();
  const all = servers.value ?? [];
  const found =
    wanted === ''
      ? []
      : all
          .flatMap((id) => serverOf(id) ?? [])
          .filter(({ id, name }) => id.startsWith(wanted) || name.toLowerCase().includes(wanted))
          .slice(0, MOST);
  const close = (): void => void (text.value = '');
  // Of the server that is shown; else of one that is found, and where none is, the text is the name of a file.
  const place = route.value.params['server'];
  const files = (place === undefined ? (found.length > 0 ? found.map(({ id }) => id).slice(0, 1) : all) : [place])
    .slice(0, MOST)
    .flatMap((id) => serverOf(id) ?? []);
  const isFile = place !== undefined || found.length === 0;
  return (
    <form
      class="find"
      role="search"
      aria-label="Everywhere"
      onSubmit={(event) => {
        event.preventDefault();
        const [first] = found;
        if (first !== undefined) location.hash = to.server(first.id);
        else if (files.length === 1 && wanted !== '' && may('backup.download'))
          location.hash = to.find(files[0]?.id ?? '', text.value.trim());
        close();
      }}
      onKeyDown={(event) => {
        if (event.key !== 'Escape') return;
        close();
        input.current?.blur();
      }}
    >
      <Icon of={Search} small />
      <input
        ref={input}
        type="search"
        aria-label="Find a server or a file"
        placeholder="Find a server or a file"
        value={text.value}
        onInput={({ currentTarget }) => (text.value = currentTarget.value)}
      />
      <kbd>/</kbd>
      {wanted !== '' && found.length + files.length > 0 && (
        <div class="found">
          {found.map(({ id, name }) => (
            <a key={id} href={to.server(id)} onClick={close}>
              <b>
                <bdi>{name}</bdi>
              </b>
              <span class="id">{id.slice(0, 8)}</span>
            </a>
          ))}
          {may('backup.download') &&
            files.map(({ id, name }) => (
              <a key={`files ${id}`} href={to.find(id, isFile ? text.value.trim() : '')} onClick={close}>
                <span>
                  {isFile ? 'Files by that name in ' : 'A file of '}
                  <bdi>{name}</bdi>
                </span>
              </a>
            ))}
        </div>
      )}
    </form>
  );
}

export function Top() {
  const label = who.value?.session?.label ?? who.value?.token ?? '';
  return (
    <>
      <header class="top">
        <a class="brand" href={to.overview()}>
          <Logo />
          Roost<span class="node">{who.value?.nodeName}</span>
        </a>
        <nav class="nav" aria-label="Main">
          <Places />
        </nav>
        <span class="grow" />
        <Find />
        <Live />
        <ThemeButton />
        <a class="b q" href={to.account()} aria-label={`Account: signed in as ${label}`}>
          <Icon of={UserRound} />
          <span class="hide-phone">
            <bdi>{label}</bdi>
          </span>
        </a>
      </header>
      <nav class="phone-nav only-phone" aria-label="Main, for small screens">
        <Places />
      </nav>
      <LostLine />
    </>
  );
}
