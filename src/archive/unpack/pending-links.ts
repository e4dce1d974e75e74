/**
 * The links of one archive on their way to the disk. Symlinks wait until everything else is written, so what an
 * archive says about a path and the links above it is decided here, in the order of the archive, before any I/O.
 */
import type { Entry } from '../entry.ts';

/** Wanted hard links to one file that was not wanted: the first becomes that file, the others link to it. */
export interface Orphans {
  readonly first: Entry;
  readonly others: Entry[];
  isWritten: boolean;
}

export class PendingLinks {
  /** Symlinks by path; of several the last counts. */
  readonly #symlinks = new Map<string, Entry>();
  /** Hard links that were not wanted, by path, with the file that they lead to in the end. */
  readonly #unwanted = new Map<string, string>();
  /** Wanted hard links to files that were not wanted, by the path of the file. */
  readonly #orphans = new Map<string, Orphans>();
  #cleared = '';

  addSymlink(entry: Entry): void {
    this.#symlinks.set(entry.path, entry);
    this.#cleared = '';
  }

  /** The symlink at a path, or undefined. */
  symlinkAt(path: string): Entry | undefined {
    return this.#symlinks.get(path);
  }

  /** A file or hard link of the same path came later: it replaces the symlink. */
  dropSymlink(path: string): void {
    this.#symlinks.delete(path);
  }

  /** The path of the symlink that an entry's path would lead through, or undefined. */
  symlinkAbove(path: string): string | undefined {
    const end = path.lastIndexOf('/');
    // Neighbours share their directory: what was asked last mostly answers this too.
    if (this.#symlinks.size === 0 || end < 0 || path.slice(0, end) === this.#cleared) return undefined;
    for (let slash = path.indexOf('/'); slash >= 0; slash = path.indexOf('/', slash + 1)) {
      const above = path.slice(0, slash);
      if (this.#symlinks.has(above)) return above;
    }
    this.#cleared = path.slice(0, end);
    return undefined;
  }

  symlinks(): Iterable<Entry> {
    return this.#symlinks.values();
  }

  addUnwanted(entry: Entry): void {
    this.#unwanted.set(entry.path, this.fileBehind(entry.target ?? ''));
  }

  /** The file that a hard link's target is, if the target is a hard link that was not wanted itself. */
  fileBehind(target: string): string {
    return this.#unwanted.get(target) ?? target;
  }

  /** Keeps a wanted hard link until its content, which has passed already, is read once more. */
  addOrphan(entry: Entry, file: string): void {
    const known = this.#orphans.get(file);
    if (known === undefined) this.#orphans.set(file, { first: entry, others: [], isWritten: false });
    else known.others.push(entry);
  }

  get hasOrphans(): boolean {
    return this.#orphans.size > 0;
  }

  /** Those that wait for the content of a file. */
  orphansOf(file: string): Orphans | undefined {
    return this.#orphans.get(file);
  }

  orphans(): Iterable<Orphans> {
    return this.#orphans.values();
  }
}
