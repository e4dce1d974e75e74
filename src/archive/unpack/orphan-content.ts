/** Finds what orphans (pending-links.ts) lead to, while the archive is read a second time. */
import type { Entry } from '../entry.ts';
import type { Version } from './pending-links.ts';

/** A symlink, or a file with the path that it was written to: undefined where it could not be. */
export type FoundContent = { readonly symlink: Entry } | { readonly file: string | undefined };

export class OrphanContent {
  /** What is still to come, by path; the next one last. */
  readonly #coming = new Map<string, Version[]>();
  readonly #found = new Map<Version, FoundContent>();
  readonly #last: number;

  /** @param versions in the order of their numbers. */
  constructor(versions: readonly Version[]) {
    for (const version of versions.toReversed()) {
      const coming = this.#coming.get(version.path);
      if (coming === undefined) this.#coming.set(version.path, [version]);
      else coming.push(version);
    }
    this.#last = versions.at(-1)?.before ?? 0;
  }

  /** True once no entry from that number on can be asked for. */
  endsBefore(number: number): boolean {
    return number >= this.#last;
  }

  /** The version that an entry is, unless a later one is; numbers grow from call to call. */
  versionAt({ path, kind }: Entry, number: number): Version | undefined {
    if (kind !== 'file' && kind !== 'symlink') return undefined;
    const coming = this.#coming.get(path);
    let next = coming?.at(-1);
    for (; next !== undefined && next.before <= number; next = coming?.at(-1)) coming?.pop();
    return next;
  }

  /** When a path occurs several times, the last before the links counts. */
  set(version: Version, content: FoundContent): void {
    this.#found.set(version, content);
  }

  of(version: Version): FoundContent | undefined {
    return this.#found.get(version);
  }
}
