/**
 * Writes an archive's entries into an existing directory.
 *
 * For: both ways of unpacking, by index and streamed. Promises: names resolve against open handles and no link is
 * followed, so nothing outside the directory is made, changed or read, whatever the entries are called. An entry that
 * would turn a directory into something else or back, or whose path leads through a link or a file, is skipped with a
 * `hostile_entry` warning; so is, with one of its own, what the file system cannot hold or takes for another entry;
 * otherwise a later entry of a name replaces an earlier one, as in tar. Never: deletes a
 * directory, or any name that it does not write.
 *
 * Order of writes: directories (0700 for now) and files; hard links; symlinks, so that nothing can be written through
 * them; then `finish` sets the directories' metadata, deepest first. A crash at any point leaves a tree that is not
 * used; its owner removes it.
 *
 * Calls are synchronous. Several threads may each have a target on one directory if no two write the same path at once:
 * workers make files, one coordinator makes directories before them and links after them, and finishes.
 */
import fs from 'node:fs';
import { Failure, asFailure, errnoOf } from '../../base/failure.ts';
import { createFile, makeDirectory, unlinkChild } from '../../base/files/handle-writes.ts';
import { removeAttribute } from '../../base/files/extended-attributes.ts';
import { DirectoryChain, childPath, openRoot, readDirectory, statChild } from '../../base/files/handles.ts';
import { bytesOf, printable, splitPath } from '../../base/files/paths.ts';
import type { ExtractLimits } from '../contract.ts';
import type { ArchiveWarning, Entry, WarningCode } from '../entry.ts';
import { UnpackFile } from './file.ts';
import { refusalOf, sizeRefusalOf, Spellings } from './file-system-limits.ts';
import { type Durability, flushFileSystem } from './flush.ts';
import { copyContent, findLinkTarget, linkRefusal, type LinkTarget, openCopy } from './hard-link.ts';
import { type MetadataPolicy, MetadataWriter } from './metadata.ts';
import { ACL_DEFAULT } from '../tar/attributes.ts';
import type { LostAttributes } from '../tar/read-attributes.ts';
import { type UnpackCounts, UnpackTally } from './tally.ts';

export interface UnpackPolicy extends MetadataPolicy {
  /** Whether existing names may be replaced. Otherwise the directory must be empty at first. */
  readonly overwrite: boolean;
  readonly durability: Durability;
  /** Whether another target makes the directories: this one then takes those that exist for right. */
  readonly sharesDirectories?: boolean;
  /** Applies to what this target makes, including directories without an entry. */
  readonly limits: ExtractLimits;
}

/** Metadata of a directory, set when its content is complete. */
type DirectoryFacts = Pick<Entry, 'path' | 'mode' | 'uid' | 'gid' | 'attributes'> & { readonly mtime?: number };

/** Directories held by each of a thread's two chains. */
const HELD_LEVELS = 8;

/** The mode of directories without an entry. */
const IMPLICIT_MODE = 0o755;

/** Why an entry is skipped. Not thrown out of this file. */
class Conflict extends Error {
  readonly code: WarningCode;

  constructor(reason: string, code: WarningCode = 'hostile_entry') {
    super(reason);
    this.code = code;
  }
}

/**
 * Opens the directory to unpack into.
 *
 * @throws Failure `invalid_request` when it is missing, or not empty although nothing may be replaced.
 */
export function openUnpackRoot(into: string, overwrite: boolean): number {
  let root: number;
  try {
    root = openRoot(into);
  } catch (error) {
    throw new Failure('invalid_request', `Cannot unpack into "${into}": ${errnoOf(error) ?? 'it cannot be opened'}`, {
      cause: error,
    });
  }
  if (overwrite || readDirectory(root).length === 0) return root;
  fs.closeSync(root);
  throw new Failure('invalid_request', `Cannot unpack into "${into}": it is not empty`, {
    hint: 'Choose an empty directory, or allow to overwrite what is there.',
  });
}

