/** Lists the objects in a local store's directory, and removes what crashes left. */
import type { Dirent } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../../base/failure.ts';
import { keyParts, type ObjectKey, parseKey } from '../key.ts';
import { removeIfThere, type StoreFiles } from './files.ts';
import { isServerName, partialKey } from './layout.ts';
import type { StoredObject } from '../store.ts';

const LOOKS_AT_ONCE = 32;

/** In key order, holding one server's directory in memory at a time. */
export async function* listObjects(directory: string, prefix: string): AsyncGenerator<StoredObject, void> {
  for (const server of await serversIn(directory)) {
    // Do not even read a server that cannot match.
    if (!`${server}/`.startsWith(prefix.slice(0, server.length + 1))) continue;
    const names = await filesIn(join(directory, server));
    const keys = names
      .map((name) => `${server}/${name}`)
      .filter((key) => key.startsWith(prefix) && keyParts(key) !== undefined);
    for (let at = 0; at < keys.length; at += LOOKS_AT_ONCE) {
      const some = keys.slice(at, at + LOOKS_AT_ONCE);
      const sizes = await Promise.all(some.map((key) => sizeOf(join(directory, key))));
      for (const [index, key] of some.entries()) {
        const size = sizes[index];
        if (size !== undefined) yield { key: parseKey(key), size };
      }
    }
  }
}

/**
 * Removes the partial files that are this node's; returns their paths. Another node may be writing into the same directory,
 * so a file of another node is never removed, however old.
 *
 * @param isOwn of a partial file's path and of the key of its object.
 */
export async function sweepPartials(
  directory: string,
  files: StoreFiles,
  isOwn: (path: string, key: ObjectKey) => boolean,
): Promise<readonly string[]> {
  const swept: string[] = [];
  for (const server of await serversIn(directory)) {
    const leftovers: string[] = [];
    for (const name of await filesIn(join(directory, server))) {
      const key = partialKey(server, name);
      const path = join(directory, server, name);
      if (key !== undefined && isOwn(path, key)) leftovers.push(path);
    }
    for (const path of leftovers) await removeIfThere(files, path);
    if (leftovers.length > 0) await files.syncDirectory(join(directory, server));
    swept.push(...leftovers);
  }
  return swept;
}

async function serversIn(directory: string): Promise<string[]> {
  return (await readdir(directory, { withFileTypes: true }))
    .filter((entry) => entry.isDirectory() && isServerName(entry.name))
    .map((entry) => entry.name)
    .sort();
}

async function filesIn(directory: string): Promise<string[]> {
  return (await entriesOf(directory))
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name)
    .sort();
}

/** A server's directory disappears with its last object, maybe just now. */
async function entriesOf(directory: string): Promise<Dirent[]> {
  try {
    return await readdir(directory, { withFileTypes: true });
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw error;
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await lstat(path)).size;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
