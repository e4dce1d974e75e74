/**
 * The ordered walk over a live directory.
 *
 * For: backups and estimates. Promises: every entry once, in byte order of its tar name (a directory's ends in a slash),
 * a directory before its content; names resolve against their parent's open handle, so a component swapped for a link
 * leads nowhere; memory is one directory's names per level, and a path for each inode with several links. Never: reads
 * file content; stops for a file that vanished or cannot be read.
 */
import fs from 'node:fs';
import { childHasAttributes } from '../../base/files/extended-attributes.ts';
import { errnoOf } from '../../base/failure.ts';
import {
  MAX_DEPTH,
  childPath,
  mapDirectory,
  nearPath,
  openDirectory,
  openForReading,
  openRoot,
  statChild,
} from '../../base/files/handles.ts';
import { splitPath } from '../../base/files/paths.ts';
import type { Attribute, Warn } from '../entry.ts';
import type { DirectoryRules, IgnoreRules } from '../ignore/ignore.ts';
import { LostAttributes, readAttributes } from '../tar/read-attributes.ts';
import { isExhausted } from './exhausted.ts';
import { OutsideLinks } from './outside-links.ts';
import { wholeSeconds } from './times.ts';
import { type WalkedEntry, walkedEntry } from './walked-entry.ts';

export interface WalkRequest {
  readonly root: string;
  readonly ignore: IgnoreRules;
  /** Absolute paths that are passed over, wherever a walk meets them: compared by device and inode. */
  readonly exclude: readonly string[];
  readonly warn: Warn;
  /** Whether entries have their attributes, which are part of an archive and of its length. */
  readonly attributes?: boolean;
  /** Whether to warn of symlinks that lead outside. */
  readonly outsideLinks?: boolean;
  /** Throws to stop the walk; called for every name, ignored ones too. */
  readonly checkAbort: () => void;
  /** Called for each name that the rules drop, of a directory with all that is in it. */
  readonly onIgnored?: (path: string, directory: boolean, parent: number, name: string) => void;
  /** Called when a directory (the root as '') was listed, with the names in it, those of directories with a slash. */
  readonly onDirectory?: (entry: WalkedEntry, names: readonly string[]) => void;
}

interface Level {
  /** CLOSED while it is not among the deepest levels. */
  handle: number;
  readonly path: string;
  readonly dev: number;
  readonly ino: number;
  readonly rules: DirectoryRules;
  /** Names as they sort and as tar has them: with a slash behind directories. */
  readonly names: readonly string[];
  next: number;
  /** An ignored directory that may hold kept entries; it is yielded before the first of them. */
  pending: WalkedEntry | undefined;
}

/** Bytes that a path may have: with pax records tar has no limit, but readers and panels do. */
const MAX_PATH = 8192;

const CLOSED = -1;
/** Levels that are held open besides the root. */
const HELD_LEVELS = 16;

export class Walk {
  readonly #request: WalkRequest;
  /** What is excluded: rounded inode numbers for a quick check, and exact identities. */
  readonly #excluded: { readonly inodes: ReadonlySet<number>; readonly exact: ReadonlySet<string> };
  readonly #levels: Level[] = [];
  /** The first path of each inode with several links, by `dev:ino` (exact, as 64-bit numbers). */
  readonly #links = new Map<string, string>();
  /** Levels whose directory is still to be yielded. */
  #pendingCount = 0;
  readonly #lost = new LostAttributes();
  readonly #outside: OutsideLinks | undefined;

  constructor(request: WalkRequest) {
    this.#request = request;
    this.#outside = request.outsideLinks === true ? new OutsideLinks(request.root, request.warn) : undefined;
    this.#excluded = identitiesOf(request.exclude);
  }

