/**
 * What lies in a server's directory of a vault, and where the bytes of a range are now.
 *
 * For: readers, writers and the collection, each of which looks once and works with what it saw. Promises: a range is found
 * by the maps first and by its own pack else, so that bytes which were moved or made again count before those they replace;
 * every caller that looks at one state finds the same place. Never: opens packs.
 */
import { randomUUID } from 'node:crypto';
import { errnoOf, Failure } from '../../base/failure.ts';
import { freeMemory } from '../../base/free-memory.ts';
import type { BackupId, ServerId } from '../../base/ids.ts';
import { MEBIBYTE } from '../../base/sizes.ts';
import { type ByteSource } from '../../base/source.ts';
import { type KeyParts, keyParts, objectKey, type ObjectKey, parseKey } from '../key.ts';
import type { Store, StoredObject } from '../store.ts';
import { decodeMap } from './format/map.ts';
import { MovedRanges, type Place } from './moved.ts';
import { damaged, MAX_RANGES, type RangeList, type TakeRange } from './ranges.ts';
import { decodeRecipe, decodeRecipeHead, MAX_RECIPE, type Recipe, RECIPE_HEAD, walkRecipe } from './format/recipe.ts';

/** A pack is ended at this length: a merge then needs little room, and a file system with a limit takes it. */
export const PACK_LENGTH = 1024 * MEBIBYTE;
/** A map cuts ranges at the ends of its own; a merge moves each byte once. */
const MAX_PLACES = 4 * MAX_RANGES;

export class ServerPacks {
  /** Sizes of the packs' files in bytes, by id. */
  readonly packs: ReadonlyMap<string, number>;
  /** Ids of backups that have a recipe. */
  readonly recipes: ReadonlySet<string>;
  /** What each map says, by the pack it belongs to. */
  readonly maps: ReadonlyMap<string, RangeList>;
  /** Sizes in bytes of archives that have files of their own, by backup. */
  readonly plain: ReadonlyMap<string, number>;
  /** Why maps cannot be read, by the pack they belong to: what was moved there is not found, and all else is. */
  readonly unreadable: ReadonlyMap<string, Failure>;
  readonly #moved: MovedRanges;

  /** @throws Failure `archive_damaged` for a map that cannot be read, `store_unreachable`. */
  static async load(store: Store, server: ServerId): Promise<ServerPacks> {
    const packs = await ServerPacks.loadReadable(store, server);
    for (const failure of packs.unreadable.values()) throw failure;
    return packs;
  }

  /**
   * Passes over maps that cannot be read, for readers: by one bad byte of a map, not all archives of a server are lost.
   *
   * @throws Failure `store_unreachable`.
   */
  static async loadReadable(store: Store, server: ServerId): Promise<ServerPacks> {
    const packs = new Map<string, number>();
    const recipes = new Set<string>();
    const maps = new Map<string, RangeList>();
    const mapKeys: ObjectKey[] = [];
    const plain = new Map<string, number>();
    const unreadable = new Map<string, Failure>();
    for await (const { key, size } of store.list(`${server}/`)) {
      const parts = keyParts(key);
      if (parts?.kind === 'pack') packs.set(parts.backup, size);
      else if (parts?.kind === 'recipe') recipes.add(parts.backup);
      else if (parts?.kind === 'map') mapKeys.push(key);
      else if (parts?.kind === 'tar.gz') plain.set(parts.backup, size);
    }
    for (const key of mapKeys) {
      const id = keyParts(key)?.backup;
      // A map whose pack is gone is what a removal left.
      if (id === undefined || !packs.has(id)) continue;
      try {
        maps.set(id, decodeMap(await readWhole(store, key), key));
      } catch (error) {
        unreadable.set(id, requireDamage(error));
      }
    }
    return new ServerPacks(packs, recipes, maps, plain, unreadable);
  }

  constructor(
    packs: ReadonlyMap<string, number>,
    recipes: ReadonlySet<string>,
    maps: ReadonlyMap<string, RangeList>,
    plain: ReadonlyMap<string, number> = new Map(),
    unreadable: ReadonlyMap<string, Failure> = new Map(),
  ) {
    this.packs = packs;
    this.recipes = recipes;
    this.maps = maps;
    this.plain = plain;
    this.unreadable = unreadable;
    this.#moved = new MovedRanges(maps);
  }

  /**
   * An id for a pack whose map is to count before all that are there: of two places of a range, that of the lower id does. Where
   * chance gives none, one less by its first twelve digits, which some ten million merges use up; by eight, tens of thousands did.
   */
  idBeforeAll(): string {
    const fresh = randomUUID();
    const first = [...this.maps.keys(), ...this.unreadable.keys()].sort()[0];
    if (first === undefined || fresh < first) return fresh;
    const lower = Math.max(0, Number.parseInt(first.slice(0, 8) + first.slice(9, 13), 16) - 1);
    const digits = lower.toString(16).padStart(12, '0');
    return `${digits.slice(0, 8)}-${digits.slice(8)}${fresh.slice(13)}`;
  }

