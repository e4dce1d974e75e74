/** Which blocks of each pack's file are needed: one bit for each 4 KiB, whatever the number of ranges. */
import type { RangeList } from './ranges.ts';
import type { ServerPacks } from './server-packs.ts';
import type { Layout } from './source.ts';

/** What ext4, XFS and tmpfs allocate by default. */
export const BLOCK = 4096;

export interface DeadRange {
  readonly offset: number;
  readonly length: number;
}

export class LiveBlocks {
  readonly #packs: ServerPacks;
  readonly #marks = new Map<string, Uint8Array>();

  constructor(packs: ServerPacks) {
    this.#packs = packs;
  }

  /** @throws Failure `archive_damaged` when a range is nowhere or in too many places: nothing may be removed then. */
  mark(list: RangeList): void {
    for (const { pack, offset, length } of this.#packs.placesOfAll(list)) this.#markBytes(pack, offset, length);
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
    const size = this.#packs.packs.get(pack) ?? 0;
    return Math.max(0, size - this.dead(pack).reduce((sum, { length }) => sum + length, 0));
  }

  /** Bytes of all marked blocks. */
  allLiveBytes(): number {
    return Array.from(this.#marks.keys()).reduce((sum, pack) => sum + this.liveBytes(pack), 0);
  }

  /** Whole blocks that nothing needs, as ranges. */
  dead(pack: string): DeadRange[] {
    const size = this.#packs.packs.get(pack) ?? 0;
    const marks = this.#marks.get(pack) ?? new Uint8Array(0);
    const ranges: DeadRange[] = [];
    let from = -1;
    const blocks = Math.ceil(size / BLOCK);
    for (let block = 0; block <= blocks; block++) {
      const isDead = block < blocks && ((marks[block >>> 3] ?? 0) & (1 << (block & 7))) === 0;
      if (isDead && from < 0) from = block;
      else if (!isDead && from >= 0) {
        ranges.push({ offset: from * BLOCK, length: Math.min(size, block * BLOCK) - from * BLOCK });
        from = -1;
      }
    }
    return ranges;
  }

  #markBytes(pack: string, offset: number, length: number): void {
    if (length === 0) return;
    let marks = this.#marks.get(pack);
    if (marks === undefined) {
      const blocks = Math.ceil((this.#packs.packs.get(pack) ?? 0) / BLOCK);
      this.#marks.set(pack, (marks = new Uint8Array(Math.ceil(blocks / 8))));
    }
    const last = Math.floor((offset + length - 1) / BLOCK);
    for (let block = Math.floor(offset / BLOCK); block <= last; block++) {
      // Whole bytes at once: a first backup is one range of a gibibyte.
      if ((block & 7) === 0 && block + 7 <= last) {
        marks[block >>> 3] = 0xff;
        block += 7;
      } else marks[block >>> 3] = (marks[block >>> 3] ?? 0) | (1 << (block & 7));
    }
  }
}
