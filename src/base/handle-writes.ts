/**
 * Changes below held directory handles: what `handles.ts` is for reading. Every call takes one open directory and one
 * name in it, so nothing is ever followed: rename, unlink, rmdir and mkdir act on the name itself, and metadata is set
 * through a descriptor of the thing that was opened without following a link.
 *
 * Calls are synchronous, each a few microseconds; loops over many entries give way in between (`SliceTimer`).
 */
import fs from 'node:fs';
import { Failure, errnoOf } from './failure.ts';
import { childPath, handlePath, openDirectory, statChild } from './handles.ts';
import { printable } from './paths.ts';

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_WRONLY } = fs.constants;

// Names a directory without needing the right to read it, so that its mode can be mended. Not among Node's constants;
// the value is the same on every Linux that Node runs on.
const O_PATH = 0o10000000;

/** @throws EEXIST when the name is taken. The mode is exact, whatever the umask says. */
export function makeDirectory(parent: number, name: string, mode: number): void {
  fs.mkdirSync(childPath(parent, requireName(name)), 0o700);
  if (mode !== 0o700) changeDirectoryMode(parent, name, mode);
}

/** Makes the directories of a path below an open one (0700), as far as they are missing. '' makes none. */
export function makeDirectories(root: number, path: string): void {
  const opened: number[] = [];
  try {
    for (const name of path === '' ? [] : path.split('/')) {
      const parent = opened.at(-1) ?? root;
      if (statChild(parent, name) === undefined) makeDirectory(parent, name, 0o700);
      opened.push(openDirectory(parent, name));
    }
  } finally {
    for (const handle of opened) fs.closeSync(handle);
  }
}

/** Moves a name; a file, a link or an empty directory that has the new name is replaced. */
export function renameChild(from: number, name: string, to: number, newName: string): void {
  fs.renameSync(childPath(from, requireName(name)), childPath(to, requireName(newName)));
}

/** Removes a file or a link. @throws EISDIR or EPERM when it is a directory. */
export function unlinkChild(parent: number, name: string): void {
  fs.unlinkSync(childPath(parent, requireName(name)));
}

/** The same, while the disk takes its time: the call waits in a thread of Node's, and the event loop goes on. */
export function unlinkChildAside(parent: number, name: string): Promise<void> {
  return fs.promises.unlink(childPath(parent, requireName(name)));
}

/** @throws ENOTEMPTY when something is in it. */
export function removeEmptyDirectory(parent: number, name: string): void {
  fs.rmdirSync(childPath(parent, requireName(name)));
}

/**
 * Makes a file that did not exist and opens it for writing.
 *
 * @throws EEXIST when the name is taken, by a link too.
 */
export function createFile(parent: number, name: string, mode: number): number {
  return fs.openSync(childPath(parent, requireName(name)), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
}

/** Writes all of the bytes from a position on, or where the last write ended (null); a full disk throws, never shortens. */
export function writeAll(file: number, bytes: Uint8Array, position: number | null = null): void {
  // A short write is no error: the disk filled up in the middle, and the next call says so.
  for (let at = 0; at < bytes.length;) {
    at += fs.writeSync(file, bytes, at, bytes.length - at, position === null ? null : position + at);
  }
}

/** Sets the permission bits of a directory by its name, also when they forbid to read it. Never follows a link. */
export function changeDirectoryMode(parent: number, name: string, mode: number): void {
  const handle = fs.openSync(childPath(parent, requireName(name)), O_PATH | O_DIRECTORY | O_NOFOLLOW);
  try {
    fs.chmodSync(handlePath(handle), mode);
  } finally {
    fs.closeSync(handle);
  }
}

/** What a directory has besides its entries. */
export interface DirectoryMetadata {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since the Unix epoch, with fractions. */
  readonly mtime: number;
}

export function readMetadata(directory: number): DirectoryMetadata {
  const stat = fs.fstatSync(directory, { bigint: true });
  return {
    mode: Number(stat.mode & 0o7777n),
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    mtime: secondsOf(stat.mtimeNs),
  };
}

/** Sets owner, then mode (a change of owner may clear bits), then time (which each of them could move). */
export function applyMetadata(directory: number, metadata: DirectoryMetadata): void {
  const now = fs.fstatSync(directory);
  if (now.uid !== metadata.uid || now.gid !== metadata.gid) fs.fchownSync(directory, metadata.uid, metadata.gid);
  if ((fs.fstatSync(directory).mode & 0o7777) !== metadata.mode) fs.fchmodSync(directory, metadata.mode);
  // As text: Node takes a negative number, a time before 1970, for the present.
  const time = String(metadata.mtime);
  fs.futimesSync(directory, time, time);
}

/**
 * A time in the only form that Node sets times in: seconds as a double, which today is 0.24 microseconds fine. Aiming
 * at the middle of the microsecond keeps rounding from showing the one before.
 */
function secondsOf(nanoseconds: bigint): number {
  const seconds = Number(nanoseconds / 1_000_000_000n);
  const rest = Number(nanoseconds % 1_000_000_000n);
  return rest === 0 ? seconds : seconds + Math.floor(rest / 1000) / 1e6 + 0.4e-6;
}

/** Flushes what the descriptor stands for; for a directory its names. */
export function syncHandle(handle: number): Promise<void> {
  return new Promise((resolve, reject) => {
    fs.fsync(handle, (error) => (error === null ? resolve() : reject(error)));
  });
}

/** True when a name is no longer what it was a moment ago: gone, or swapped for a link or another kind of thing. */
export function hasChangedMeanwhile(error: unknown): boolean {
  const errno = errnoOf(error);
  return errno === 'ENOENT' || errno === 'ELOOP' || errno === 'ENOTDIR';
}

/** A single name: anything else would be a path, and paths are resolved by nobody but `DirectoryChain`. */
function requireName(name: string): string {
  if (name !== '' && name !== '.' && name !== '..' && !name.includes('/') && !name.includes('\0')) return name;
  throw new Failure('internal', `Cannot use "${printable(name)}" as a name in a directory: it is none`);
}

/** Long loops of synchronous calls hold up everything else in the process; this says when to let others go first. */
export class SliceTimer {
  #since = performance.now();

  /** Awaited in each round: returns at once, but every few milliseconds after others had their turn. */
  async giveWay(): Promise<void> {
    if (performance.now() - this.#since < SLICE_MS) return;
    await new Promise((resolve) => setImmediate(resolve));
    this.#since = performance.now();
  }
}

const SLICE_MS = 8;
