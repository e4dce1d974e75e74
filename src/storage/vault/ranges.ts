/**
 * Ranges of packs, in order: what a recipe and a map are made of.
 *
 *   range = pack (varint, its place in the list of packs) | start (zigzag varint, less where the range before in that pack
 *           ended) | length (varint)
 *
 * A varint has seven bits a byte, the lowest first. For: recipe.ts and map.ts. Promises: decoding never reads beyond its
 * bytes and takes memory in proportion to them, whatever they are. Never: knows files.
 */
import { Failure } from '../../base/failure.ts';

/** A recipe that comes near so many makes the writer's shortest range longer. */
export const MAX_RANGES = 2 ** 20;
/** Every range of a pack has one, so more packs than ranges are damage. */
export const MAX_PACKS = 2 ** 16;
/** The least that one range takes. */
const RANGE_BYTES = 3;

/** Columns instead of objects: a million ranges are 20 MiB this way, and 100 MiB as objects. */
export interface RangeList {
  /** Ids of packs, each once. */
  readonly packs: readonly string[];
  readonly count: number;
  /** The place in `packs`, by range. */
  readonly pack: Uint32Array;
  /** The first byte in the pack that the range was first written to. */
  readonly start: Float64Array;
  readonly length: Float64Array;
}

export interface Range {
  readonly pack: string;
  readonly start: number;
  readonly length: number;
}

/** Collects ranges, joining neighbours that follow each other in one pack. */
export class RangeListBuilder {
  readonly #places = new Map<string, number>();
  readonly #packs: string[] = [];
  readonly #pack: number[] = [];
  readonly #start: number[] = [];
  readonly #length: number[] = [];
  #lastId = '';

  get count(): number {
    return this.#pack.length;
  }

