/** Which blocks of each pack's file are needed: one bit for each 4 KiB, whatever the number of ranges. */
import type { RangeList, TakeRange } from '../ranges.ts';
import type { ServerPacks } from '../server-packs.ts';
import type { Layout } from '../source.ts';

/** What ext4, XFS and tmpfs allocate by default. */
export const BLOCK = 4096;

export interface DeadRange {
  readonly offset: number;
  readonly length: number;
}

const NO_MARKS = new Uint8Array(0);

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
    let live = this.#packs.packs.get(pack) ?? 0;
    for (const { length } of this.dead(pack)) live -= length;
    return live;
  }

  /** Bytes of all marked blocks. */
  allLiveBytes(): number {
    return Array.from(this.#marks.keys()).reduce((sum, pack) => sum + this.liveBytes(pack), 0);
  }

  /**
   * Whole blocks that nothing needs, as ranges in order.
   *
   * @param others also need what they marked.
   */
  *dead(pack: string, others: readonly LiveBlocks[] = []): Generator<DeadRange, void, void> {
    const size = this.#packs.packs.get(pack) ?? 0;
    const marks = [this, ...others].map((live) => live.#marks.get(pack) ?? NO_MARKS);
    let from = -1;
    const blocks = Math.ceil(size / BLOCK);
    for (let block = 0; block <= blocks; block++) {
      const isDead = block < blocks && marks.every((each) => ((each[block >>> 3] ?? 0) & (1 << (block & 7))) === 0);
      if (isDead && from < 0) from = block;
      else if (!isDead && from >= 0) {
        yield { offset: from * BLOCK, length: Math.min(size, block * BLOCK) - from * BLOCK };
        from = -1;
      }
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
  const last = Math.floor((offset + length - 1) / BLOCK);
  for (let block = Math.floor(offset / BLOCK); block <= last; block++) {
    // Whole bytes at once: a first backup is one range of a gibibyte.
    if ((block & 7) === 0 && block + 7 <= last) {
      marks[block >>> 3] = 0xff;
      block += 7;
    } else marks[block >>> 3] = (marks[block >>> 3] ?? 0) | (1 << (block & 7));
  }
}
