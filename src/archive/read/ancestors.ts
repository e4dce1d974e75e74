/**
 * The directories above the entries of an archive, as they come: each is made when something below it is wanted, once.
 *
 * Costs little for each entry, however deep: those above one form a row from the root, of which the first are made.
 */
import type { Entry } from '../entry.ts';

interface Ancestor {
  readonly directory: Entry;
  /** What the paths below it begin with. */
  readonly prefix: string;
  /** Undefined before it was tried. */
  refused: boolean | undefined;
}

export class Ancestors {
  /** Each lies in the one before. */
  readonly #row: Ancestor[] = [];
  /** So many of the first are made. */
  #made = 0;

  /** A directory of the archive, before what lies in it. */
  descend(directory: Entry): void {
    this.#row.length = this.#countAbove(({ prefix }) => directory.path.startsWith(prefix));
    this.#made = Math.min(this.#made, this.#row.length);
    this.#row.push({ directory, prefix: `${directory.path}/`, refused: undefined });
  }

  /**
   * Makes what is missing above the entry, and the entry itself when it is the last directory.
   *
   * @param make false for a directory that cannot be.
   * @returns the directory that cannot be; undefined when all can.
   */
  make(entry: Entry, make: (directory: Entry) => boolean): Entry | undefined {
    const count = this.#countAbove(({ directory, prefix }) => directory === entry || entry.path.startsWith(prefix));
    for (; this.#made < count; this.#made++) {
      const next = this.#row[this.#made];
      if (next === undefined) break;
      next.refused ??= !make(next.directory);
      if (next.refused) return next.directory;
    }
    return undefined;
  }

  /** How many of the first lead somewhere: where one does, all before it do. */
  #countAbove(leads: (above: Ancestor) => boolean): number {
    let [low, high] = [0, this.#row.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      const above = this.#row[middle];
      if (above !== undefined && leads(above)) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