  /**
   * Walks. Ending the iteration early closes all handles.
   *
   * @throws the system error when the root itself cannot be opened; what `checkAbort` throws.
   */
  *entries(): Generator<WalkedEntry, void, void> {
    try {
      const root = openRoot(this.#request.root);
      const entry = walkedEntry('', 'directory', fs.fstatSync(root));
      this.#descend(root, entry, this.#request.ignore.root());
      for (let level = this.#levels.at(-1); level !== undefined; level = this.#levels.at(-1)) {
        const name = level.names[level.next++];
        if (name === undefined) {
          this.#ascend();
          continue;
        }
        if (level.handle === CLOSED && !this.#reopen()) continue;
        const entry = this.#visit(level, name);
        if (entry === undefined) continue;
        if (this.#pendingCount > 0) yield* this.#pendingParents();
        yield entry;
      }
      for (const { path, code, message } of this.#lost.warnings('kept')) this.#request.warn(path, code, message);
      this.#outside?.finish();
    } finally {
      while (this.#levels.length > 0) this.#ascend();
    }
  }

  /** Looks at a name, and goes down when it is a directory. Undefined when it is not, or not yet, to be archived. */
  #visit(level: Level, listed: string): WalkedEntry | undefined {
    this.#request.checkAbort();
    const wasDirectory = listed.endsWith('/');
    const name = wasDirectory ? listed.slice(0, -1) : listed;
    const path = level.path === '' ? name : `${level.path}/${name}`;
    const stat = this.#stat(level, name, path, wasDirectory);
    if (stat === undefined) return undefined;
    const directory = stat.isDirectory();
    const verdict = level.rules.child(name, directory);
    if (verdict.ignored && (!directory || verdict.prune)) {
      this.#request.onIgnored?.(path, directory, level.handle, name);
      return undefined;
    }
    if (directory !== wasDirectory) {
      // It belongs elsewhere in the order, and lookups in an index need its entries in order.
      this.#request.warn(path, 'file_changed', 'It was replaced by something else while the backup ran; not archived');
      return undefined;
    }
    if (this.#isExcluded(stat, level.handle, name)) {
      this.#exclude(path);
      return undefined;
    }
    let entry = this.#entryOf(level, name, path, stat);
    if (entry !== undefined && stat.mtimeMs % 1000 === 0) entry = this.#roundedDown(level, name, entry);
    if (entry === undefined || !directory) return entry;
    const entered = this.#enter(level, name, path, entry, verdict.ignored);
    return verdict.ignored ? undefined : entered;
  }

  /** The entry with its time rounded down, where the double was rounded up to a whole second. */
  #roundedDown(level: Level, name: string, entry: WalkedEntry): WalkedEntry {
    const exact = () => fs.lstatSync(nearPath(level.handle, name), { bigint: true, throwIfNoEntry: false })?.mtimeNs;
    const mtime = wholeSeconds(entry.mtimeMs, exact);
    return mtime === entry.mtime ? entry : { ...entry, mtime };
  }

  /** The ignored directories on the way down to something that is kept. */
  *#pendingParents(): Generator<WalkedEntry, void, void> {
    this.#pendingCount = 0;
    for (const level of this.#levels) {
      if (level.pending === undefined) continue;
      const pending = level.pending;
      level.pending = undefined;
      yield pending;
    }
  }

  #stat(level: Level, name: string, path: string, wasDirectory: boolean): fs.Stats | undefined {
    try {
      const stat = statChild(level.handle, name);
      if (stat !== undefined) return stat;
      // Ignored names (caches, locks) may come and go without a warning.
      if (!level.rules.child(name, wasDirectory).ignored) {
        this.#request.warn(path, 'file_vanished', 'It was gone before it could be looked at');
      }
    } catch (error) {
      this.#unreadable(path, error);
    }
    return undefined;
  }

  #isExcluded(stat: fs.Stats, parent: number, name: string): boolean {
    if (!this.#excluded.inodes.has(stat.ino)) return false;
    const exact = fs.lstatSync(childPath(parent, name), { bigint: true, throwIfNoEntry: false });
    return exact === undefined || this.#excluded.exact.has(exactIdentity(exact));
  }

  #exclude(path: string): void {
    this.#request.warn(path, 'excluded', 'It belongs to Roost or is another server; not archived');
  }