  /**
   * The places of a range, in order.
   *
   * @throws Failure `archive_damaged` when some of it is nowhere.
   */
  *placesOf(pack: string, start: number, length: number): Generator<Place, void, void> {
    const end = start + length;
    let at = start;
    for (const moved of this.#moved.within(pack, start, end)) {
      if (moved.start > at) yield this.#within({ pack, offset: at, length: moved.start - at });
      yield this.#within(moved.place);
      at = moved.start + moved.place.length;
    }
    if (at < end) yield this.#within({ pack, offset: at, length: end - at });
  }

  /**
   * Says of each range of a list where it lies, in order.
   *
   * @param ids the packs that the list names.
   * @returns a function that says undefined where a range lies as it was written first, which most do. It throws Failure
   *   `archive_damaged` when some of it is nowhere, or when all together are in more places than any list has that was
   *   written here: ranges that name one stretch again and again, where maps have cut it, would be without end.
   */
  finder(ids: readonly string[]): (pack: number, start: number, length: number) => readonly Place[] | undefined {
    const born = ids.map((id) => (this.#moved.has(id) ? undefined : this.packs.get(id)));
    let count = 0;
    const counted = (more: number, id: string): void => {
      count += more;
      if (count > MAX_PLACES) throw damaged(`${id}.pack`, 'its bytes would be in too many places');
    };
    return (pack, start, length) => {
      const size = born[pack];
      const id = ids[pack] ?? '';
      if (size !== undefined && start + length <= size) {
        counted(1, id);
        return undefined;
      }
      const places: Place[] = [];
      for (const place of this.placesOf(id, start, length)) {
        counted(1, id);
        places.push(place);
      }
      return places;
    };
  }

  /** The places of all ranges of a list, in order. @throws Failure `archive_damaged` as `finder`. */
  *placesOfAll(list: RangeList): Generator<Place, void, void> {
    const find = this.finder(list.packs);
    for (let index = 0; index < list.count; index++) {
      const [pack, offset, length] = [list.pack[index] ?? 0, list.start[index] ?? 0, list.length[index] ?? 0];
      const places = find(pack, offset, length);
      if (places === undefined) yield { pack: list.packs[pack] ?? '', offset, length };
      else yield* places;
    }
  }

  #within(place: Place): Place {
    const { pack, offset, length } = place;
    const size = this.packs.get(pack);
    if (size === undefined) throw damaged(`${pack}.pack`, 'it is missing, and no map says where its bytes are');
    if (offset + length > size) throw damaged(`${pack}.pack`, `it ends before byte ${offset + length}`);
    return place;
  }
}

/** @throws Failure `archive_damaged`, `store_unreachable`. */
export async function readRecipe(store: Store, key: ObjectKey): Promise<Recipe> {
  return decodeRecipe(await readWhole(store, key), key);
}

/** Bytes of the archive that a recipe describes; undefined when there is no recipe, or it was removed meanwhile. */
export async function recipeSize(store: Pick<Store, 'open' | 'stat'>, key: ObjectKey): Promise<number | undefined> {
  if ((await store.stat(key)) === undefined) return undefined;
  try {
    return await sizeIn(store, key);
  } catch (error) {
    if ((await store.stat(key)) === undefined) return undefined;
    throw error;
  }
}

/** A recipe is shown as the archive it describes; undefined for packs and maps, which are not shown. */
export async function shownAs(
  store: Pick<Store, 'open' | 'stat'>,
  object: StoredObject,
): Promise<StoredObject | undefined> {
  const parts = keyParts(object.key);
  if (parts === undefined || parts.kind === 'pack' || parts.kind === 'map') return undefined;
  if (parts.kind !== 'recipe') return object;
  const size = await recipeSize(store, object.key).catch(() => 0);
  return size === undefined ? undefined : { key: objectKey(parts.server, parts.backup, 'tar.gz'), size };
}

async function sizeIn(store: Pick<Store, 'open'>, recipe: ObjectKey): Promise<number> {
  const source = await store.open(recipe);
  try {
    const head = await source.read(0, Math.min(source.size, RECIPE_HEAD));
    return decodeRecipeHead(Buffer.from(head), recipe).size;
  } finally {
    await source.close();
  }
}

/** Gives the ranges of a recipe on without keeping them (recipe.ts). @throws as `readRecipe`. */
export async function readRanges(
  store: Store,
  key: ObjectKey,
  begin: (packs: readonly string[]) => TakeRange,
): Promise<void> {
  const bytes = await readWhole(store, key);
  walkRecipe(bytes, key, begin);
  // A collection reads one after the other, of megabytes.
  freeMemory(bytes);
}

/** @returns why one file cannot be read. @throws what says nothing about that file. */
function requireDamage(error: unknown): Failure {
  if (error instanceof Failure && (error.code === 'archive_damaged' || errnoOf(error) === 'EIO')) return error;
  throw error;
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

/** The parts of an archive's key; undefined for any other object's. */
export function archiveParts(key: ObjectKey): KeyParts | undefined {
  const parts = keyParts(parseKey(key));
  return parts?.kind === 'tar.gz' ? parts : undefined;
}

export function recipeKey({ server, backup }: KeyParts): ObjectKey {
  return objectKey(server, backup, 'recipe');
}

export function packKey(server: ServerId, pack: string): ObjectKey {
  return objectKey(server, pack as BackupId, 'pack');
}
