/** Warnings about settings that are valid but may surprise their author. */
import { isIP } from 'node:net';
import { Cron } from 'croner';
import type { Config } from './types.ts';

export function notesOn(config: Omit<Config, 'notes'>): string[] {
  return [
    ...closedApi(config),
    ...openNetwork(config),
    ...insideServers(config),
    ...nestedServers(config),
    ...fullStores(config),
    ...idleSchedules(config),
  ];
}

function closedApi({ tokens, panel, servers, front }: Omit<Config, 'notes'>): string[] {
  const notes: string[] = [];
  // With a front, Wings' own file says how the panel is reached.
  if (tokens.length === 0 && panel.connection === null && front === null) {
    notes.push('There are no tokens and no panel: the API cannot be used.');
  }
  if (servers.root === null && servers.list.length === 0) {
    notes.push('There is neither servers.root nor servers.list: no server can be backed up.');
  }
  return notes;
}

/** What a check of the file says besides; at each start it would only be repeated. */
export function notesOnRestores({ power }: Pick<Config, 'power'>): string[] {
  if (power.driver !== 'none' && (power.driver !== 'rcon' || power.stop !== null)) return [];
  const what = power.driver === 'none' ? 'power.driver is none' : 'power has no stop';
  return [`${what}: nothing stops a server for a restore, so a running game may overwrite it (docs/power.md).`];
}

function openNetwork({ api }: Omit<Config, 'notes'>): string[] {
  const local = api.host === 'localhost' || api.host === '::1' || (isIP(api.host) === 4 && api.host.startsWith('127.'));
  if (local || api.tls !== null) return [];
  return [`The API listens on ${api.host} without TLS: put a proxy with TLS before it, or set api.tls.`];
}

function insideServers({ servers, storage, stateDirectory }: Omit<Config, 'notes'>): string[] {
  const ours = [
    ['state_directory', stateDirectory] as const,
    ...Object.entries(storage.stores).flatMap(([name, store]) =>
      store.type === 'local' ? [[`storage.stores.${name}.directory`, store.directory] as const] : [],
    ),
  ];
  const roots = [...servers.list.map(({ path }) => path), ...(servers.root === null ? [] : [servers.root])];
  return ours.flatMap(([key, path]) =>
    roots
      .filter((root) => isInside(path, root))
      .slice(0, 1)
      .map(
        (root) =>
          `${key} (${path}) lies inside ${root}: backups and restores leave it alone, but the game can reach it.`,
      ),
  );
}

function nestedServers({ servers }: Omit<Config, 'notes'>): string[] {
  return servers.list.flatMap((inner) =>
    servers.list
      .filter((outer) => outer !== inner && isInside(inner.path, outer.path))
      .map(
        (outer) =>
          `The server at ${inner.path} lies inside the one at ${outer.path}: backups and restores of the outer leave it out.`,
      ),
  );
}

/** Notes schedules that will reach the limit of backups, because no retention rule makes room. */
function fullStores({ schedules, retention, limits }: Omit<Config, 'notes'>): string[] {
  const { keepLast, keepDays, keepDaily, keepWeekly, keepMonthly } = retention;
  const { perServer } = limits;
  if (schedules.length === 0 || perServer === 0) return [];
  const kept = keepLast + keepDays + keepDaily + keepWeekly + keepMonthly;
  if (kept === 0) {
    return [
      `There are schedules and no retention: after ${perServer} backups of a server (limits.per_server) each further one is refused.`,
    ];
  }
  const most = Math.max(keepLast, keepDaily, keepWeekly, keepMonthly);
  if (most < perServer) return [];
  return [
    `retention keeps ${most} backups of a server and limits.per_server allows ${perServer}: each new one takes the place of the oldest before it is complete.`,
  ];
}

function idleSchedules({ schedules }: Omit<Config, 'notes'>): string[] {
  return schedules
    .filter(({ cron, timezone }) => {
      const times = new Cron(cron, { paused: true, mode: '5-or-6-parts', timezone: timezone ?? undefined });
      return times.nextRun() === null;
    })
    .map(({ cron }) => `The schedule "${cron}" never comes: there is no such day.`);
}

function isInside(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory === '/' ? '/' : `${directory}/`);
}
