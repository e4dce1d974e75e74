/** Every byte that some list of ranges names, once, however many lists name it. */
import type { Range, RangeList } from '../ranges.ts';

/** Sorted, without overlaps and without neighbours that touch. */
interface Union {
  readonly start: Float64Array;
  readonly end: Float64Array;
}

/** Memory grows with the different ranges, not with the lists: most of a backup's are those of the one before. */
export class LivingRanges {
  readonly #packs = new Map<string, Union>();

  add(list: RangeList): void {
    const fresh = new Map<string, { readonly start: number[]; readonly end: number[] }>();
    for (let index = 0; index < list.count; index++) {
      const pack = list.packs[list.pack[index] ?? 0] ?? '';
      const start = list.start[index] ?? 0;
      const end = start + (list.length[index] ?? 0);
      if (isWithin(this.#packs.get(pack), start, end)) continue;
      let ofPack = fresh.get(pack);
      if (ofPack === undefined) fresh.set(pack, (ofPack = { start: [], end: [] }));
      ofPack.start.push(start);
      ofPack.end.push(end);
    }
    for (const [pack, { start, end }] of fresh) {
      const before = this.#packs.get(pack);
      this.#packs.set(pack, joined([...(before?.start ?? []), ...start], [...(before?.end ?? []), ...end]));
    }
  }

  /** By the pack that they were first written to, in the order of that pack. */
  *all(): Generator<Range, void, void> {
    for (const [pack, { start, end }] of this.#packs) {
      for (let index = 0; index < start.length; index++) {
        const from = start[index] ?? 0;
        yield { pack, start: from, length: (end[index] ?? 0) - from };
      }
    }
  }
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
  let low = 0;
  let high = union.end.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((union.end[middle] ?? 0) >= end) high = middle;
    else low = middle + 1;
  }
  return (union.start[low] ?? Number.POSITIVE_INFINITY) <= start;
}
