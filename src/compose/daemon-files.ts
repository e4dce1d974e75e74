/** What a command that root ran has made for the daemon belongs to the daemon's user afterwards, as if that had made it. */
import fs from 'node:fs';
import { openDirectory, openForReading, openRoot, readDirectory } from '../base/files/handles.ts';
import { attempt } from '../base/failure.ts';
import type { Config } from '../config/types.ts';
import { localDirectories } from './stores.ts';

/** A store has its objects in a directory of each server; a vault's packs lie no deeper. */
const DEEPEST = 2;

/**
 * Gives what belongs to root in the state directory, and in local stores, to the owner of the state directory. Does nothing
 * for another user than root, nor where the daemon is root's. What has further names stays as it is: adopted archives may be
 * another program's, and a file with a name elsewhere may be root's for a reason.
 */
export function giveToDaemon({ stateDirectory, storage }: Pick<Config, 'stateDirectory' | 'storage'>): void {
  if (process.geteuid?.() !== 0) return;
  const { uid, gid } = fs.statSync(stateDirectory);
  if (uid === 0) return;
  for (const directory of [stateDirectory, ...localDirectories(storage)]) {
    const root = attempt(() => openRoot(directory));
    if (root === undefined) continue;
    try {
      give(root, { uid, gid }, DEEPEST);
    } finally {
      fs.closeSync(root);
    }
  }
}

/** By open descriptors: the daemon's user may rename and link here at any time. */
function give(directory: number, owner: { readonly uid: number; readonly gid: number }, depth: number): void {
  giveOne(directory, owner);
  if (depth === 0) return;
  for (const { name, directory: isDirectory } of readDirectory(directory)) {
    const handle = attempt(() => (isDirectory ? openDirectory(directory, name) : openForReading(directory, name)));
    if (handle === undefined) continue;
    try {
      if (isDirectory) give(handle, owner, depth - 1);
      else giveOne(handle, owner);
    } finally {
      fs.closeSync(handle);
    }
  }
}

/** A file system without owners refuses it, which changes nothing: there the daemon's user has all of it already. */
function giveOne(handle: number, { uid, gid }: { readonly uid: number; readonly gid: number }): void {
  const found = fs.fstatSync(handle);
  if (found.uid !== 0 || !(found.isDirectory() || (found.isFile() && found.nlink === 1))) return;
  attempt(() => fs.fchownSync(handle, uid, gid));
}
