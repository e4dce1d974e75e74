/** Warnings about settings that are valid but may surprise their author. */
import { isIP } from 'node:net';
import type { Config } from './types.ts';

export function notesOn(config: Omit<Config, 'notes'>): string[] {
  return [...closedApi(config), ...openNetwork(config), ...insideServers(config), ...nestedServers(config)];
}

function closedApi({ tokens, panel, servers }: Omit<Config, 'notes'>): string[] {
  const notes: string[] = [];
  if (tokens.length === 0 && panel.connection === null) {
    notes.push('There are no tokens and no panel: the API cannot be used.');
  }
  if (servers.root === null && servers.list.length === 0) {
    notes.push('There is neither servers.root nor servers.list: no server can be backed up.');
  }
  return notes;
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

function isInside(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory === '/' ? '/' : `${directory}/`);
}
