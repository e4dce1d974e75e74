/** Where the stored bytes of a unit were in an older archive, by names and places, or by what they unpack to. */
import { MEBIBYTE } from '../../base/sizes.ts';
import type { ByteSource } from '../../base/source.ts';
import type { IndexReader } from '../index/reader.ts';
import type { Unit } from './cut.ts';

/** The most stored bytes that one unit is compared with. */
const MOST = 4 * MEBIBYTE;

/** A range of the older archive's stored bytes. */
export interface StoredRange {
  readonly offset: number;
  readonly length: number;
}

export class Predecessors {
  readonly #reader: IndexReader;
  readonly #source: ByteSource;
  readonly #offset: Float64Array;
  readonly #rawOffset: Float64Array;
  readonly #length: Float64Array;
  /** Places of segments by the CRC-32 and length of their raw bytes. */
  readonly #twins: ReadonlyMap<number, number>;

  /** @param source of the index; closed by `close`. */
  static async open(reader: IndexReader, source: ByteSource): Promise<Predecessors> {
    const rows: number[] = [];
    const twins = new Map<number, number>();
    for await (const { offset, length, rawOffset, rawLength, crcRaw } of reader.segments()) {
      const place = rows.push(offset, length, rawOffset) / 3 - 1;
      twins.set(twinKey(crcRaw, rawLength), place);
    }
    return new Predecessors(reader, source, rows, twins);
  }

  private constructor(reader: IndexReader, source: ByteSource, rows: readonly number[], twins: Map<number, number>) {
    this.#reader = reader;
    this.#source = source;
    const count = rows.length / 3;
    this.#offset = Float64Array.from({ length: count }, (_, index) => rows[index * 3] ?? 0);
    this.#length = Float64Array.from({ length: count }, (_, index) => rows[index * 3 + 1] ?? 0);
    this.#rawOffset = Float64Array.from({ length: count }, (_, index) => rows[index * 3 + 2] ?? 0);
    this.#twins = twins;
  }

  /**
   * The stored bytes of the same places of the same paths; undefined when there were none.
   *
   * @throws Failure `archive_damaged` when the index is.
   */
  async of(unit: Unit): Promise<StoredRange | undefined> {
    if (unit.kind !== 'pack') {
      const entry = await this.#reader.find(unit.file.entry.path);
      if (entry?.kind !== 'file' || unit.offset >= entry.size) return undefined;
      const content = entry.tarOffset + entry.headerLength;
      return this.#stored(content + unit.offset, content + Math.min(unit.offset + unit.length, entry.size));
    }
    let start: number | undefined;
    let end = 0;
    for (const entry of [unit.entries[0], unit.entries.at(-1)]) {
      const found = entry && (await this.#reader.find(entry.path));
      if (found === undefined) continue;
      start ??= found.tarOffset;
      end =
        found.tarOffset + found.headerLength + (found.kind === 'file' && entry?.headerOnly !== true ? found.size : 0);
    }
    return start === undefined || end <= start ? undefined : this.#stored(start, end);
  }

  /** The stored bytes of a segment that unpacks to bytes of that checksum: a renamed or copied file. */
  twin(crcRaw: number, rawLength: number): StoredRange | undefined {
    const place = this.#twins.get(twinKey(crcRaw, rawLength));
    return place === undefined ? undefined : { offset: this.#offset[place] ?? 0, length: this.#length[place] ?? 0 };
  }

  async close(): Promise<void> {
    await this.#source.close();
  }

  /** The whole segments that hold raw bytes [start, end). */
  #stored(start: number, end: number): StoredRange {
    const first = this.#lastAt(start);
    const offset = this.#offset[first] ?? 0;
    let last = first;
    while ((this.#rawOffset[last + 1] ?? end) < end) last++;
    return { offset, length: Math.min(MOST, (this.#offset[last] ?? 0) + (this.#length[last] ?? 0) - offset) };
  }

  /** The segment that raw bytes at an offset lie in: the last that begins at or before it. */
  #lastAt(rawOffset: number): number {
    let low = 0;
    let high = this.#rawOffset.length;
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if ((this.#rawOffset[middle] ?? 0) <= rawOffset) low = middle;
      else high = middle;
    }
    return low;
  }
}

/** 32 bits of checksum and at most 21 of length fit into a double. */
function twinKey(crcRaw: number, rawLength: number): number {
  return (crcRaw >>> 0) * 2 ** 21 + rawLength;
}