/**
 * Removes the default ACL that a stage inherited from the directory around it. Otherwise entries that have no ACL in the
 * archive would get one.
 */
export function dropInheritedAcl(root: number): void {
  removeAttribute(root, ACL_DEFAULT);
}

export class UnpackTarget {
  readonly #root: number;
  readonly #policy: UnpackPolicy;
  readonly #warn: (warning: ArchiveWarning) => void;
  readonly #metadata: MetadataWriter;
  readonly #chain: DirectoryChain;
  readonly #linkChain: DirectoryChain;
  readonly #directories = new Map<string, DirectoryFacts>();
  /** With `overwrite`: the paths this run wrote. Otherwise undefined: everything is from this run. */
  readonly #written: Set<string> | undefined;
  readonly #tally: UnpackTally;
  readonly #spellings = new Spellings();
  /** Directories that were opened before under this path. */
  readonly #known = new Set<string>();
  /** Those of them that share a directory with another path, because the file system takes their names for one. */
  readonly #merged = new Set<string>();

  /** @param root from `openUnpackRoot`; the caller closes it. */
  constructor(root: number, policy: UnpackPolicy, warn: (warning: ArchiveWarning) => void) {
    this.#root = root;
    this.#policy = policy;
    this.#warn = warn;
    this.#metadata = new MetadataWriter(policy, warn);
    this.#tally = new UnpackTally(policy.limits);
    this.#chain = new DirectoryChain(root, HELD_LEVELS);
    this.#linkChain = new DirectoryChain(root, HELD_LEVELS);
    this.#written = policy.overwrite ? new Set() : undefined;
  }

  /** Attributes that could not be set; `finish` warns of them. */
  get lost(): LostAttributes {
    return this.#metadata.lost;
  }

  /** Counts bytes written into a file with holes. @throws Failure `too_large` beyond the limit. */
  charge(written: number, path: string): void {
    this.#tally.charge(written, path);
  }

  get counts(): UnpackCounts {
    return this.#tally.counts;
  }