  #entryOf(level: Level, name: string, path: string, stat: fs.Stats): WalkedEntry | undefined {
    if (path.length > MAX_PATH) {
      this.#request.warn(path.slice(0, 200), 'too_deep', `Its path has ${path.length} bytes; ${MAX_PATH} are kept`);
      return undefined;
    }
    if (stat.isFile()) return this.#fileEntry(level, name, path, stat);
    if (stat.isDirectory()) return walkedEntry(path, 'directory', stat);
    if (stat.isSymbolicLink()) return this.#symlinkEntry(level, name, path, stat);
    this.#request.warn(path, 'special_file', `It is ${specialName(stat)}, which an archive of files does not keep`);
    return undefined;
  }

  #symlinkEntry(level: Level, name: string, path: string, stat: fs.Stats): WalkedEntry | undefined {
    try {
      const target = fs.readlinkSync(childPath(level.handle, name), { encoding: 'latin1' });
      this.#outside?.look(level.handle, name, path, target);
      return walkedEntry(path, 'symlink', stat, target);
    } catch (error) {
      this.#unreadable(path, error);
      return undefined;
    }
  }

  #fileEntry(level: Level, name: string, path: string, stat: fs.Stats): WalkedEntry {
    const entry = this.#linkedEntry(level, name, path, stat);
    if (this.#request.attributes !== true || !childHasAttributes(level.handle, name)) return entry;
    const attributes = entry.kind === 'file' ? this.#attributesOf(level, name, path, stat) : undefined;
    return attributes === undefined ? entry : { ...entry, attributes };
  }

  /** Read from the file itself, opened as for its content; undefined when it is not the one that was looked at any more. */
  #attributesOf(level: Level, name: string, path: string, stat: fs.Stats): readonly Attribute[] | undefined {
    let descriptor: number;
    try {
      descriptor = openForReading(level.handle, name);
    } catch (error) {
      // Reading its content fails in the same way and gives the warning, unless descriptors are free again by then.
      if (isExhausted(error)) throw error;
      return undefined;
    }
    try {
      const opened = fs.fstatSync(descriptor);
      const same = opened.isFile() && opened.ino === stat.ino && opened.dev === stat.dev;
      return same ? readAttributes(descriptor, path, this.#lost) : undefined;
    } finally {
      fs.closeSync(descriptor);
    }
  }

  #linkedEntry(level: Level, name: string, path: string, stat: fs.Stats): WalkedEntry {
    if (stat.nlink < 2) return walkedEntry(path, 'file', stat);
    // Inode numbers of some file systems pass 2^53: only exact ones may join two names into one file.
    const exact = fs.lstatSync(childPath(level.handle, name), { bigint: true, throwIfNoEntry: false });
    if (exact === undefined || exact.nlink < 2n) return walkedEntry(path, 'file', stat);
    const identity = exactIdentity(exact);
    const first = this.#links.get(identity);
    if (first !== undefined) return { ...walkedEntry(path, 'hardlink', stat, first), fileSize: stat.size };
    this.#links.set(identity, path);
    return walkedEntry(path, 'file', stat);
  }

  /** @returns the entry, with the attributes of the directory where it could be opened. */
  #enter(level: Level, name: string, path: string, entry: WalkedEntry, ignored: boolean): WalkedEntry {
    if (this.#levels.length >= MAX_DEPTH) {
      this.#request.warn(path, 'too_deep', `Its content lies more than ${MAX_DEPTH} directories deep`);
      return entry;
    }
    let handle: number;
    try {
      handle = openDirectory(level.handle, name);
    } catch (error) {
      this.#unreadable(path, error);
      return entry;
    }
    // The opened directory may differ from the one that was checked.
    if (this.#excluded.exact.has(exactIdentity(fs.fstatSync(handle, { bigint: true })))) {
      fs.closeSync(handle);
      this.#exclude(path);
      return entry;
    }
    const attributes = this.#request.attributes === true ? readAttributes(handle, path, this.#lost) : undefined;
    const entered = attributes === undefined ? entry : { ...entry, attributes };
    this.#descend(handle, entered, level.rules.enter(name), ignored ? entered : undefined);
    return entered;
  }

  #descend(handle: number, entry: WalkedEntry, rules: DirectoryRules, pending?: WalkedEntry): void {
    const { path } = entry;
    let names: string[] = [];
    try {
      names = sortedNames(handle);
    } catch (error) {
      if (path === '') {
        fs.closeSync(handle);
        throw error;
      }
      this.#unreadable(path, error);
    }
    this.#levels.push({ handle, path, dev: entry.dev, ino: entry.ino, rules, names, next: 0, pending });
    const above = this.#levels[this.#levels.length - 1 - HELD_LEVELS];
    // The root stays open, because closed levels are opened again from there.
    if (above !== undefined && above.path !== '') closeLevel(above);
    if (pending !== undefined) this.#pendingCount++;
    this.#request.onDirectory?.(entry, names);
  }

  #ascend(): void {
    const level = this.#levels.pop();
    if (level === undefined) return;
    if (level.pending !== undefined) this.#pendingCount--;
    closeLevel(level);
  }

  /**
   * Opens the deepest levels again, by their names from the root down.
   *
   * @returns false when one of them is gone or another directory now: its remaining entries are left out, with a warning.
   */
  #reopen(): boolean {
    const held = Math.max(1, this.#levels.length - HELD_LEVELS);
    const passed: number[] = [];
    try {
      let parent = this.#levels[0]?.handle ?? CLOSED;
      for (const [index, level] of this.#levels.entries()) {
        if (index === 0) continue;
        const handle = this.#sameDirectory(parent, level);
        if (handle === undefined) {
          while (this.#levels.length > index) this.#ascend();
          return false;
        }
        if (index < held) passed.push(handle);
        else level.handle = handle;
        if (passed.length > 1) fs.closeSync(passed.shift() ?? CLOSED);
        parent = handle;
      }
      return true;
    } finally {
      for (const handle of passed) fs.closeSync(handle);
    }
  }

  /** A level's directory, opened again; undefined, with a warning, when it is not the one that was listed. */
  #sameDirectory(parent: number, { path, dev, ino }: Level): number | undefined {
    let handle: number;
    try {
      handle = openDirectory(parent, splitPath(path).name);
    } catch (error) {
      this.#unreadable(path, error);
      return undefined;
    }
    const stat = fs.fstatSync(handle);
    if (stat.dev === dev && stat.ino === ino) return handle;
    fs.closeSync(handle);
    this.#request.warn(
      path,
      'file_changed',
      'Another directory took its place while the backup ran; the rest of it is not archived',
    );
    return undefined;
  }

  #unreadable(path: string, error: unknown): void {
    const errno = errnoOf(error);
    if (errno === undefined || isExhausted(error)) throw error;
    if (errno === 'ENOENT') this.#request.warn(path, 'file_vanished', 'It was gone before it could be read');
    else if (errno === 'ELOOP' || errno === 'ENOTDIR' || errno === 'EINVAL') {
      this.#request.warn(path, 'file_changed', 'It was replaced by something else while the backup ran');
    } else this.#request.warn(path, 'unreadable', `It cannot be read (${errno})`);
  }
}

function closeLevel(level: Level): void {
  if (level.handle !== CLOSED) fs.closeSync(level.handle);
  level.handle = CLOSED;
}

function sortedNames(handle: number): string[] {
  const names = mapDirectory(handle, (name, isDirectory) => (isDirectory ? `${name}/` : name));
  return names.sort((a, b) => (a < b ? -1 : 1));
}

/** Of each path its rounded inode number and its exact identity; inode numbers of some file systems pass 2^53. */
function identitiesOf(paths: readonly string[]) {
  const found = paths
    .map((path) => fs.statSync(path, { bigint: true, throwIfNoEntry: false }))
    .filter((stat) => stat !== undefined);
  return { inodes: new Set(found.map(({ ino }) => Number(ino))), exact: new Set(found.map(exactIdentity)) };
}

function exactIdentity({ dev, ino }: fs.BigIntStats): string {
  return `${dev}:${ino}`;
}

function specialName(stat: fs.Stats): string {
  if (stat.isFIFO()) return 'a FIFO';
  if (stat.isSocket()) return 'a socket';
  return stat.isBlockDevice() || stat.isCharacterDevice() ? 'a device' : 'no regular file';
}
