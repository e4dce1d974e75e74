/** Every byte of some packs that some list of ranges names, once, however many lists name it. */
import type { Range, RangeList } from '../ranges.ts';

/** Sorted, without overlaps and without neighbours that touch. */
interface Union {
  readonly start: Float64Array;
  readonly end: Float64Array;
}

const NOTHING: Union = { start: new Float64Array(0), end: new Float64Array(0) };

/**
 * Memory grows with the different ranges, not with the lists: most of a backup's are those of the one before. It is columns:
 * an object for each of a million ranges would be hundreds of megabytes, in the thread that serves requests.
 */
export class LivingRanges {
  readonly #packs = new Map<string, Union>();
  readonly #wanted: ReadonlySet<string>;

  /** @param wanted the packs whose ranges it tells; what others have is passed over. */
  constructor(wanted: ReadonlySet<string>) {
    this.#wanted = wanted;
  }

  /**
   * Adds a list, and counts it as told when the last was taken.
   *
   * @returns what no list before it has, each byte once, in the order in which this list has it.
   */
  *add(list: RangeList): Generator<Range, void, void> {
    const before = list.packs.map((pack) => this.#packs.get(pack) ?? NOTHING);
    const fresh = this.#freshIn(list, before);
    const from = uncovered(list, fresh);
    for (let index = 0; index < list.count; index++) {
      const start = from[index] ?? Number.POSITIVE_INFINITY;
      const end = endOf(list, index);
      if (start >= end) continue;
      const place = list.pack[index] ?? 0;
      const pack = list.packs[place] ?? '';
      for (const gap of gapsIn(before[place] ?? NOTHING, start, end)) {
        yield { pack, start: gap.from, length: gap.to - gap.from };
      }
    }
    for (const [place, indexes] of fresh) {
      this.#packs.set(list.packs[place] ?? '', joined(before[place] ?? NOTHING, list, indexes));
    }
  }

  /** The ranges that have something new, by the place of their pack, sorted by where they begin. */
  #freshIn(list: RangeList, before: readonly Union[]): ReadonlyMap<number, readonly number[]> {
    const fresh = new Map<number, number[]>();
    const wanted = list.packs.map((pack) => this.#wanted.has(pack));
    for (let index = 0; index < list.count; index++) {
      const place = list.pack[index] ?? 0;
      if (wanted[place] !== true) continue;
      if (isWithin(before[place] ?? NOTHING, list.start[index] ?? 0, endOf(list, index))) continue;
      const ofPack = fresh.get(place);
      if (ofPack === undefined) fresh.set(place, [index]);
      else ofPack.push(index);
    }
    for (const indexes of fresh.values()) {
      indexes.sort((one, other) => (list.start[one] ?? 0) - (list.start[other] ?? 0));
    }
    return fresh;
  }
}

function endOf(list: RangeList, index: number): number {
  return (list.start[index] ?? 0) + (list.length[index] ?? 0);
}

/** Where each range begins to have what none of its list has that begins before it in its pack; behind its end for none. */
function uncovered(list: RangeList, fresh: ReadonlyMap<number, readonly number[]>): Float64Array {
  const from = new Float64Array(list.count).fill(Number.POSITIVE_INFINITY);
  for (const indexes of fresh.values()) {
    let end = 0;
    for (const index of indexes) {
      from[index] = Math.max(end, list.start[index] ?? 0);
      end = Math.max(end, endOf(list, index));
    }
  }
  return from;
}

/** What of [start, end) is not in the union. */
function* gapsIn(
  union: Union,
  start: number,
  end: number,
): Generator<{ readonly from: number; readonly to: number }, void, void> {
  let at = start;
  for (let index = firstEndingAt(union, start); at < end && index < union.start.length; index++) {
    const from = union.start[index] ?? 0;
    if (from >= end) break;
    if (at < from) yield { from: at, to: from };
    at = Math.max(at, union.end[index] ?? 0);
  }
  if (at < end) yield { from: at, to: end };
}

/** The union of intervals: starts and ends sorted apart, a gap is where as many have ended as had begun. */
function joined(before: Union, list: RangeList, indexes: readonly number[]): Union {
  const known = before.start.length;
  const from = new Float64Array(known + indexes.length);
  const to = new Float64Array(from.length);
  from.set(before.start);
  to.set(before.end);
  let at = known;
  for (const index of indexes) {
    from[at] = list.start[index] ?? 0;
    to[at++] = endOf(list, index);
  }
  from.sort();
  to.sort();
  let count = 0;
  for (let index = 0, start = from[0] ?? 0; index < from.length; index++) {
    const [end, next] = [to[index] ?? 0, from[index + 1]];
    if (next !== undefined && next <= end) continue;
    from[count] = start;
    to[count] = end;
    count++;
    start = next ?? end;
  }
  return { start: from.slice(0, count), end: to.slice(0, count) };
}

function isWithin(union: Union, start: number, end: number): boolean {
  return (union.start[firstEndingAt(union, end)] ?? Number.POSITIVE_INFINITY) <= start;
}

/** The first that ends there or behind. */
function firstEndingAt({ end }: Union, offset: number): number {
  let low = 0;
  let high = end.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((end[middle] ?? 0) >= offset) high = middle;
    else low = middle + 1;
  }
  return low;
}
