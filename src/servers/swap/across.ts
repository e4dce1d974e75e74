/**
 * A move between two open directories that rename(2) refuses with EXDEV: between subvolumes, quota projects or file
 * systems in one server. At every instant either the old place has the whole entry or the new one has, so the table in
 * swap.ts holds once the interim names below are settled. They begin as a stage's, which backups skip.
 *
 * Out of the live tree:
 *
 * | killed after                                        | found                       | the next run                    |
 * |-----------------------------------------------------|-----------------------------|---------------------------------|
 * | the live name became an interim one (rename)        | the interim name            | copies it                       |
 * | some of the copy in the stage                       | a half copy besides         | removes it, copies again        |
 * | the copy got its name (flushed, rename)             | the copy, the interim name  | removes the interim name        |
 *
 * Into the live tree:
 *
 * | killed after                                        | found                       | the next run                    |
 * |-----------------------------------------------------|-----------------------------|---------------------------------|
 * | some or all of the copy beside its place            | the name in the stage       | removes the copy, copies again  |
 * | the name in the stage went to `extra` (rename)      | the copy beside its place   | gives it its name               |
 * | the copy got its name (rename)                      | the copy                    | nothing is left to do           |
 *
 * A removal that is cut short thus never leaves half an entry under a name of the server or the stage.
 */
import { createHash } from 'node:crypto';
import { renameChild, syncHandle } from '../../base/files/handle-writes.ts';
import { removeTree } from '../../base/files/remove-tree.ts';
import { copyTree, type Place } from './copy-tree.ts';

/** Where something with an interim name goes to, or comes from. */
export type Way = 'to-incoming' | 'to-outgoing' | 'to-extra' | 'from-incoming' | 'from-outgoing';

/** @param path in the live tree, a byte string. */
export function interimName(way: Way, path: string): string {
  return `.roost-stage-${way}-${digits(path)}`;
}

/** Makes a copy appear under a free name of the stage, whole and durable. */
export async function appear(from: Place, to: Place): Promise<void> {
  const half = `.roost-stage-copy-${digits(to.name)}`;
  await copyBeside(from, { directory: to.directory, name: half });
  renameChild(to.directory, half, to.directory, to.name);
  await syncHandle(to.directory);
}

/** Copies, durably, in place of what an earlier run left under that name. */
export async function copyBeside(from: Place, to: Place): Promise<void> {
  await removeTree(to.directory, to.name);
  await copyTree(from, to);
  await syncHandle(to.directory);
}

/** Gives a name another one in its directory, durably. */
export async function renameBeside({ directory, name }: Place, newName: string): Promise<void> {
  renameChild(directory, name, directory, newName);
  await syncHandle(directory);
}

function digits(text: string): string {
  return createHash('sha256').update(text, 'latin1').digest('hex').slice(0, 16);
}
