/** From a stretch of an archive to the ranges of packs it was made of. */
import type { Range, RangeList } from './ranges.ts';

export class RangeFinder {
  readonly #list: RangeList;
  /** Where each range ends in the archive. */
  readonly #ends: Float64Array;

  constructor(list: RangeList) {
    this.#list = list;
    this.#ends = new Float64Array(list.count);
    let end = 0;
    for (let index = 0; index < list.count; index++) {
      end += list.length[index] ?? 0;
      this.#ends[index] = end;
    }
  }

  get size(): number {
    return this.#ends.at(-1) ?? 0;
  }

  /** The ranges of a stretch, in order. It must lie in the archive. */
  *find(offset: number, length: number): Generator<Range, void, void> {
    const end = offset + length;
    for (let index = this.#at(offset), at = offset; at < end; index++) {
      const rangeEnd = this.#ends[index];
      if (rangeEnd === undefined) throw new RangeError('the stretch does not lie in the archive');
      const rangeLength = this.#list.length[index] ?? 0;
      const skipped = at - (rangeEnd - rangeLength);
      const taken = Math.min(end, rangeEnd) - at;
      const pack = this.#list.packs[this.#list.pack[index] ?? 0] ?? '';
      yield { pack, start: (this.#list.start[index] ?? 0) + skipped, length: taken };
      at += taken;
    }
  }

  #at(offset: number): number {
    let low = 0;
    let high = this.#ends.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ends[middle] ?? 0) > offset) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
