/**
 * Held directory handles: the only way Roost walks, reads or writes inside a server's directory. A name is always
 * resolved against the open descriptor of its parent (`/proc/self/fd/N/name`, which is openat(2) in Node, or the name
 * alone where the thread can stand in that directory), and a link is never followed, so that a path component swapped for
 * a symlink while we work leads nowhere.
 *
 * Names and paths are byte strings (`paths.ts`). All calls are synchronous: they run in worker threads, or on a few
 * entries. Linux only: other systems have no /proc.
 */
import fs from 'node:fs';
import { errnoOf } from './failure.ts';
import { bytesOf, isAscii } from './paths.ts';
import { enterDirectory } from './thread-cwd.ts';

const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = fs.constants;

/** Open directories deeper than this are refused: each level holds a descriptor. */
export const MAX_DEPTH = 1024;

/** The path of a name below an open directory, for one system call; never store it. */
export function childPath(directory: number, name: string): string | Buffer {
  const path = `/proc/self/fd/${directory}/${name}`;
  return isAscii(name) ? path : bytesOf(path);
}

/** The same for a call that is made at once, by this very thread. */
function nearPath(directory: number, name: string): string | Buffer {
  if (!enterDirectory(directory)) return childPath(directory, name);
  return isAscii(name) ? name : bytesOf(name);
}

/** The path of an open directory itself, for readdir and metadata calls. */
export function handlePath(directory: number): string {
  return `/proc/self/fd/${directory}`;
}

/**
 * Opens a directory that the operator named (a server's root, the backup directory). Links on the way are the
 * operator's own and are followed.
 *
 * @throws the system error when it is missing or no directory.
 */
export function openRoot(path: string): number {
  return fs.openSync(path, O_RDONLY | O_DIRECTORY);
}

/**
 * Opens a directory below a held one.
 *
 * @throws ELOOP or ENOTDIR when the name is a link or no directory, ENOENT when it is gone.
 */
export function openDirectory(parent: number, name: string): number {
  return fs.openSync(nearPath(parent, name), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

/**
 * Opens a file below a held directory for reading. Never blocks on a FIFO (O_NONBLOCK); the caller checks with fstat
 * that it is a regular file before it reads.
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

/** What is made of each name in a directory. Holds one name at a time besides: a stranger may make millions. */
export function mapDirectory<T>(directory: number, map: (name: string, isDirectory: boolean) => T): T[] {
  const path = handlePath(directory);
  try {
    return mapStream(fs.opendirSync(path, { encoding: 'latin1', bufferSize: 256 }), map);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    // Where a file system does not tell types, Node looks each name up itself, and fails on names that are no UTF-8
    // or are gone by then. Names alone always come.
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

/** Metadata of a name itself, never of what a link points to; undefined when it is gone. */
export function statChild(directory: number, name: string): fs.Stats | undefined {
  return fs.lstatSync(nearPath(directory, name), { throwIfNoEntry: false });
}

/**
 * The chain of open directories that leads from a held root to the directory last asked for. Neighbouring entries
 * share most of their path, so asking in path order costs about one open per directory.
 */
export class DirectoryChain {
  readonly #root: number;
  readonly #names: string[] = [];
  readonly #handles: number[] = [];
  /** The path that the handles lead to; undefined from the first change to the last, which may fail in between. */
  #path: string | undefined;

  /** @param root an open directory; it stays the caller's to close. */
  constructor(root: number) {
    this.#root = root;
  }

  /**
   * The descriptor of a directory below the root; valid until the next call.
   *
   * @param path a byte string; '' is the root.
   * @param obtain called when a component cannot be opened, with the system error and the component's number (0 for
   *   the first): it makes the directory, or throws. The component is then opened once more.
   * @throws ELOOP, ENOTDIR or ENOENT when a component is a link, no directory, or gone.
   */
  open(path: string, obtain?: (parent: number, name: string, depth: number, error: unknown) => void): number {
    // Files of one directory follow each other: most calls ask for the one before again.
    if (path === this.#path) return this.#handles.at(-1) ?? this.#root;
    const names = path === '' ? [] : path.split('/');
    let shared = 0;
    while (shared < names.length && shared < this.#names.length && names[shared] === this.#names[shared]) shared++;
    this.#cut(shared);
    for (const name of names.slice(shared)) {
      const parent = this.#handles.at(-1) ?? this.#root;
      this.#handles.push(obtain === undefined ? openDirectory(parent, name) : this.#openOrObtain(parent, name, obtain));
      this.#names.push(name);
    }
    this.#path = path;
    return this.#handles.at(-1) ?? this.#root;
  }

  #openOrObtain(
    parent: number,
    name: string,
    obtain: (parent: number, name: string, depth: number, error: unknown) => void,
  ): number {
    try {
      return openDirectory(parent, name);
    } catch (error) {
      obtain(parent, name, this.#names.length, error);
      return openDirectory(parent, name);
    }
  }

  /** Closes every handle but the root's. */
  close(): void {
    this.#cut(0);
  }

  #cut(depth: number): void {
    this.#path = undefined;
    this.#names.length = Math.min(this.#names.length, depth);
    for (const handle of this.#handles.splice(depth)) fs.closeSync(handle);
  }
}

/** Flushes a directory's entries to the disk: what makes a rename or a new name in it durable. */
export function syncDirectory(path: string): void {
  const handle = openRoot(path);
  try {
    fs.fsyncSync(handle);
  } finally {
    fs.closeSync(handle);
  }
}
