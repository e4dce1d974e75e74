/**
 * Links of a streamed archive that are not written yet. Symlinks come last on disk, so conflicts between paths and
 * symlinks above them are decided here, in archive order, before any I/O.
 */
import type { Entry } from '../entry.ts';

/** Wanted hard links to a file that was not wanted: the first becomes the file, the others link to it. */
export interface Orphans {
  readonly first: Entry;
  readonly others: Entry[];
  isWritten: boolean;
}

export class PendingLinks {
  /** Symlinks by path; the last of a path counts. */
  readonly #symlinks = new Map<string, Entry>();
  /** Hard links that were not wanted, by path, with the file they finally point to. */
  readonly #unwanted = new Map<string, string>();
  /** Wanted hard links to files that were not wanted, by the file's path. */
  readonly #orphans = new Map<string, Orphans>();
  #cleared = '';

  addSymlink(entry: Entry): void {
    this.#symlinks.set(entry.path, entry);
    this.#cleared = '';
  }

  symlinkAt(path: string): Entry | undefined {
    return this.#symlinks.get(path);
  }

  /** A later file or hard link of the same path replaces the symlink. */
  dropSymlink(path: string): void {
    this.#symlinks.delete(path);
  }

  /** The path of the symlink above an entry's path, or undefined. */
  symlinkAbove(path: string): string | undefined {
    const end = path.lastIndexOf('/');
    // Neighbours share their directory, so the last answer usually fits.
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

  /** The file behind a hard link's target, if the target is itself a hard link that was not wanted. */
  fileBehind(target: string): string {
    return this.#unwanted.get(target) ?? target;
  }

  /** Remembers a wanted hard link whose content has already gone by, until it is read again. */
  addOrphan(entry: Entry, file: string): void {
    const known = this.#orphans.get(file);
    if (known === undefined) this.#orphans.set(file, { first: entry, others: [], isWritten: false });
    else known.others.push(entry);
  }

  get hasOrphans(): boolean {
    return this.#orphans.size > 0;
  }

  orphansOf(file: string): Orphans | undefined {
    return this.#orphans.get(file);
  }

  orphans(): Iterable<Orphans> {
    return this.#orphans.values();
  }
}
