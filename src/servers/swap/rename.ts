/**
 * One rename of a swap, also where modes forbid it: a directory that its owner may not write (0555) cannot be moved, and
 * nothing can be moved in or out of it, by anyone but root. The mode is lifted and set again; the steps of the plan
 * carry it, so that a kill in between is mended by the next run.
 */
import fs from 'node:fs';
import { Failure, asFailure, errnoOf } from '../../base/failure.ts';
import { changeDirectoryMode, renameChild, unlessChanged } from '../../base/handle-writes.ts';
import { statChild } from '../../base/handles.ts';
import { printable } from '../../base/paths.ts';

export interface Rename {
  readonly from: number;
  readonly name: string;
  readonly to: number;
  readonly newName: string;
  /** Of a directory that must be made writable to be moved; undefined for all else. */
  readonly mode: number | undefined;
  /** The server's own directory: its mode is never touched. */
  readonly live: number;
}

/** @throws the system error. */
export function renameWithMode(rename: Rename): void {
  const { from, name, to, newName, mode } = rename;
  if (mode !== undefined) changeModeIfDirectory(from, name, mode | 0o700);
  renameInto(rename);
  if (mode !== undefined) changeModeIfDirectory(to, newName, mode);
}

/** In the live tree another process may have put something else in its place: that moves as it is. */
function changeModeIfDirectory(parent: number, name: string, mode: number): void {
  unlessChanged(() => changeDirectoryMode(parent, name, mode));
}

/** The modes of the directories around it are set again by their own step of the plan. */
function renameInto({ from, name, to, newName, live }: Rename): void {
  try {
    renameChild(from, name, to, newName);
  } catch (error) {
    if (errnoOf(error) !== 'EACCES' || process.geteuid?.() === 0) throw error;
    for (const directory of [from, to].filter((handle) => handle !== live)) {
      fs.fchmodSync(directory, (fs.fstatSync(directory).mode & 0o7777) | 0o700);
    }
    renameChild(from, name, to, newName);
  }
}

/** What to hand in as `mode` for something that no plan knows. */
export function lockedModeOf(parent: number, name: string): number | undefined {
  if (process.geteuid?.() === 0) return undefined;
  const stat = statChild(parent, name);
  return stat?.isDirectory() === true ? stat.mode & 0o7777 : undefined;
}

export function swapFailure(error: unknown, name: string): Failure {
  const errno = errnoOf(error);
  if (errno !== 'EBUSY' && errno !== 'EPERM' && errno !== 'EACCES') {
    return asFailure(error, `Cannot move ${printable(name)} in the server's directory`);
  }
  return new Failure(
    errno === 'EBUSY' ? 'server_busy' : 'internal',
    `Cannot move ${printable(name)} in the server's directory: it is refused (${errno})`,
    {
      cause: error,
      facts: { errno },
      hint: 'Look for a mount point there, an immutable file (lsattr), or missing rights of the user that Roost runs as.',
    },
  );
}
