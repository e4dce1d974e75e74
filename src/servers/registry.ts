/**
 * The game servers of this host: directories under one root named by a UUID, and those that the config lists.
 *
 * For: finding a server's directory by its id. Promises: looks up on demand, so a new server needs no restart; a link
 * under the root is never a server: who can write in the root could point it at the directory of another, so where a
 * moved server lies is the operator's to say (`servers.list`). Never: writes anything but the empty directory of a server
 * that a panel adds, or that a restore brings back.
 */
import type { Stats } from 'node:fs';
import { lstat, mkdir, readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoOf, Failure } from '../base/failure.ts';
import { isUuid, type ServerId } from '../base/ids.ts';
import type { ListedServer, ServersConfig } from '../config/types.ts';

export interface GameServer {
  readonly id: ServerId;
  /** From the config's list, otherwise the first eight characters of the id. */
  readonly name: string;
  /** Absolute path of its directory. */
  readonly path: string;
}

export interface Registry {
  /**
   * @throws Failure `server_not_found` when there is no such directory; `internal` with the errno when the disk cannot
   *   be read.
   */
  get(id: ServerId): Promise<GameServer>;
  /**
   * Where the server's directory is, or would be made.
   *
   * @throws Failure `server_not_found` when nothing says where, its parent directory is missing, or something other than a
   *   directory has its name; `internal` with the errno.
   */
  place(id: ServerId): Promise<ServerPlace>;
  /** All servers whose directory exists now, by id. A missing root has none. */
  list(): Promise<readonly GameServer[]>;
  /**
   * Makes the server's directory under the root if it has none.
   *
   * @throws Failure `config_invalid` without a root; `internal` with the errno; `server_not_found` when something other
   *   than a directory has its name.
   */
  add(id: ServerId): Promise<GameServer>;
  /** Sentences about configured directories that are missing. */
  check(): Promise<readonly string[]>;
}

/** A server whose directory may be missing. */
export interface ServerPlace {
  readonly server: GameServer;
  readonly present: boolean;
}

/** The registry of the servers in the config. Opens nothing; each call looks at the disk. */
export function openRegistry(config: ServersConfig): Registry {
  const listed = new Map(config.list.map((server) => [server.id, fromList(server)]));
  return {
    get: (id) => getServer(config.root, listed, id),
    place: (id) => placeServer(config.root, listed, id),
    list: () => listServers(config.root, listed),
    async add(id) {
      if (!listed.has(id)) await makeDirectory(config.root, id);
      return getServer(config.root, listed, id);
    },
    check: () => findMissing(config.root, listed),
  };
}

type Listed = ReadonlyMap<ServerId, GameServer>;

function fromList(server: ListedServer): GameServer {
  return { id: server.id, name: server.name ?? defaultName(server.id), path: server.path };
}

/** The name of a server without a configured one. */
export function defaultName(id: ServerId): string {
  return id.slice(0, 8);
}

function underRoot(root: string, id: ServerId): GameServer {
  return { id, name: defaultName(id), path: join(root, id) };
}

async function getServer(root: string | null, listed: Listed, id: ServerId): Promise<GameServer> {
  // The config's list comes first, even for an id that also has a directory under the root.
  const named = listed.get(id);
  if (named !== undefined) {
    if (await isDirectory(named.path, stat)) return named;
    throw new Failure(
      'server_not_found',
      `Cannot use the server ${named.name}: its directory ${named.path} is missing`,
      {
        hint: 'Mount or create the directory, or correct its path under servers.list; restoring one of its backups makes it.',
      },
    );
  }
  if (root !== null) {
    const found = underRoot(root, id);
    if (await isDirectory(found.path, lstat)) return found;
    if (await isLink(found.path)) throw isALink();
  }
  throw new Failure('server_not_found', 'There is no such server', {
    hint:
      root === null
        ? 'Set servers.root, or list the directory under servers.list.'
        : 'Make its directory under servers.root, named by the id (mkdir); restoring one of its backups makes it too.',
  });
}

