/** Where the stored bytes of a unit were in an older archive, by names and places, or by what they unpack to. */
import { MEBIBYTE } from '../../../base/sizes.ts';
import type { ByteSource } from '../../../base/source.ts';
import type { IndexReader } from '../../index/reader.ts';
import type { Unit } from '../cut.ts';
import type { StoredCheck } from '../messages.ts';

/** The most stored bytes that one unit is compared with. */
const MOST = 4 * MEBIBYTE;

/** Of a row for each segment: offset, length, raw offset, checksum. */
const COLUMNS = 4;

/** A range of the older archive's stored bytes. */
export interface StoredRange {
  readonly offset: number;
  readonly length: number;
}

/** Whole segments that follow each other. */
export interface StoredSegments extends StoredRange {
  readonly checks: readonly StoredCheck[];
}

export class Predecessors {
  readonly #reader: IndexReader;
  readonly #source: ByteSource;
  readonly #offset: Float64Array;
  readonly #rawOffset: Float64Array;
  readonly #length: Float64Array;
  readonly #crc: Float64Array;
  /** Places of segments by the CRC-32 and length of their raw bytes. */
  readonly #twins: ReadonlyMap<number, number>;

  /** @param source of the index; closed by `close`. */
  static async open(reader: IndexReader, source: ByteSource): Promise<Predecessors> {
    const rows: number[] = [];
    const twins = new Map<number, number>();
    for await (const { offset, length, rawOffset, rawLength, crcRaw, crcStored } of reader.segments()) {
      const place = rows.push(offset, length, rawOffset, crcStored) / COLUMNS - 1;
      twins.set(twinKey(crcRaw, rawLength), place);
    }
    return new Predecessors(reader, source, rows, twins);
  }

  private constructor(reader: IndexReader, source: ByteSource, rows: readonly number[], twins: Map<number, number>) {
    this.#reader = reader;
    this.#source = source;
    const column = (number: number): Float64Array =>
      Float64Array.from({ length: rows.length / COLUMNS }, (_, index) => rows[index * COLUMNS + number] ?? 0);
    this.#offset = column(0);
    this.#length = column(1);
    this.#rawOffset = column(2);
    this.#crc = column(3);
    this.#twins = twins;
  }

  /**
   * The stored bytes of the same places of the same paths; undefined when there were none.
   *
   * @throws Failure `archive_damaged` when the index is.
   */
  async of(unit: Unit): Promise<StoredSegments | undefined> {
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
  twin(crcRaw: number, rawLength: number): StoredSegments | undefined {
    const place = this.#twins.get(twinKey(crcRaw, rawLength));
    return place === undefined ? undefined : this.#segments(place, place);
  }

  async close(): Promise<void> {
    await this.#source.close();
  }

  /** The whole segments that hold raw bytes [start, end), as far as they are compared with. */
  #stored(start: number, end: number): StoredSegments {
    const first = this.#lastAt(start);
    const offset = this.#offset[first] ?? 0;
    const endOf = (segment: number): number => (this.#offset[segment] ?? 0) + (this.#length[segment] ?? 0);
    let last = first;
    while ((this.#rawOffset[last + 1] ?? end) < end && endOf(last + 1) - offset <= MOST) last++;
    return this.#segments(first, last);
  }

  #segments(first: number, last: number): StoredSegments {
    const checks: StoredCheck[] = [];
    let length = 0;
    for (let segment = first; segment <= last; segment++) {
      const check = { length: this.#length[segment] ?? 0, crc: this.#crc[segment] ?? 0 };
      checks.push(check);
      length += check.length;
    }
    return { offset: this.#offset[first] ?? 0, length, checks };
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
