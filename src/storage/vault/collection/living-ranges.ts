/** Every byte that some list of ranges names, once, however many lists name it. */
import type { Range, RangeList } from '../ranges.ts';

/** Sorted, without overlaps and without neighbours that touch. */
interface Union {
  readonly start: Float64Array;
  readonly end: Float64Array;
}

const NOTHING: Union = { start: new Float64Array(0), end: new Float64Array(0) };

/** Memory grows with the different ranges, not with the lists: most of a backup's are those of the one before. */
export class LivingRanges {
  readonly #packs = new Map<string, Union>();

  /** Adds a list. @returns what no list before it has, each byte once, in the order in which this list has it. */
  add(list: RangeList): readonly Range[] {
    const fresh = new Map<string, number[]>();
    for (let index = 0; index < list.count; index++) {
      const pack = list.packs[list.pack[index] ?? 0] ?? '';
      const start = list.start[index] ?? 0;
      if (isWithin(this.#packs.get(pack), start, start + (list.length[index] ?? 0))) continue;
      const ofPack = fresh.get(pack);
      if (ofPack === undefined) fresh.set(pack, [index]);
      else ofPack.push(index);
    }
    const found: { readonly index: number; readonly range: Range }[] = [];
    for (const [pack, indexes] of fresh) {
      const before = this.#packs.get(pack) ?? NOTHING;
      const sorted = indexes.toSorted((one, other) => (list.start[one] ?? 0) - (list.start[other] ?? 0));
      const starts = sorted.map((index) => list.start[index] ?? 0);
      const ends = sorted.map((index, at) => (starts[at] ?? 0) + (list.length[index] ?? 0));
      let end = 0;
      for (const [at, index] of sorted.entries()) {
        for (const { from, to } of gapsIn(before, Math.max(end, starts[at] ?? 0), ends[at] ?? 0)) {
          found.push({ index, range: { pack, start: from, length: to - from } });
        }
        end = Math.max(end, ends[at] ?? 0);
      }
      this.#packs.set(pack, joined([...before.start, ...starts], [...before.end, ...ends]));
    }
    // Of one range, the gaps stay in order: the sort is stable.
    return found.sort((one, other) => one.index - other.index).map(({ range }) => range);
  }
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
function joined(starts: readonly number[], ends: readonly number[]): Union {
  const from = Float64Array.from(starts).sort();
  const to = Float64Array.from(ends).sort();
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

function isWithin(union: Union | undefined, start: number, end: number): boolean {
  if (union === undefined) return false;
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