  /** Makes a directory and its parents, or uses an existing one. False when it was skipped. */
  makeDirectory(entry: Entry): boolean {
    return this.#guard(entry, () => {
      this.#openDirectory(entry.path, entry);
      this.#directories.set(entry.path, entry);
      this.#tally.entries++;
    });
  }

  /** Makes a file and its parents, and opens it for writing; undefined when it was skipped. */
  createFile(entry: Entry): UnpackFile | undefined {
    let file: UnpackFile | undefined;
    this.#guard(entry, () => {
      file = this.#openFile(entry);
      this.#tally.files++;
    });
    return file;
  }

  /** Removes a file that could not be written to its end, so that no name stands for partial content. */
  abandonFile(file: UnpackFile): void {
    file.abandon();
    const { parent, name } = splitPath(file.entry.path);
    try {
      unlinkChild(this.#chain.open(parent), name);
    } catch {
      // The error that stopped the writing is the one to report.
    }
  }

  /** Links a path to a file that this run made. False when it was skipped. */
  placeHardLink(entry: Entry): boolean {
    return this.#guard(entry, () => {
      const target = this.#requireTarget(entry);
      try {
        this.#place(entry, (parent, name) => fs.linkSync(target.path, childPath(parent, name)));
      } catch (error) {
        const errno = linkRefusal(error);
        if (errno === undefined) throw error;
        this.#copy(entry, target, errno);
      }
      this.#tally.files++;
    });
  }

  /** Makes a symlink; call it after all files and hard links. False when it was skipped. */
  placeSymlink(entry: Entry): boolean {
    return this.#guard(entry, () => {
      this.#place(entry, (parent, name) => {
        fs.symlinkSync(bytesOf(entry.target ?? ''), childPath(parent, name));
        this.#metadata.setSymlink(parent, name, entry);
      });
    });
  }

  /** Marks a path as written by this run when another thread's target wrote it (only with `overwrite`). */
  adopt(path: string): void {
    this.#written?.add(path);
  }

  /**
   * Sets the directories' metadata, deepest first, and flushes as the policy says; blocks until that is on disk. Only
   * `close` may follow.
   */
  finish(): void {
    const paths = [...this.#directories.keys()].sort().reverse();
    for (const path of paths) {
      const facts = this.#directories.get(path);
      if (facts !== undefined) this.#attempt(path, () => this.#finishDirectory(facts));
    }
    for (const warning of this.lost.warnings('set')) this.#warn(warning);
    if (this.#policy.durability === 'each') this.#attempt('', () => fs.fsyncSync(this.#root));
    if (this.#policy.durability === 'once') flushFileSystem(this.#root);
  }

  #finishDirectory(facts: DirectoryFacts): void {
    const handle = this.#chain.open(facts.path);
    this.#metadata.setDirectory(handle, facts);
    if (this.#policy.durability === 'each') fs.fsyncSync(handle);
  }

  /** Closes all handles but the root. */
  close(): void {
    this.#chain.close();
    this.#linkChain.close();
  }

  #openDirectory(path: string, cause: Entry): number {
    if (path === '' || this.#policy.sharesDirectories === true || this.#known.has(path)) {
      return this.#openOrMake(path, cause);
    }
    const { parent: above, name } = splitPath(path);
    const parent = this.#openDirectory(above, cause);
    const isNew = statChild(parent, name)?.isDirectory() !== true;
    if (!isNew && this.#isMerging(path, above, parent, name)) this.#merge(path);
    const handle = this.#openOrMake(path, cause);
    if (isNew) this.#spellings.add(above, name);
    this.#known.add(path);
    return handle;
  }

  #isMerging(path: string, above: string, parent: number, name: string): boolean {
    if (this.#merged.has(above) || this.#spellings.isOther(above, parent, name)) return true;
    // In a directory that was empty, this run made it: under another path.
    return this.#written === undefined && this.#merged.size > 0 && !this.#directories.has(path);
  }

  #merge(path: string): void {
    this.#merged.add(path);
    const message = `"${printable(path)}" became one with another directory: the file system takes their names for one`;
    this.#warn({ path, code: 'name_collision', message });
  }

  /** Whether a path shares its directory with another path, so that nothing in it may be replaced. */
  isMerged(path: string): boolean {
    return this.#merged.has(path);
  }

  /** Takes over what another target found of a directory (with `sharesDirectories`). */
  markMerged(path: string): void {
    this.#merged.add(path);
  }

  /** True when the existing file may be another entry of this archive, so that replacing it would lose that entry. */
  #collides(directory: string, parent: number, name: string): boolean {
    if (this.#merged.has(directory) || this.#spellings.isOther(directory, parent, name)) return true;
    // Directories are shared for archives with an index, where each path occurs once: a file of that name is another entry.
    return this.#written === undefined && (this.#policy.sharesDirectories === true || this.#merged.size > 0);
  }

  #openOrMake(path: string, cause: Entry): number {
    return this.#chain.open(path, (parent, name, depth, error) => {
      const missing = prefixOf(path, depth);
      const errno = errnoOf(error);
      if (errno === 'ENOTDIR' || errno === 'ELOOP') this.#clearForDirectory(parent, name, missing);
      else if (errno !== 'ENOENT') throw error;
      this.#tally.addName();
      if (!isNewDirectory(parent, name)) return;
      // A directory without an entry gets the owner of the first entry in it.
      const { uid, gid } = cause;
      this.#directories.set(missing, { path: missing, mode: IMPLICIT_MODE, uid, gid });
    });
  }

  /** Removes a file or link where a directory belongs, if it was there before this run and may be replaced. */
  #clearForDirectory(parent: number, name: string, path: string): void {
    if (this.#written === undefined || this.#written.has(path)) {
      throw new Conflict(`"${printable(path)}" is no directory`);
    }
    unlinkChild(parent, name);
  }

  /** Makes something under a name, replacing what has the name. */
  #place<Result>(entry: Entry, make: (parent: number, name: string) => Result): Result {
    const { parent: parentPath, name } = splitPath(entry.path);
    const parent = this.#openDirectory(parentPath, entry);
    this.#tally.addName();
    let made: Result;
    try {
      made = make(parent, name);
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
      if (statChild(parent, name)?.isDirectory() === true) throw new Conflict('there is a directory of that name');
      if (this.#collides(parentPath, parent, name)) throw collision(entry.path);
      unlinkChild(parent, name);
      made = make(parent, name);
    }
    this.#spellings.add(parentPath, name);
    this.#tally.entries++;
    this.#written?.add(entry.path);
    return made;
  }

  #openFile(entry: Entry): UnpackFile {
    const tooLarge = sizeRefusalOf(this.#root, entry);
    if (tooLarge !== undefined) throw new Conflict(tooLarge, 'refused_by_file_system');
    this.#tally.addBytes(entry);
    const descriptor = this.#place(entry, (parent, name) => createFile(parent, name, 0o600));
    return new UnpackFile(entry, descriptor, this.#metadata, this.#policy.durability === 'each');
  }

  #requireTarget({ path, target = '' }: Entry): LinkTarget {
    if (target === path) throw new Conflict('it is a hard link to itself');
    const found = findLinkTarget(this.#linkChain, target);
    if (typeof found === 'string') throw new Conflict(`its target "${printable(target)}" ${found}`);
    if (this.#written?.has(target) !== false) return found;
    throw new Conflict(`its target "${printable(target)}" is not from this archive`);
  }

  #copy(entry: Entry, target: LinkTarget, errno: string): void {
    const { source, copy } = openCopy(entry, target);
    try {
      const file = this.#openFile(copy);
      try {
        copyContent(source, file);
        file.close();
      } catch (error) {
        this.abandonFile(file);
        throw error;
      }
    } finally {
      fs.closeSync(source);
    }
    const message = `"${printable(entry.path)}" became a copy: the file system refused the hard link (${errno})`;
    this.#warn({ path: entry.path, code: 'link_copied', message });
  }

  #guard(entry: Entry, act: () => void): boolean {
    try {
      this.#attempt(entry.path, () => this.#unlessRefused(entry, act));
      return true;
    } catch (error) {
      if (!(error instanceof Conflict)) throw error;
      const message = `passed over "${printable(entry.path)}": ${error.message}`;
      this.#warn({ path: entry.path, code: error.code, message });
      return false;
    }
  }

  #unlessRefused(entry: Entry, act: () => void): void {
    try {
      act();
    } catch (error) {
      const reason = error instanceof Conflict ? undefined : refusalOf(error, entry, this.#root);
      if (reason === undefined) throw error;
      throw new Conflict(reason, 'refused_by_file_system');
    }
  }

  #attempt(path: string, act: () => void): void {
    try {
      act();
    } catch (error) {
      if (error instanceof Conflict) throw error;
      throw asFailure(error, `Cannot unpack "${printable(path)}"`);
    }
  }
}

function collision(path: string): Conflict {
  const reason = `the file system takes its name "${printable(path)}" for that of another entry`;
  return new Conflict(reason, 'name_collision');
}

/** The first `depth + 1` components of a path. */
function prefixOf(path: string, depth: number): string {
  let end = -1;
  for (let component = 0; component <= depth; component++) {
    end = path.indexOf('/', end + 1);
    if (end < 0) return path;
  }
  return path.slice(0, end);
}

/** False when another thread made it first; that thread sets its metadata. */
function isNewDirectory(parent: number, name: string): boolean {
  try {
    makeDirectory(parent, name, 0o700);
    return true;
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
    return false;
  }
}
