/**
 * Held directory handles: the only way Roost reads or writes inside a server's directory. Each name is resolved against
 * its parent's open descriptor (`/proc/self/fd/N/name`, or the bare name when the thread's working directory is there),
 * and links are never followed. Swapping a path component for a symlink during the work therefore has no effect.
 *
 * Names and paths are byte strings (`paths.ts`). Calls are synchronous: they run in worker threads, or on few entries.
 * Linux only, because of /proc.
 */
import fs from 'node:fs';
import { errnoOf } from '../failure.ts';
import { bytesOf, isAscii } from './paths.ts';
import { enterDirectory, openedDirectory } from './thread-cwd.ts';

const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = fs.constants;

/** Deeper directories are refused: their paths are longer than the system calls and other programs take. */
export const MAX_DEPTH = 1024;

/** The path of a name below an open directory, for one system call only; never store it. */
export function childPath(directory: number, name: string): string | Buffer {
  const path = `/proc/self/fd/${directory}/${name}`;
  return isAscii(name) ? path : bytesOf(path);
}

/** As `childPath`, but valid only until this thread's next call; a relative path where that is cheaper. */
export function nearPath(directory: number, name: string): string | Buffer {
  if (!enterDirectory(directory)) return childPath(directory, name);
  return isAscii(name) ? name : bytesOf(name);
}

/** The path of an open directory, for readdir and metadata calls. */
export function handlePath(directory: number): string {
  return `/proc/self/fd/${directory}`;
}

/**
 * Opens a directory named by the operator (a server's root, a backup directory). Follows links, which are the
 * operator's own.
 *
 * @throws the system error when it is missing or not a directory.
 */
export function openRoot(path: string): number {
  return openedDirectory(fs.openSync(path, O_RDONLY | O_DIRECTORY));
}

/**
 * Opens a directory below a held one.
 *
 * @throws ELOOP or ENOTDIR for a link or another kind of entry, ENOENT when it is gone.
 */
