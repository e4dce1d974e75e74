/**
 * Refuses a state directory or local store that lies in a server, or a server that lies in one of them: the game's owner
 * could read or remove every backup of the node there. Compares real paths, since a symlink hides where a directory lies.
 */
import { realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { isUuid } from '../base/ids.ts';
import type { KeyPath } from './document.ts';
import type { Finding } from './issues.ts';
import type { Config } from './types.ts';

interface Place {
  readonly key: KeyPath;
  readonly what: string;
  /** Where it really lies. */
  readonly path: string;
}

type Directories = Pick<Config, 'stateDirectory' | 'allowInside' | 'storage' | 'servers'>;

/** Directories that do not exist yet are checked too, by the real path that they will have. */
export async function findNesting(config: Directories): Promise<Finding[]> {
  const [listed, root] = await Promise.all([listedServers(config), rootOf(config)]);
  const findings: Finding[] = [];
  for (const ours of await ownPlaces(config)) {
    const server = listed.find(({ path }) => isInside(ours.path, path) || isInside(path, ours.path));
    const problem = server === undefined ? inRoot(ours, root) : inServer(ours, server);
    if (problem !== undefined) findings.push({ path: ours.key, problem, hint: HINT });
  }
  return findings;
}

const HINT =
  'Move it out: the owner of that server could reach every backup of the node. With "allow_inside: true" ' +
  'beside this key it is used all the same; backups and restores leave it out then.';

/** Without those that may lie anywhere. */
async function ownPlaces({ stateDirectory, allowInside, storage }: Directories): Promise<Place[]> {
  const places: Place[] = [];
  if (!allowInside) places.push(await placeOf(['state_directory'], 'the state directory', stateDirectory));
  for (const [name, store] of Object.entries(storage.stores)) {
    if (store.type !== 'local' || store.allowInside) continue;
    places.push(await placeOf(['storage', 'stores', name, 'directory'], `the store "${name}"`, store.directory));
  }
  return places;
}

async function listedServers({ servers }: Directories): Promise<Place[]> {
  return Promise.all(
    servers.list.map(({ id, path }, index) => placeOf(['servers', 'list', index, 'path'], `the server ${id}`, path)),
  );
}

async function rootOf({ servers }: Directories): Promise<string | undefined> {
  return servers.root === null ? undefined : realPath(servers.root);
}

async function placeOf(key: KeyPath, what: string, path: string): Promise<Place> {
  return { key, what, path: await realPath(path) };
}

function inServer(ours: Place, server: Place): string {
  const inside = isInside(ours.path, server.path);
  return inside ? `lies in ${server.what} (${server.path})` : `holds ${server.what} (${server.path})`;
}

/** The root itself may hold other directories than servers; each of those is named by a UUID. */
function inRoot(ours: Place, root: string | undefined): string | undefined {
  if (root === undefined) return undefined;
  if (isInside(root, ours.path)) return `holds all servers of servers.root (${root})`;
  const [name = ''] = isInside(ours.path, root) ? ours.path.slice(join(root, '/').length).split('/') : [];
  return isUuid(name) ? `lies in the server ${name} of servers.root` : undefined;
}

/** Of what does not exist, or cannot be looked at, as much as does. */
async function realPath(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(await realPath(parent), basename(path));
  }
}

function isInside(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory === '/' ? '/' : `${directory}/`);
}
