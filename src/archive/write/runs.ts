/**
 * Where runs of deflate end inside a segment of an archive that shares bytes with others: a change then changes the stored
 * bytes of one run, and those behind it are found again. Deflate looks back 32 KiB, so shorter runs would cost size.
 */

import { pathHash } from './cut.ts';

/** Of a file's content, from its beginning on. */
const LINE = 32 * 1024;
/** A run of small files has at least so many bytes. */
const LEAST = 8 * 1024;
/** One path in so many ends a run, whatever comes before or behind it. */
const ENDS_EVERY = 4;

/** The lines of a piece of a large file; the piece begins at a line. */
export function pieceRuns(length: number): number[] {
  return Array.from({ length: Math.max(0, Math.ceil(length / LINE) - 1) }, (_, index) => (index + 1) * LINE);
}

/** Collects the ends of runs of a pack, as its entries are filled in. */
export class PackRuns {
  readonly ends: number[] = [];
  #last = 0;

  /** @param start where the file's content begins in the pack. @param length of the content in bytes. */
  addContent(start: number, length: number): void {
    for (let line = LINE; line < length; line += LINE) this.#end(start + line);
  }

  /** @param end of an entry in the pack. */
  addEntry(path: string, end: number): void {
    if (end - this.#last >= LEAST && endsRun(path)) this.#end(end);
  }

  #end(at: number): void {
    this.ends.push(at);
    this.#last = at;
  }
}

/** By other bits of the path's hash than those that end a pack. */
function endsRun(path: string): boolean {
  return ((pathHash(path) >>> 8) & 0xffff) % ENDS_EVERY === 0;
}
