/** Which blocks of each pack's file are needed: one bit for each 4 KiB, whatever the number of ranges. */
import type { RangeList, TakeRange } from '../ranges.ts';
import type { ServerPacks } from '../server-packs.ts';
import type { Layout } from '../source.ts';
import { BLOCK, type Stretch } from './dead-data.ts';

const NO_MARKS = new Uint8Array(0);
/** Blocks of a stretch: 64 MiB. */
const BLOCKS_IN_STRETCH = 2 ** 14;
/** Of each byte, how many of its bits are set. */
const BITS = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll('0', '').length);

export class LiveBlocks {
  readonly #packs: ServerPacks;
  readonly #marks = new Map<string, Uint8Array>();

  constructor(packs: ServerPacks) {
    this.#packs = packs;
  }

  /** @throws Failure `archive_damaged` when a range is nowhere or in too many places: nothing may be removed then. */
  mark(list: RangeList): void {
    const take = this.marker(list.packs);
    for (let index = 0; index < list.count; index++) {
      take(list.pack[index] ?? 0, list.start[index] ?? 0, list.length[index] ?? 0);
    }
  }

  /** As `mark`, of ranges that come one by one. @param ids the packs that they name. */
  marker(ids: readonly string[]): TakeRange {
    const find = this.#packs.finder(ids);
    const marks: Uint8Array[] = [];
    return (pack, start, length) => {
      const places = find(pack, start, length);
      if (places === undefined) markIn((marks[pack] ??= this.#marksOf(ids[pack] ?? '')), start, length);
      else for (const place of places) this.#markBytes(place.pack, place.offset, place.length);
    };
  }

  /** A pack that was removed meanwhile is read by its open file. */
  markPlaces({ files, parts: { ends, file, start } }: Layout): void {
    for (let index = 0, end = 0; index < ends.length; index++) {
      const length = (ends[index] ?? 0) - end;
      end += length;
      const pack = files[file[index] ?? 0] ?? '';
      if (this.#packs.packs.has(pack)) this.#markBytes(pack, start[index] ?? 0, length);
    }
  }

  markWhole(pack: string): void {
    this.#markBytes(pack, 0, this.#packs.packs.get(pack) ?? 0);
  }

  /** True when some of the pack is needed. */
  isLive(pack: string): boolean {
    return this.#marks.has(pack);
  }

  /** Bytes of marked blocks. */
  liveBytes(pack: string): number {
    const marks = this.#marks.get(pack) ?? NO_MARKS;
    const size = this.#packs.packs.get(pack) ?? 0;
    const blocks = marks.reduce((sum, byte) => sum + (BITS[byte] ?? 0), 0);
    const last = Math.floor(size / BLOCK);
    const isLastLive = ((marks[last >>> 3] ?? 0) & (1 << (last & 7))) !== 0;
    return blocks * BLOCK - (isLastLive ? BLOCK - (size % BLOCK) : 0);
  }

  /** Bytes of all marked blocks. */
  allLiveBytes(): number {
    return Array.from(this.#marks.keys()).reduce((sum, pack) => sum + this.liveBytes(pack), 0);
  }

  /**
   * The file of a pack in stretches, in order.
   *
   * @param others also need what they marked.
   */
  *stretches(pack: string, others: readonly LiveBlocks[]): Generator<Stretch, void, void> {
    const size = this.#packs.packs.get(pack) ?? 0;
    const all = [this, ...others].map((live) => live.#marks.get(pack) ?? NO_MARKS);
    for (let offset = 0; offset < size; offset += BLOCKS_IN_STRETCH * BLOCK) {
      const length = Math.min(size - offset, BLOCKS_IN_STRETCH * BLOCK);
      const marks = new Uint8Array(Math.ceil(length / BLOCK / 8));
      const from = offset / BLOCK / 8;
      for (const each of all) {
        const part = each.subarray(from, from + marks.length);
        for (let at = 0; at < part.length; at++) marks[at] = (marks[at] ?? 0) | (part[at] ?? 0);
      }
      yield { offset, length, marks };
    }
  }

  #markBytes(pack: string, offset: number, length: number): void {
    if (length > 0) markIn(this.#marksOf(pack), offset, length);
  }

  #marksOf(pack: string): Uint8Array {
    let marks = this.#marks.get(pack);
    if (marks === undefined) {
      const blocks = Math.ceil((this.#packs.packs.get(pack) ?? 0) / BLOCK);
      this.#marks.set(pack, (marks = new Uint8Array(Math.ceil(blocks / 8))));
    }
    return marks;
  }
}

function markIn(marks: Uint8Array, offset: number, length: number): void {
  const [first, last] = [Math.floor(offset / BLOCK), Math.floor((offset + length - 1) / BLOCK)];
  // Eight at once: a first backup is one range of a gibibyte, and most others lie within a byte or two.
  const [from, to] = [first >>> 3, last >>> 3];
  const head = 0xff << (first & 7);
  const tail = 0xff >>> (7 - (last & 7));
  if (from === to) {
    marks[from] = (marks[from] ?? 0) | (head & tail);
    return;
  }
  marks[from] = (marks[from] ?? 0) | head;
  marks.fill(0xff, from + 1, to);
  marks[to] = (marks[to] ?? 0) | tail;
}
