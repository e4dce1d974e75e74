/**
 * Finds out whether the file system would let a name move, without moving it: an immutable file, a read-only snapshot, a
 * directory of the lower layer of an overlay. Known before the server is stopped, most of these cost nothing.
 *
 * How: a rename onto a directory that is not empty. The kernel and the file system refuse a name that cannot move with
 * its own reason, and every other one because of the target (ENOTEMPTY, EEXIST or EISDIR).
 */
import fs from 'node:fs';
import { errnoOf, Failure } from '../../base/failure.ts';
import { makeDirectory, renameChild } from '../../base/files/handle-writes.ts';
import { handlePath, openDirectory, statChild } from '../../base/files/handles.ts';
import { printable, wirePath } from '../../base/files/paths.ts';

/** The name of the target in a stage. */
export const PROBE = 'probe';

/** What the target answers for, or a name that has just gone. */
const MOVABLE = new Set(['ENOTEMPTY', 'EEXIST', 'EISDIR', 'ENOTDIR', 'ENOENT']);
/** FUSE: programs answer there, and one that merges directories in a rename would move what is only asked about. */
const FUSE_SUPER_MAGIC = 0x65735546;

export class MoveProbe {
  readonly #stage: number;
  readonly #asks: boolean;

  /** @param stage an open directory that only this user reaches. */
  constructor(stage: number) {
    this.#stage = stage;
    this.#asks = fs.statfsSync(handlePath(stage)).type !== FUSE_SUPER_MAGIC;
    if (this.#asks && statChild(stage, PROBE) === undefined) makeTarget(stage);
  }

  /** Why a name cannot leave its directory, as an errno; undefined when it can. */
  outOf(parent: number, name: string): string | undefined {
    if (!this.#asks) return undefined;
    try {
      renameChild(parent, name, this.#stage, PROBE);
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === undefined) throw error;
      // Without root, a mode that forbids it is changed for the rename.
      if (MOVABLE.has(errno) || (errno === 'EACCES' && process.geteuid?.() !== 0)) return undefined;
      return errno;
    }
    throw new Failure('internal', `Cannot plan the swap: ${printable(name)} moved although its target is not empty`, {
      hint: 'It lies in "probe" of the stage now: move it back. The file system of this server breaks rename(2).',
    });
  }

  /** Why nothing of the stage can come into a directory, as an errno; undefined when it can, if only as a copy. */
  into(directory: number): string | undefined {
    try {
      fs.accessSync(handlePath(directory), fs.constants.W_OK);
      return undefined;
    } catch (error) {
      const errno = errnoOf(error);
      return errno === 'EROFS' || errno === 'EPERM' ? errno : undefined;
    }
  }
}

function makeTarget(stage: number): void {
  makeDirectory(stage, PROBE, 0o700);
  const target = openDirectory(stage, PROBE);
  try {
    makeDirectory(target, 'full', 0o700);
  } finally {
    fs.closeSync(target);
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EPERM: 'it is immutable or append-only, or lies in such a directory',
  EROFS: 'it lies on a read-only file system or snapshot',
  EXDEV: 'it lies on another file system, subvolume or layer',
  EBUSY: 'it is in use as a mount point',
};

/** In words, with the errno. */
export function refusalText(errno: string): string {
  return `${REASONS[errno] ?? 'the file system refuses it'} (${errno})`;
}

/** @param path a byte string. */
export function moveRefused(path: string, errno: string): Failure {
  return new Failure('internal', `Cannot restore ${printable(path)}: ${refusalText(errno)}`, {
    facts: { path: wirePath(path), errno },
    hint: 'Nothing was changed. See "lsattr -d" of it and of its directory, and "findmnt -T"; "chattr -i -a" lets it go.',
  });
}
