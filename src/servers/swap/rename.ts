/**
 * One rename of a swap, even where modes forbid it: without root, a read-only directory (0555) cannot be moved, and
 * nothing can be moved in or out of it. Its mode is changed and then restored; the plan's steps hold the mode, so after
 * a kill the next run restores it.
 */
import fs from 'node:fs';
import { Failure, asFailure, errnoOf } from '../../base/failure.ts';
import { changeDirectoryMode, renameChild, unlessChanged } from '../../base/files/handle-writes.ts';
import { statChild } from '../../base/files/handles.ts';
import { printable } from '../../base/files/paths.ts';

export interface Rename {
  readonly from: number;
  readonly name: string;
  readonly to: number;
  readonly newName: string;
  /** The mode of a directory that must be made writable to be moved, otherwise undefined. */
  readonly mode: number | undefined;
  /** The server's own directory, whose mode is never changed. */
  readonly live: number;
}

/** @throws the system error. */
export function renameWithMode(rename: Rename): void {
  const { from, name, to, newName, mode } = rename;
  if (mode !== undefined) changeModeIfDirectory(from, name, mode | 0o700);
  renameInto(rename);
  if (mode !== undefined) changeModeIfDirectory(to, newName, mode);
}

/** Another process may have replaced it in the live tree; then it moves unchanged. */
function changeModeIfDirectory(parent: number, name: string, mode: number): void {
  unlessChanged(() => changeDirectoryMode(parent, name, mode));
}

function renameInto({ from, name, to, newName, live }: Rename): void {
  withinWritable([from, to], live, () => renameChild(from, name, to, newName));
}

/**
 * Changes names in directories, which are made writable where that is refused without root. Their modes are restored by
 * their own steps.
 */
export function withinWritable(directories: readonly number[], live: number | undefined, change: () => void): void {
  try {
    change();
  } catch (error) {
    if (errnoOf(error) !== 'EACCES' || process.geteuid?.() === 0) throw error;
    for (const directory of directories.filter((handle) => handle !== live)) {
      fs.fchmodSync(directory, (fs.fstatSync(directory).mode & 0o7777) | 0o700);
    }
    change();
  }
}

/** The `mode` to pass for something that is not in the plan. */
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
