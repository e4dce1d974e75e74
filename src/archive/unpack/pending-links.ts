/**
 * Links of a streamed archive that are not written yet. Symlinks come last on disk, so conflicts between paths and
 * symlinks above them are decided here, in archive order, before any I/O.
 *
 * A wanted hard link to what is not on disk, or not any more, is an *orphan*: its content has already gone by, and is read
 * again later. Names may come several times, and each link keeps what its target was when the link came.
 */
import type { Entry } from '../entry.ts';

/** What a path stands for until a later entry of the archive takes its place. */
export interface Version {
  readonly path: string;
  /** The number of the first hard link to it in the archive: it is the last file or symlink of its path before. */
  readonly before: number;
  /** Its orphans by path. A later entry of such a path takes its link away. */
  orphans: Map<string, Entry> | undefined;
}

export class PendingLinks {
  /** Symlinks by path; the last of a path counts. */
  readonly #symlinks = new Map<string, Entry>();
  /** What hard links lead to, by the path of the link. */
  readonly #behind = new Map<string, Version>();
  /** What paths stand for now, as far as hard links lead to them. */
  readonly #current = new Map<string, Version>();
  /** Those that had orphans. */
  readonly #orphaned = new Set<Version>();
  #cleared = '';

  addSymlink(entry: Entry): void {
    this.#symlinks.set(entry.path, entry);
    this.#cleared = '';
  }

  symlinkAt(path: string): Entry | undefined {
    return this.#symlinks.get(path);
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

  /** A file or link of the archive takes the place of what had its path before. */
  replace(path: string): void {
    this.#symlinks.delete(path);
    this.#current.delete(path);
    this.#behind.get(path)?.orphans?.delete(path);
    this.#behind.delete(path);
  }

  /** What a hard link leads to, also through other links. @param number of the link in the archive. */
  versionOf(target: string, number: number): Version {
    const known = this.#behind.get(target) ?? this.#current.get(target);
    if (known !== undefined) return known;
    const version = { path: target, before: number, orphans: undefined };
    this.#current.set(target, version);
    return version;
  }

  /** False once another entry of its path has taken its place. */
  isCurrent(version: Version): boolean {
    return this.#current.get(version.path) === version;
  }

  /** Remembers what a hard link leads to, wanted or not: a later link may lead to it. */
  addLink(path: string, version: Version): void {
    this.#behind.set(path, version);
  }

  /** Remembers a wanted hard link whose content has already gone by. */
  addOrphan(entry: Entry, version: Version): void {
    version.orphans ??= new Map();
    version.orphans.set(entry.path, entry);
    this.#orphaned.add(version);
  }

  /** True for a link that waits for its content. */
  isOrphan(path: string): boolean {
    return this.#behind.get(path)?.orphans?.has(path) === true;
  }

  /** Those that have orphans, in the order of their numbers. */
  orphaned(): readonly Version[] {
    const left = Array.from(this.#orphaned).filter(({ orphans }) => (orphans?.size ?? 0) > 0);
    return left.sort((one, other) => one.before - other.before);
  }
}
