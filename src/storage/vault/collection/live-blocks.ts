/**
 * Which blocks of each pack's file are needed: one bit for each 4 KiB, whatever the number of ranges. How much of them is
 * needed is known of some blocks in equal distances: a bit for each of their eight sectors.
 */
import { MEBIBYTE } from '../../../base/sizes.ts';
import type { RangeList, TakeRange } from '../ranges.ts';
import type { ServerPacks } from '../server-packs.ts';
import type { Layout } from '../source.ts';
import { BLOCK, type Stretch } from './dead-data.ts';

const NO_MARKS = new Uint8Array(0);
/** Blocks of a stretch: 64 MiB. */
const BLOCKS_IN_STRETCH = 2 ** 14;
const SECTOR = BLOCK / 8;
/** Of a large pack one block in 64 says as much as one in eight of a small one, and takes a tenth of the time. */
const LARGE = 64 * MEBIBYTE;
/** Of each byte, how many of its bits are set. */
const BITS = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll('0', '').length);

interface Marks {
  /** Of the pack, in bytes. */
  readonly size: number;
  readonly blocks: Uint8Array;
  /** Of the first block of each 2 ** `shift`. */
  readonly sectors: Uint8Array;
  readonly shift: number;
}

export class LiveBlocks {
  readonly #packs: ServerPacks;
  readonly #marks = new Map<string, Marks>();

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
    const marks: Marks[] = [];
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
    const marks = this.#marks.get(pack)?.blocks ?? NO_MARKS;
    const size = this.#packs.packs.get(pack) ?? 0;
    const blocks = marks.reduce((sum, byte) => sum + (BITS[byte] ?? 0), 0);
    const last = Math.floor(size / BLOCK);
    const isLastLive = ((marks[last >>> 3] ?? 0) & (1 << (last & 7))) !== 0;
    return blocks * BLOCK - (isLastLive ? BLOCK - (size % BLOCK) : 0);
  }

  /** The part of its marked blocks that is needed, 0 to 1, to the sector: an estimate, from some of them. */
  fill(pack: string): number {
    const marks = this.#marks.get(pack);
    if (marks === undefined) return 1;
    const { blocks, sectors, shift } = marks;
    let [marked, needed] = [0, 0];
    // Not by `entries`: a pair for each of a million is garbage that a collection has no memory for.
    for (let index = 0; index < sectors.length; index++) {
      const block = index << shift;
      marked += (((blocks[block >>> 3] ?? 0) >>> (block & 7)) & 1) * 8;
      needed += BITS[sectors[index] ?? 0] ?? 0;
    }
    return marked === 0 ? 1 : needed / marked;
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
    const all = [this, ...others].map((live) => live.#marks.get(pack)?.blocks ?? NO_MARKS);
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

  #marksOf(pack: string): Marks {
    let marks = this.#marks.get(pack);
    if (marks === undefined) {
      const size = this.#packs.packs.get(pack) ?? 0;
      const count = Math.ceil(size / BLOCK);
      const shift = size < LARGE ? 3 : 6;
      const blocks = new Uint8Array(Math.ceil(count / 8));
      marks = { size, blocks, sectors: new Uint8Array(Math.ceil(count / 2 ** shift)), shift };
      this.#marks.set(pack, marks);
    }
    return marks;
  }
}

function markIn(marks: Marks, offset: number, length: number): void {
  const { shift } = marks;
  const [first, last] = [Math.floor(offset / BLOCK), Math.floor((offset + length - 1) / BLOCK)];
  setBits(marks.blocks, first, last);
  const from = (first + 2 ** shift - 1) >>> shift;
  if (from <= last >>> shift) markSectors(marks, from, last >>> shift, offset, offset + length);
}

/** The sectors of blocks, of which all but the first and the last are needed as a whole. */
function markSectors({ size, sectors, shift }: Marks, from: number, to: number, start: number, end: number): void {
  sectors.fill(0xff, from + 1, to);
  for (const index of from === to ? [from] : [from, to]) {
    const block = 2 ** shift * index * BLOCK;
    const sector = (byte: number): number => Math.floor(Math.min(BLOCK - 1, Math.max(0, byte - block)) / SECTOR);
    // Behind the end of the pack nothing can be needed, and nothing is dead.
    setBits(sectors, index * 8 + sector(start), index * 8 + (end >= size ? 7 : sector(end - 1)));
  }
}

/** Sets bits from `first` to `last`, both too. */
function setBits(bits: Uint8Array, first: number, last: number): void {
  // Eight at once: a first backup is one range of a gibibyte, and most others lie within a byte or two.
  const [from, to] = [first >>> 3, last >>> 3];
  const head = 0xff << (first & 7);
  const tail = 0xff >>> (7 - (last & 7));
  if (from === to) {
    bits[from] = (bits[from] ?? 0) | (head & tail);
    return;
  }
  bits[from] = (bits[from] ?? 0) | head;
  bits.fill(0xff, from + 1, to);
  bits[to] = (bits[to] ?? 0) | tail;
}
