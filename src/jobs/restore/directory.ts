/**
 * The directory of a server of which only backups are left: a restore makes it. It is made private, and gets owner and mode
 * when the tree is unpacked, so that the game can use it as it used the old one; without a restore it goes again.
 */
import fs from 'node:fs';
import { basename, dirname } from 'node:path';
import { errnoOf, Failure } from '../../base/failure.ts';
import { makeDirectory } from '../../base/files/handle-writes.ts';
import { handlePath, openDirectory, openRoot, readDirectory, statChild } from '../../base/files/handles.ts';
import { fromText } from '../../base/files/paths.ts';
import type { GameServer, Registry, ServerPlace } from '../../servers/registry.ts';

const PRIVATE = 0o700;
/** Setuid, setgid and sticky of an archive's root are not taken over. */
const PERMISSIONS = 0o777;

/** Finds the directory of a server that has one, or that has backups. */
export async function placeOf(
  server: GameServer['id'],
  registry: Pick<Registry, 'get' | 'place'>,
  hasBackups: boolean,
): Promise<ServerPlace> {
  return hasBackups ? registry.place(server) : { server: await registry.get(server), present: true };
}

/**
 * Makes the missing directory, durably, with owner and mode of the directory that it lies in.
 *
 * @throws Failure `server_not_found` with the errno.
 */
export function makeServerDirectory({ path }: GameServer): void {
  try {
    const parent = openRoot(dirname(path));
    try {
      makeDirectory(parent, fromText(basename(path)), PRIVATE);
      ownLike(parent, fromText(basename(path)));
      fs.fsyncSync(parent);
    } finally {
      fs.closeSync(parent);
    }
  } catch (error) {
    const errno = errnoOf(error) ?? String(error);
    throw new Failure('server_not_found', `Cannot make the directory of the server (${errno})`, {
      cause: error,
      facts: { path, errno },
      hint: 'Make it by hand, and restore again.',
    });
  }
}

function ownLike(parent: number, name: string): void {
  if (process.geteuid?.() !== 0) return;
  const { uid, gid } = fs.fstatSync(parent);
  const handle = openDirectory(parent, name);
  try {
    fs.fchownSync(handle, uid, gid);
  } finally {
    fs.closeSync(handle);
  }
}

/** Removes the directory that a restore made and did not fill. Never rejects; what is not empty stays. */
export function removeServerDirectory({ path }: GameServer): void {
  try {
    fs.rmdirSync(path);
  } catch {
    // Something is in it: then it is in use.
  }
}

/**
 * Gives a new server directory the owner and mode of the tree that comes in.
 *
 * @param incoming the open unpacked tree. Its root has the archive's metadata if the archive holds any of it; otherwise
 *   the directory gets the owner that all of its entries have, and the mode that such directories have.
 */
export function takeOverMetadata(live: number, incoming: number): void {
  const root = fs.fstatSync(incoming);
  const isOfArchive = (root.mode & 0o7777) !== PRIVATE || root.uid !== process.geteuid?.();
  const owners = isOfArchive ? [root] : ownersIn(incoming);
  const [owner] = owners;
  if (owner !== undefined && process.geteuid?.() === 0) fs.chownSync(handlePath(live), owner.uid, owner.gid);
  fs.chmodSync(handlePath(live), isOfArchive ? (root.mode & PERMISSIONS) | PRIVATE : 0o755);
  fs.fsyncSync(live);
}

/** The one owner of all entries; empty when there are several. */
function ownersIn(incoming: number): { readonly uid: number; readonly gid: number }[] {
  const owners = new Map<string, fs.Stats>();
  for (const { name } of readDirectory(incoming)) {
    const stat = statChild(incoming, name);
    if (stat !== undefined) owners.set(`${stat.uid}:${stat.gid}`, stat);
    if (owners.size > 1) return [];
  }
  return [...owners.values()];
}
