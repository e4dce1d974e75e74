/**
 * Writing below held directory handles (`handles.ts` reads). Each call takes an open directory and a single name, so no
 * link is followed: rename, unlink, rmdir and mkdir act on the name, and metadata is set through a descriptor opened
 * without following links.
 *
 * Calls are synchronous, a few microseconds each; long loops yield through `SliceTimer`.
 */
import fs from 'node:fs';
import { Failure, errnoOf } from '../failure.ts';
import { childPath, handlePath, openDirectory, statChild } from './handles.ts';
import { printable } from './paths.ts';

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_WRONLY } = fs.constants;

// Opens a directory without read permission, so that its mode can be repaired. Missing from Node's constants; the value
// is the same on every Linux that Node supports.
const O_PATH = 0o10000000;

/** @throws EEXIST when the name is taken. The mode is set exactly, whatever the umask. */
export function makeDirectory(parent: number, name: string, mode: number): void {
  fs.mkdirSync(childPath(parent, requireName(name)), 0o700);
  if (mode !== 0o700) changeDirectoryMode(parent, name, mode);
}

/** Creates the missing directories of a path below an open one, with mode 0700. '' creates none. */
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

/** Moves a name, replacing a file, link or empty directory of the new name. */
export function renameChild(from: number, name: string, to: number, newName: string): void {
  fs.renameSync(childPath(from, requireName(name)), childPath(to, requireName(newName)));
}

/** Removes a file or a link. @throws EISDIR or EPERM when it is a directory. */
export function unlinkChild(parent: number, name: string): void {
  fs.unlinkSync(childPath(parent, requireName(name)));
}

/** As `unlinkChild`, in a thread of Node's pool, so that a slow disk does not block the event loop. */
export function unlinkChildAside(parent: number, name: string): Promise<void> {
  return fs.promises.unlink(childPath(parent, requireName(name)));
}

/** @throws ENOTEMPTY when the directory is not empty. */
export function removeEmptyDirectory(parent: number, name: string): void {
  fs.rmdirSync(childPath(parent, requireName(name)));
}

/**
 * Creates a new file and opens it for writing.
 *
 * @throws EEXIST when the name is taken, also by a link.
 */
export function createFile(parent: number, name: string, mode: number): number {
  return fs.openSync(childPath(parent, requireName(name)), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
}

/** Writes all bytes at a position, or after the previous write (null). Throws on a full disk. */
export function writeAll(file: number, bytes: Uint8Array, position: number | null = null): void {
  // A full disk first gives a short write; the next call then throws.
  for (let at = 0; at < bytes.length;) {
    at += fs.writeSync(file, bytes, at, bytes.length - at, position === null ? null : position + at);
  }
}

/** Sets the mode of a directory by name, even without read permission. Never follows a link. */
export function changeDirectoryMode(parent: number, name: string, mode: number): void {
  const handle = fs.openSync(childPath(parent, requireName(name)), O_PATH | O_DIRECTORY | O_NOFOLLOW);
  try {
    fs.chmodSync(handlePath(handle), mode);
  } finally {
    fs.closeSync(handle);
  }
}

/** Metadata of a directory. */
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

/** Owner first, because chown may clear mode bits; time last, because both change it. */
export function applyMetadata(directory: number, metadata: DirectoryMetadata): void {
  const now = fs.fstatSync(directory);
  if (now.uid !== metadata.uid || now.gid !== metadata.gid) fs.fchownSync(directory, metadata.uid, metadata.gid);
  if ((fs.fstatSync(directory).mode & 0o7777) !== metadata.mode) fs.fchmodSync(directory, metadata.mode);
  // As text: Node replaces a negative number (before 1970) by the current time.
  const time = String(metadata.mtime);
  fs.futimesSync(directory, time, time);
}

/**
 * Seconds as a double, the only form in which Node sets times; its precision today is 0.24 microseconds. Aims at the
 * middle of the microsecond, so that rounding cannot give the one before.
 */
function secondsOf(nanoseconds: bigint): number {
  const seconds = Number(nanoseconds / 1_000_000_000n);
  const rest = Number(nanoseconds % 1_000_000_000n);
  return rest === 0 ? seconds : seconds + Math.floor(rest / 1000) / 1e6 + 0.4e-6;
}

/** Flushes a file, or the names of a directory. */
export function syncHandle(handle: number): Promise<void> {
  return new Promise((resolve, reject) => {
    fs.fsync(handle, (error) => (error === null ? resolve() : reject(error)));
  });
}

/** True when a name vanished or was replaced by a link or another kind of entry. */
export function hasChangedMeanwhile(error: unknown): boolean {
  const errno = errnoOf(error);
  return errno === 'ENOENT' || errno === 'ELOOP' || errno === 'ENOTDIR';
}

/** What `look` gives; undefined when a name on the way is no longer what it was. @throws any other error. */
export function unlessChanged<Result>(look: () => Result): Result | undefined {
  try {
    return look();
  } catch (error) {
    if (hasChangedMeanwhile(error)) return undefined;
    throw error;
  }
}

/** Refuses paths: only `DirectoryChain` resolves those. */
function requireName(name: string): string {
  if (name !== '' && name !== '.' && name !== '..' && !name.includes('/') && !name.includes('\0')) return name;
  throw new Failure('internal', `Cannot use "${printable(name)}" as a name in a directory: it is none`);
}

/** Lets long loops of synchronous calls yield to other work. */
export class SliceTimer {
  #since = performance.now();

  /** Await in each round: returns at once, or yields when SLICE_MS have passed. */
  async giveWay(): Promise<void> {
    if (performance.now() - this.#since < SLICE_MS) return;
    await new Promise((resolve) => setImmediate(resolve));
    this.#since = performance.now();
  }
}

const SLICE_MS = 8;
