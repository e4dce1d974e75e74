/**
 * Where ranges lie now that were moved, or made again, by the maps of a server.
 *
 * Promises: of several places of a byte, that of the map with the lowest id counts, whatever ranges the maps cut it into.
 */
import type { RangeList } from './ranges.ts';

/** A stretch of a pack's file. */
export interface Place {
  readonly pack: string;
  readonly offset: number;
  readonly length: number;
}

/** Ranges of one pack that lie elsewhere, in columns: sorted by start, and without overlaps. */
interface Rows {
  readonly start: number[];
  readonly length: number[];
  /** In the file of the pack that the map belongs to. */
  readonly offset: number[];
  /** Which map, in order of their ids. */
  readonly map: number[];
}

export class MovedRanges {
  readonly #ids: readonly string[];
  readonly #rows = new Map<string, Rows>();

  /** @param maps what each says, by the pack it belongs to. */
  constructor(maps: ReadonlyMap<string, RangeList>) {
    this.#ids = Array.from(maps.keys()).sort();
    for (const [map, id] of this.#ids.entries()) {
      const list = maps.get(id);
      if (list === undefined) continue;
      for (const [born, rows] of rowsOf(list, map)) {
        const before = this.#rows.get(born);
        this.#rows.set(born, before === undefined ? rows : overlaid(before, rows));
      }
    }
  }

  /** True when something of the pack lies elsewhere. */
  has(pack: string): boolean {
    return this.#rows.has(pack);
  }

  /** What of [start, end) of a pack lies elsewhere, in order. */
  *within(
    pack: string,
    start: number,
    end: number,
  ): Generator<{ readonly start: number; readonly place: Place }, void, void> {
    const rows = this.#rows.get(pack);
    if (rows === undefined) return;
    for (let index = firstEndingBehind(rows, start); index < rows.start.length; index++) {
      const from = rows.start[index] ?? 0;
      if (from >= end) return;
      const begin = Math.max(start, from);
      const length = Math.min(end, from + (rows.length[index] ?? 0)) - begin;
      const offset = (rows.offset[index] ?? 0) + begin - from;
      yield { start: begin, place: { pack: this.#ids[rows.map[index] ?? 0] ?? '', offset, length } };
    }
  }
}

/** The ranges of one map, by the pack that they were first written to. */
function rowsOf(list: RangeList, map: number): ReadonlyMap<string, Rows> {
  const found = new Map<string, { start: number; length: number; offset: number }[]>();
  let offset = 0;
  for (let index = 0; index < list.count; index++) {
    const born = list.packs[list.pack[index] ?? 0] ?? '';
    const length = list.length[index] ?? 0;
    const ofPack = found.get(born) ?? [];
    if (ofPack.length === 0) found.set(born, ofPack);
    ofPack.push({ start: list.start[index] ?? 0, length, offset });
    offset += length;
  }
  const sorted = new Map<string, Rows>();
  for (const [born, ranges] of found) {
    ranges.sort((one, other) => one.start - other.start);
    const rows = emptyRows();
    let end = 0;
    // A map may say a range twice: both places hold the same bytes.
    for (const range of ranges) {
      const cut = Math.max(0, end - range.start);
      if (cut >= range.length) continue;
      push(rows, range.start + cut, range.length - cut, range.offset + cut, map);
      end = range.start + range.length;
    }
    sorted.set(born, rows);
  }
  return sorted;
}

/** All of the first, and what the second has between its ranges. */
function overlaid(first: Rows, second: Rows): Rows {
  const all = emptyRows();
  let at = 0;
  for (let index = 0; index < second.start.length; index++) {
    const [from, offset] = [second.start[index] ?? 0, second.offset[index] ?? 0];
    const end = from + (second.length[index] ?? 0);
    // One that was passed already may reach into this one.
    let free = Math.max(from, at === 0 ? 0 : (first.start[at - 1] ?? 0) + (first.length[at - 1] ?? 0));
    for (; at < first.start.length && (first.start[at] ?? 0) < end; at++) {
      const start = first.start[at] ?? 0;
      if (free < start) push(all, free, start - free, offset + free - from, second.map[index] ?? 0);
      free = Math.max(free, start + (first.length[at] ?? 0));
      push(all, start, first.length[at] ?? 0, first.offset[at] ?? 0, first.map[at] ?? 0);
    }
    if (free < end) push(all, free, end - free, offset + free - from, second.map[index] ?? 0);
  }
  for (; at < first.start.length; at++) {
    push(all, first.start[at] ?? 0, first.length[at] ?? 0, first.offset[at] ?? 0, first.map[at] ?? 0);
  }
  return all;
}

function emptyRows(): Rows {
  return { start: [], length: [], offset: [], map: [] };
}

function push(rows: Rows, start: number, length: number, offset: number, map: number): void {
  rows.start.push(start);
  rows.length.push(length);
  rows.offset.push(offset);
  rows.map.push(map);
}

function firstEndingBehind({ start, length }: Rows, offset: number): number {
  let low = 0;
  let high = start.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((start[middle] ?? 0) + (length[middle] ?? 0) > offset) high = middle;
    else low = middle + 1;
  }
  return low;
}