export function openDirectory(parent: number, name: string): number {
  return openedDirectory(fs.openSync(nearPath(parent, name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
}

/**
 * Opens a file below a held directory for reading, without blocking on a FIFO. The caller must check with fstat that it
 * is a regular file.
 */
export function openForReading(parent: number, name: string): number {
  return fs.openSync(nearPath(parent, name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
}

/** A name in a directory, as a byte string. */
export interface DirectoryItem {
  readonly name: string;
  readonly directory: boolean;
}

/** The names in a directory, in the order of the file system. */
export function readDirectory(directory: number): DirectoryItem[] {
  return mapDirectory(directory, (name, isDirectory) => ({ name, directory: isDirectory }));
}

/** Directories up to this size are read in one call: some thousands of names, or 65,536 where it counts them (ZFS). */
const AT_ONCE = 64 * 1024;

/** Maps each name of a directory, holding few names at a time: hostile directories may hold millions. */
export function mapDirectory<T>(directory: number, map: (name: string, isDirectory: boolean) => T): T[] {
  const path = handlePath(directory);
  try {
    // opendir takes twice as long: Node builds the promise methods of every fs.Dir (util.promisify) when it opens one.
    if (fs.fstatSync(directory).size <= AT_ONCE) {
      const items = fs.readdirSync(path, { encoding: 'latin1', withFileTypes: true });
      return items.map((item) => map(item.name, item.isDirectory()));
    }
    return mapStream(fs.opendirSync(path, { encoding: 'latin1', bufferSize: 256 }), map);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    // On file systems without types in directory entries, Node stats each name and fails on names that are not UTF-8 or
    // are gone. Reading names alone always works.
    return fs
      .readdirSync(path, { encoding: 'latin1' })
      .map((name) => map(name, statChild(directory, name)?.isDirectory() ?? false));
  }
}

function mapStream<T>(stream: fs.Dir, map: (name: string, isDirectory: boolean) => T): T[] {
  const mapped: T[] = [];
  try {
    for (let item = stream.readSync(); item !== null; item = stream.readSync()) {
      mapped.push(map(item.name, item.isDirectory()));
    }
    return mapped;
  } finally {
    stream.closeSync();
  }
}

/** Metadata of the name itself, never of a link's target; undefined when it is gone. */
export function statChild(directory: number, name: string): fs.Stats | undefined {
  return fs.lstatSync(nearPath(directory, name), { throwIfNoEntry: false });
}

/** As `statChild`, of many names in one directory. */
export function statChildren(directory: number, names: readonly string[]): (fs.Stats | undefined)[] {
  // Entered once: each entering is a system call.
  if (!enterDirectory(directory)) return names.map((name) => statChild(directory, name));
  return names.map((name) => fs.lstatSync(isAscii(name) ? name : bytesOf(name), { throwIfNoEntry: false }));
}

/** Levels of a path that a chain holds open; those above are opened again when they are needed. */
const HELD_LEVELS = 16;

/**
 * The open directories on the way from a held root to the directory last asked for. Asking in path order costs about one
 * open per directory, because neighbours share most of their path. Of a deep path only the last levels are held: a
 * descriptor for each of a thousand levels, in each thread, would be more than a process may have.
 */
export class DirectoryChain {
  readonly #root: number;
  readonly #most: number;
  /** The levels that were opened, and the handles of the deepest of them. */
  readonly #names: string[] = [];
  readonly #handles: number[] = [];
  /** The path of the handles; undefined while they change, which may fail. */
  #path: string | undefined;

  /**
   * @param root an open directory that the caller closes.
   * @param most handles at a time.
   */
  constructor(root: number, most = HELD_LEVELS) {
    this.#root = root;
    this.#most = most;
  }

  /**
   * The descriptor of a directory below the root; valid until the next call.
   *
   * @param path a byte string; '' is the root.
   * @param obtain called with the system error and the component's index (0 for the first) when it cannot be opened:
   *   creates it or throws. The component is then opened again.
   * @throws ELOOP, ENOTDIR or ENOENT when a component is a link, not a directory, or gone.
   */
  open(path: string, obtain?: (parent: number, name: string, depth: number, error: unknown) => void): number {
    // Consecutive files mostly share a directory.
    if (path === this.#path) return this.#handles.at(-1) ?? this.#root;
    const names = path === '' ? [] : path.split('/');
    let shared = 0;
    while (shared < names.length && shared < this.#names.length && names[shared] === this.#names[shared]) shared++;
    this.#cut(shared);
    // With no handle left the way begins at the root, over levels that were open before.
    if (this.#handles.length === 0) this.#names.length = 0;
    for (const name of names.slice(this.#names.length)) {
      const parent = this.#handles.at(-1) ?? this.#root;
      const depth = this.#names.length;
      this.#handles.push(
        obtain === undefined ? openDirectory(parent, name) : openOrObtain(parent, name, depth, obtain),
      );
      this.#names.push(name);
      if (this.#handles.length > this.#most) closeAll(this.#handles.splice(0, 1));
    }
    this.#path = path;
    return this.#handles.at(-1) ?? this.#root;
  }

  /** Closes all handles except the root. */
  close(): void {
    this.#cut(0);
  }

  /** Keeps the handles of the first levels, as far as they are held. */
  #cut(depth: number): void {
    this.#path = undefined;
    const surplus = Math.max(0, this.#names.length - depth);
    closeAll(this.#handles.splice(Math.max(0, this.#handles.length - surplus)));
    this.#names.length = Math.min(this.#names.length, depth);
  }
}

function openOrObtain(
  parent: number,
  name: string,
  depth: number,
  obtain: (parent: number, name: string, depth: number, error: unknown) => void,
): number {
  try {
    return openDirectory(parent, name);
  } catch (error) {
    obtain(parent, name, depth, error);
    return openDirectory(parent, name);
  }
}

function closeAll(handles: readonly number[]): void {
  for (const handle of handles) fs.closeSync(handle);
}

/** Flushes a directory's entries, which makes a rename or a new name durable. */
export function syncDirectory(path: string): void {
  const handle = openRoot(path);
  try {
    fs.fsyncSync(handle);
  } finally {
    fs.closeSync(handle);
  }
}
