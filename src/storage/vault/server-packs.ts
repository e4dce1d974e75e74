/**
 * What lies in a server's directory of a vault, and where the bytes of a range are now.
 *
 * For: readers, writers and the collection, each of which looks once and works with what it saw. Promises: a range is found
 * by the maps first and by its own pack else, so that bytes which were moved or made again count before those they replace;
 * every caller that looks at one state finds the same place. Never: opens packs.
 */
import { randomUUID } from 'node:crypto';
import type { ServerId } from '../../base/ids.ts';
import { type ByteSource } from '../../base/source.ts';
import { keyParts, type ObjectKey, parseKey } from '../key.ts';
import type { Store } from '../store.ts';
import { decodeMap } from './map.ts';
import { damaged, type RangeList } from './ranges.ts';
import { decodeRecipe, MAX_RECIPE, type Recipe } from './recipe.ts';

/** A stretch of a pack's file. */
export interface Place {
  readonly pack: string;
  readonly offset: number;
  readonly length: number;
}

/** The ranges of one pack that lie elsewhere, in order of their start. */
interface Moved {
  readonly start: Float64Array;
  readonly length: Float64Array;
  readonly offset: Float64Array;
  readonly pack: readonly string[];
}

export class ServerPacks {
  /** Sizes of the packs' files in bytes, by id. */
  readonly packs: ReadonlyMap<string, number>;
  /** Ids of backups that have a recipe. */
  readonly recipes: ReadonlySet<string>;
  /** What each map says, by the pack it belongs to. */
  readonly maps: ReadonlyMap<string, RangeList>;
  /** Bytes of archives that have files of their own. */
  readonly plainBytes: number;
  readonly #moved: ReadonlyMap<string, Moved>;

  /** @throws Failure `archive_damaged` for a map that cannot be read, `store_unreachable`. */
  static async load(store: Store, server: ServerId): Promise<ServerPacks> {
    const packs = new Map<string, number>();
    const recipes = new Set<string>();
    const maps = new Map<string, RangeList>();
    const mapKeys: ObjectKey[] = [];
    let plainBytes = 0;
    for await (const { key, size } of store.list(`${server}/`)) {
      const parts = keyParts(key);
      if (parts?.kind === 'pack') packs.set(parts.backup, size);
      else if (parts?.kind === 'recipe') recipes.add(parts.backup);
      else if (parts?.kind === 'map') mapKeys.push(key);
      else if (parts?.kind === 'tar.gz') plainBytes += size;
    }
    for (const key of mapKeys) {
      const id = keyParts(key)?.backup;
      // A map whose pack is gone is what a removal left.
      if (id !== undefined && packs.has(id)) maps.set(id, decodeMap(await readWhole(store, key), key));
    }
    return new ServerPacks(packs, recipes, maps, plainBytes);
  }

  constructor(
    packs: ReadonlyMap<string, number>,
    recipes: ReadonlySet<string>,
    maps: ReadonlyMap<string, RangeList>,
    plainBytes = 0,
  ) {
    this.packs = packs;
    this.recipes = recipes;
    this.maps = maps;
    this.plainBytes = plainBytes;
    this.#moved = movedRanges(maps);
  }

  /**
   * An id for a pack whose map is to count before all that are there: of two places of a range, that of the lower id does.
   */
  idBeforeAll(): string {
    const fresh = randomUUID();
    const first = Array.from(this.maps.keys()).sort()[0];
    if (first === undefined || fresh < first) return fresh;
    const lower = Math.max(0, Number.parseInt(first.slice(0, 8), 16) - 1);
    return lower.toString(16).padStart(8, '0') + fresh.slice(8);
  }

  /**
   * The places of a range, in order.
   *
   * @throws Failure `archive_damaged` when some of it is nowhere.
   */
  *placesOf(pack: string, start: number, length: number): Generator<Place, void, void> {
    const end = start + length;
    let at = start;
    for (const moved of movedWithin(this.#moved.get(pack), start, end)) {
      if (moved.start > at) yield this.#own(pack, at, moved.start - at);
      yield moved.place;
      at = moved.start + moved.place.length;
    }
    if (at < end) yield this.#own(pack, at, end - at);
  }

  #own(pack: string, offset: number, length: number): Place {
    const size = this.packs.get(pack);
    if (size === undefined) throw damaged(`${pack}.pack`, 'it is missing, and no map says where its bytes are');
    if (offset + length > size) throw damaged(`${pack}.pack`, `it ends before byte ${offset + length}`);
    return { pack, offset, length };
  }
}

/** @throws Failure `archive_damaged`, `store_unreachable`. */
export async function readRecipe(store: Store, key: ObjectKey): Promise<Recipe> {
  return decodeRecipe(await readWhole(store, key), key);
}

async function readWhole(store: Store, key: ObjectKey): Promise<Buffer> {
  const source: ByteSource = await store.open(parseKey(key));
  try {
    if (source.size > MAX_RECIPE) throw damaged(key, 'it is too large');
    const bytes = await source.read(0, source.size);
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  } finally {
    await source.close();
  }
}

interface Row {
  readonly start: number;
  readonly length: number;
  readonly offset: number;
  readonly pack: string;
}

function movedRanges(maps: ReadonlyMap<string, RangeList>): ReadonlyMap<string, Moved> {
  const rows = new Map<string, Row[]>();
  // In order of the ids, so that of two places of one range every look chooses the same.
  for (const [pack, list] of [...maps].sort(([one], [other]) => (one < other ? -1 : 1))) {
    let offset = 0;
    for (let index = 0; index < list.count; index++) {
      const born = list.packs[list.pack[index] ?? 0] ?? '';
      const length = list.length[index] ?? 0;
      const ofPack = rows.get(born) ?? [];
      if (ofPack.length === 0) rows.set(born, ofPack);
      ofPack.push({ start: list.start[index] ?? 0, length, offset, pack });
      offset += length;
    }
  }
  return new Map(Array.from(rows, ([born, ofPack]) => [born, columns(ofPack)]));
}

/** Sorted and without overlaps: the first of two that overlap counts, as far as it reaches. */
function columns(rows: Row[]): Moved {
  rows.sort((one, other) => one.start - other.start);
  const kept: Row[] = [];
  let end = 0;
  for (const row of rows) {
    const cut = Math.max(0, end - row.start);
    if (cut >= row.length) continue;
    kept.push({ ...row, start: row.start + cut, length: row.length - cut, offset: row.offset + cut });
    end = row.start + row.length;
  }
  return {
    start: Float64Array.from(kept, (row) => row.start),
    length: Float64Array.from(kept, (row) => row.length),
    offset: Float64Array.from(kept, (row) => row.offset),
    pack: kept.map((row) => row.pack),
  };
}

/** What of [start, end) lies elsewhere, in order. */
function* movedWithin(
  moved: Moved | undefined,
  start: number,
  end: number,
): Generator<{ readonly start: number; readonly place: Place }, void, void> {
  if (moved === undefined) return;
  for (let index = firstEndingBehind(moved, start); index < moved.start.length; index++) {
    const from = moved.start[index] ?? 0;
    if (from >= end) return;
    const begin = Math.max(start, from);
    const length = Math.min(end, from + (moved.length[index] ?? 0)) - begin;
    const offset = (moved.offset[index] ?? 0) + begin - from;
    yield { start: begin, place: { pack: moved.pack[index] ?? '', offset, length } };
  }
}

function firstEndingBehind({ start, length }: Moved, offset: number): number {
  let low = 0;
  let high = start.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((start[middle] ?? 0) + (length[middle] ?? 0) > offset) high = middle;
    else low = middle + 1;
  }
  return low;
}
