/** Which view is shown: the fragment of the address, so that no path of a proxy matters. */
import { computed, signal } from '@preact/signals';
import { parse } from 'regexparam';

const PATTERNS = {
  overview: '/',
  signIn: '/in/:code',
  server: '/servers/:server',
  browse: '/servers/:server/backups/:backup',
  find: '/servers/:server/find',
  jobs: '/jobs',
  schedules: '/schedules',
  health: '/health',
  account: '/account',
} as const;

export type ViewName = keyof typeof PATTERNS;

export interface Route {
  readonly view: ViewName;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
}

const PARSED = Object.entries(PATTERNS).map(([view, pattern]) => ({ view: view as ViewName, parsed: parse(pattern) }));

const fragment = signal(location.hash.slice(1));
globalThis.addEventListener('hashchange', () => (fragment.value = location.hash.slice(1)));

export const route = computed(() => routeOf(fragment.value));

/** The route of a fragment without its `#`; what names no view is the overview. */
export function routeOf(text: string): Route {
  const [path = '', query = ''] = text.split('?', 2);
  for (const { view, parsed } of PARSED) {
    const { keys, pattern } = parsed;
    const found = pattern.exec(path === '' ? '/' : path);
    if (found === null) continue;
    const params = Object.fromEntries(keys.map((key, at) => [key, decoded(found[at + 1] ?? '')]));
    return { view, params, query: new URLSearchParams(query) };
  }
  return { view: 'overview', params: {}, query: new URLSearchParams() };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export const to = {
  overview: () => '#/',
  server: (server: string, backup?: string) => `#/servers/${server}${backup === undefined ? '' : `?backup=${backup}`}`,
  browse: (server: string, backup: string, query: Readonly<Record<string, string>> = {}) => {
    const text = new URLSearchParams(query).toString();
    return `#/servers/${server}/backups/${backup}${text === '' ? '' : `?${text}`}`;
  },
  find: (server: string, text = '') =>
    `#/servers/${server}/find${text === '' ? '' : `?${new URLSearchParams({ q: text })}`}`,
  jobs: () => '#/jobs',
  schedules: () => '#/schedules',
  health: () => '#/health',
  account: () => '#/account',
};

/** Changes the address without a step back to it, such as a code that must not stay there. */
export function replace(hash: string): void {
  history.replaceState(null, '', hash);
  fragment.value = hash.slice(1);
}