async function placeServer(root: string | null, listed: Listed, id: ServerId): Promise<ServerPlace> {
  const server = listed.get(id) ?? (root === null ? undefined : underRoot(root, id));
  if (server === undefined) return { server: await getServer(root, listed, id), present: true };
  const look = listed.has(id) ? stat : lstat;
  if (await isDirectory(server.path, look)) return { server, present: true };
  if (await isLink(server.path)) throw isALink();
  const parent = dirname(server.path);
  if (!(await isDirectory(parent, stat))) {
    throw new Failure('server_not_found', `Cannot find the server: ${parent}, where its directory was, is missing`, {
      hint: 'Mount or make that directory first.',
    });
  }
  if (await exists(server.path)) {
    throw new Failure('server_not_found', 'Cannot use the server: something other than a directory has its name');
  }
  return { server, present: false };
}

function isALink(): Failure {
  return new Failure('server_not_found', 'Cannot use the server: its directory is a symlink', {
    hint: 'List the directory to which the link leads under servers.list (id and path), or mount it there (mount --bind).',
  });
}

async function listServers(root: string | null, listed: Listed): Promise<readonly GameServer[]> {
  const servers: GameServer[] = [];
  for (const server of listed.values()) if (await isDirectory(server.path, stat)) servers.push(server);
  if (root !== null) {
    const names = await directoriesIn(root);
    for (const id of names.filter((name) => !listed.has(name))) servers.push(underRoot(root, id));
  }
  return servers.sort((left, right) => (left.id < right.id ? -1 : 1));
}

async function makeDirectory(root: string | null, id: ServerId): Promise<void> {
  if (root === null) {
    throw new Failure('config_invalid', 'Cannot add the server: the config names no root of servers', {
      hint: 'Set servers.root, or list the server under servers.list.',
    });
  }
  const path = underRoot(root, id).path;
  try {
    await mkdir(path, { mode: 0o755 });
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'EEXIST') return;
    throw new Failure('internal', `Cannot add the server: ${path} cannot be made (${errno ?? String(error)})`, {
      cause: error,
      facts: { path, errno },
      hint: 'Check servers.root: it must be there, and Roost must be allowed to write in it.',
    });
  }
}

async function findMissing(root: string | null, listed: Listed): Promise<readonly string[]> {
  const faults: string[] = [];
  if (root !== null && !(await isDirectory(root, stat))) {
    faults.push(`The servers' root ${root} is missing or no directory (servers.root)`);
  }
  for (const server of listed.values()) {
    if (await isDirectory(server.path, stat)) continue;
    faults.push(`The directory ${server.path} of the server ${server.name} is missing (servers.list)`);
  }
  return faults;
}

/** Ids under the root that are links, and so no servers. */
export async function findLinks({ root, list }: ServersConfig): Promise<readonly ServerId[]> {
  if (root === null) return [];
  try {
    const entries = await readdir(root, { withFileTypes: true });
    const links = entries.filter((entry) => entry.isSymbolicLink() && isUuid(entry.name));
    return links.map((entry) => entry.name as ServerId).filter((id) => !list.some((server) => server.id === id));
  } catch (error) {
    if (isAbsent(error)) return [];
    throw cannotLook(root, error);
  }
}

async function isLink(path: string): Promise<boolean> {
  return (await statOf(path))?.isSymbolicLink() === true;
}

async function exists(path: string): Promise<boolean> {
  return (await statOf(path)) !== undefined;
}

/** Of the name itself; undefined when there is nothing of that name. */
async function statOf(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw cannotLook(path, error);
  }
}

async function isDirectory(path: string, look: typeof stat | typeof lstat): Promise<boolean> {
  try {
    return (await look(path)).isDirectory();
  } catch (error) {
    if (isAbsent(error)) return false;
    throw cannotLook(path, error);
  }
}

async function directoriesIn(root: string): Promise<ServerId[]> {
  try {
    const entries = await readdir(root, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory() && isUuid(entry.name)).map((entry) => entry.name as ServerId);
  } catch (error) {
    if (isAbsent(error)) return [];
    throw cannotLook(root, error);
  }
}

function isAbsent(error: unknown): boolean {
  const errno = errnoOf(error);
  return errno === 'ENOENT' || errno === 'ENOTDIR';
}

function cannotLook(path: string, error: unknown): Failure {
  const errno = errnoOf(error);
  return new Failure('internal', `Cannot look up servers: ${path} cannot be read (${errno ?? String(error)})`, {
    cause: error,
    facts: { path, errno },
    hint: 'Check the permissions of that directory and the health of its disk.',
    retry: true,
  });
}