  add(pack: string, start: number, length: number): void {
    if (length === 0) return;
    const last = this.#pack.length - 1;
    const end = (this.#start[last] ?? 0) + (this.#length[last] ?? 0);
    if (last >= 0 && this.#lastId === pack && end === start) {
      this.#length[last] = (this.#length[last] ?? 0) + length;
      return;
    }
    let place = this.#places.get(pack);
    if (place === undefined) {
      place = this.#packs.length;
      this.#packs.push(pack);
      this.#places.set(pack, place);
    }
    this.#lastId = pack;
    this.#pack.push(place);
    this.#start.push(start);
    this.#length.push(length);
  }

  finish(): RangeList {
    return {
      packs: this.#packs,
      count: this.#pack.length,
      pack: Uint32Array.from(this.#pack),
      start: Float64Array.from(this.#start),
      length: Float64Array.from(this.#length),
    };
  }
}

/** The ids, 16 bytes each. */
export function encodePacks(packs: readonly string[]): Buffer {
  return Buffer.from(packs.map((id) => id.replaceAll('-', '')).join(''), 'hex');
}

export function encodeRanges(list: RangeList): Buffer {
  const ends = new Float64Array(list.packs.length);
  const numbers = new NumberWriter(list.count * 6);
  for (let index = 0; index < list.count; index++) {
    const pack = list.pack[index] ?? 0;
    const start = list.start[index] ?? 0;
    const length = list.length[index] ?? 0;
    const skip = start - (ends[pack] ?? 0);
    numbers.add(pack);
    numbers.add(skip < 0 ? -skip * 2 - 1 : skip * 2);
    numbers.add(length);
    ends[pack] = start + length;
  }
  return numbers.take();
}

/** Takes ranges in order. @param pack its place in the list of packs. */
export type TakeRange = (pack: number, start: number, length: number) => void;

/**
 * Decodes the list of packs and ranges in a recipe or map, and checks them. A range is given on before those behind it are
 * checked.
 *
 * @param bytes the ids, then the ranges, and nothing else.
 * @param what names the file in messages.
 * @param begin gets the ids of the packs, before the first range.
 * @throws Failure `archive_damaged`.
 */
export function walkRanges(
  bytes: Buffer,
  packs: number,
  count: number,
  what: string,
  begin: (packs: readonly string[]) => TakeRange,
): void {
  const idBytes = packs * 16;
  if (packs > MAX_PACKS || count > MAX_RANGES || packs > count) throw damaged(what, 'it has too many packs or ranges');
  if (bytes.length < idBytes + count * RANGE_BYTES) throw damaged(what, 'it is too short');
  const ids = Array.from({ length: packs }, (_, place) => uuidText(bytes, place * 16));
  if (new Set(ids).size !== packs) throw damaged(what, 'it names a pack twice');
  const take = begin(ids);
  const ends = new Float64Array(packs);
  const numbers = new NumberReader(bytes, idBytes, what);
  for (let index = 0; index < count; index++) {
    const pack = numbers.next();
    const skip = numbers.next();
    const length = numbers.next();
    if (pack >= packs) throw damaged(what, 'a range is in no pack');
    const start = (ends[pack] ?? 0) + (skip % 2 === 0 ? skip / 2 : -(skip + 1) / 2);
    const end = start + length;
    if (start < 0 || length === 0 || !Number.isSafeInteger(end)) throw damaged(what, 'a range is nowhere');
    take(pack, start, length);
    ends[pack] = end;
  }
  if (!numbers.atEnd) throw damaged(what, 'something follows its ranges');
}

/** The same, as columns. @throws Failure `archive_damaged`. */
export function decodeRanges(bytes: Buffer, packs: number, count: number, what: string): RangeList {
  let list: RangeList | undefined;
  walkRanges(bytes, packs, count, what, (ids) => {
    const columns = {
      packs: ids,
      count,
      pack: new Uint32Array(count),
      start: new Float64Array(count),
      length: new Float64Array(count),
    };
    list = columns;
    let index = 0;
    return (pack, start, length) => {
      columns.pack[index] = pack;
      columns.start[index] = start;
      columns.length[index] = length;
      index++;
    };
  });
  if (list === undefined) throw new TypeError('the packs are known before the first range');
  return list;
}

export function damaged(what: string, why: string): Failure {
  return new Failure('archive_damaged', `Cannot use ${what}: ${why}`, {
    facts: { file: what },
    hint: hintFor(what),
  });
}

function hintFor(what: string): string {
  if (what.endsWith('.map')) {
    return 'Put the file back from a copy of the disk. Else run "roost vault verify": once it finds all backups whole, or those that are damaged are deleted, remove the file.';
  }
  if (what.endsWith('.pack'))
    return 'Put the file back from a copy, or run "roost vault verify" and delete what it says is damaged.';
  return 'Other backups of the server are read by recipes of their own. Delete this one, or put the file back from a copy.';
}

function uuidText(bytes: Buffer, at: number): string {
  const hex = bytes.toString('hex', at, at + 16);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

class NumberWriter {
  #bytes: Buffer;
  #length = 0;

  constructor(expected: number) {
    this.#bytes = Buffer.allocUnsafe(Math.max(64, expected));
  }

  add(value: number): void {
    if (this.#length + 8 > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(this.#bytes.length * 2);
      this.#bytes.copy(larger, 0, 0, this.#length);
      this.#bytes = larger;
    }
    let rest = value;
    while (rest >= 0x80) {
      this.#bytes[this.#length++] = (rest % 0x80) | 0x80;
      rest = Math.floor(rest / 0x80);
    }
    this.#bytes[this.#length++] = rest;
  }

  take(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }
}

class NumberReader {
  readonly #bytes: Buffer;
  readonly #what: string;
  #at: number;

  constructor(bytes: Buffer, at: number, what: string) {
    this.#bytes = bytes;
    this.#at = at;
    this.#what = what;
  }

  get atEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  next(): number {
    let value = 0;
    for (let factor = 1; factor <= 2 ** 49; factor *= 0x80) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw damaged(this.#what, 'a range ends early');
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
    throw damaged(this.#what, 'a number is too long');
  }
}
