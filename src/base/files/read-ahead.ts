/**
 * Asks the disk early for bytes that lie in many parts of files and are read in order. The kernel does so for one file; in
 * a vault the next mebibyte lies in a dozen files, and with each read waited for, the newest of ninety nights took a disk
 * twice the time of a plain archive.
 *
 * For: threads that read parts by synchronous calls, and tell it each read. Promises: nothing is asked for while reads find their bytes in
 * memory, or jump; at most `LARGEST_WINDOW` and the gaps in it are asked for ahead. Never: reads, or waits.
 */
import { MEBIBYTE } from '../sizes.ts';
import { type Extent, extentsOf, partsLength } from './file-parts.ts';
import type { OpenFileParts } from '../file-parts.ts';
import { placed, planReads } from './read-plan.ts';

/** Bytes. One file of an archive takes a read or two, and needs nothing of what follows. */
const FIRST_WINDOW = MEBIBYTE;
/** More gains nothing, and pushes out of memory what the games read. */
export const LARGEST_WINDOW = 8 * MEBIBYTE;
/** So many bytes are read without a look at whether they would have been in memory anyway. */
const BETWEEN_MISSES = 64 * MEBIBYTE;

export class ReadAhead {
  readonly #parts: OpenFileParts;
  /** Where the read before ended; no read can begin behind it at first. */
  #end = Number.POSITIVE_INFINITY;
  /** Where what was asked for ends. */
  #asked = 0;
  #window = 0;
  /** Bytes to read until a read has to miss again. */
  #left = 0;

  constructor(parts: OpenFileParts) {
    this.#parts = parts;
  }

  /**
   * Tells it a read.
   *
   * @param missed true when some of it was not in memory.
   * @returns what to ask the disk for now, in any order.
   */
  next(offset: number, length: number, missed: boolean): readonly Extent[] {
    const before = this.#end;
    const end = (this.#end = offset + length);
    if (offset < before || offset - before > FIRST_WINDOW) {
      this.#window = this.#left = 0;
      this.#asked = end;
      return [];
    }
    this.#left = missed ? BETWEEN_MISSES : this.#left - (end - before);
    const from = Math.max(this.#asked, end);
    if (this.#left <= 0 || from - end > this.#window / 2) return [];
    this.#window = Math.min(LARGEST_WINDOW, Math.max(FIRST_WINDOW, this.#window * 2));
    const to = Math.min(end + this.#window, partsLength(this.#parts));
    this.#asked = Math.max(from, to);
    return from < to ? withoutGaps(extentsOf(this.#parts, from, to - from)) : [];
  }
}

/** Fewer stretches that hold all of these, with what lies in short gaps between them. */
function withoutGaps(extents: Iterable<Extent>): readonly Extent[] {
  const inOrder = Array.from(extents).sort((one, other) => one.offset - other.offset);
  // Of any length: these are hints, for which no memory is taken. Where each belongs does not matter.
  return planReads(placed(inOrder), Number.POSITIVE_INFINITY);
}
