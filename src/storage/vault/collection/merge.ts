/**
 * Moves the bytes in use of the emptiest packs into new packs, of which most merges need one.
 *
 *   1 a new pack      killed after: a pack that no recipe and no map names; the next collection takes it
 *   2 its map         killed after: its bytes are in two places, and either serves; the newest map's counts, by its id. So it is
 *                     with a merge that ends here because the disk is full: what was moved before needs not be moved again
 *   3 the old packs   removed by the collection, which then finds nothing alive in them, also where the merge failed
 */
import type { BackupId, ServerId } from '../../../base/ids.ts';
import { MEBIBYTE } from '../../../base/sizes.ts';
import type { ByteSource } from '../../../base/source.ts';
import { objectKey } from '../../key.ts';
import type { ObjectWriter, Store } from '../../store.ts';
import { encodeMap } from '../map.ts';
import type { Place } from '../moved.ts';
import type { Pins } from '../pins.ts';
import { putWhole } from '../put.ts';
import { RangeListBuilder } from '../ranges.ts';
import { PACK_LENGTH, packKey, type ServerPacks } from '../server-packs.ts';
import { BLOCK } from './dead-data.ts';
import type { LiveBlocks } from './live-blocks.ts';
import type { LivingRanges } from './living-ranges.ts';

/** From so many packs on they are merged, however full, but for large ones: moving those makes them hardly fewer. */
export const MANY_PACKS = 100;
/** Bytes. A first backup has a hundred packs when it is of a hundred gibibytes. */
const LARGE_PACK = PACK_LENGTH / 2;
/** So many stay when it was for their number. */
const FEWER_PACKS = 70;
const COPIED_AT_ONCE = 4 * MEBIBYTE;

/**
 * The packs to merge: the emptiest, until what is dead in the others is less than the limit.
 *
 * @param pinned are never among them.
 * @param mergeAt the part of all bytes that may be dead, 0 to 1.
 */
export function packsToMerge(
  packs: ServerPacks,
  live: LiveBlocks,
  pinned: ReadonlySet<string>,
  mergeAt: number,
): readonly string[] {
  const fullness = Array.from(packs.packs, ([id, size]) => ({ id, size, live: live.liveBytes(id) }))
    .filter(({ id }) => live.isLive(id))
    .sort((one, other) => one.live / Math.max(1, one.size) - other.live / Math.max(1, other.size));
  const total = fullness.reduce((sum, each) => sum + each.size, 0);
  let dead = fullness.reduce((sum, each) => sum + each.size - each.live, 0);
  let count = fullness.filter(({ size }) => size < LARGE_PACK).length;
  const tooMany = count >= MANY_PACKS;
  if (dead <= total * mergeAt && !tooMany) return [];
  const chosen: string[] = [];
  for (const { id, size, live: alive } of fullness) {
    const forSpace = dead > (total * mergeAt) / 2 && size - alive >= BLOCK;
    const forNumber = tooMany && count > FEWER_PACKS && size < LARGE_PACK;
    if (pinned.has(id) || !(forSpace || forNumber)) continue;
    chosen.push(id);
    dead -= size - alive;
    if (size < LARGE_PACK) count--;
  }
  return chosen;
}

/** What a new pack has at most. */
interface Most {
  /** Of its map: one with more cannot be read. */
  readonly ranges: number;
  /** Bytes. */
  readonly length: number;
}

/**
 * Copies the living ranges of packs into new packs with maps. Removes nothing.
 *
 * @param living all ranges in use, of recipes and pins.
 * @returns bytes copied. @throws Failure `insufficient_storage`, `archive_damaged`, `store_unreachable`.
 */
export async function mergePacks(
  store: Store,
  server: ServerId,
  packs: ServerPacks,
  chosen: ReadonlySet<string>,
  living: LivingRanges,
  pins: Pins,
  most: Most,
): Promise<number> {
  const open = new OpenPacks(store, server);
  const merged = new MergedPacks(store, server, packs, pins, most);
  try {
    let copied = 0;
    for (const { pack, start, length } of living.all()) {
      let born = start;
      for (const place of packs.placesOf(pack, start, length)) {
        if (chosen.has(place.pack)) {
          await merged.take(pack, born, place, open);
          copied += place.length;
        }
        born += place.length;
      }
    }
    await merged.end();
    return copied;
  } catch (error) {
    await merged.abort();
    throw error;
  } finally {
    await open.close();
  }
}

/** The new packs, one after the other: no byte is in two of them, so which of their maps counts first does not matter. */
class MergedPacks {
  readonly #store: Store;
  readonly #server: ServerId;
  readonly #packs: ServerPacks;
  readonly #pins: Pins;
  readonly #most: Most;
  #pack:
    { readonly id: string; readonly writer: ObjectWriter; readonly map: RangeListBuilder; length: number } | undefined;

  constructor(store: Store, server: ServerId, packs: ServerPacks, pins: Pins, most: Most) {
    this.#store = store;
    this.#server = server;
    this.#packs = packs;
    this.#pins = pins;
    this.#most = most;
  }

  /** Copies a place. @param born the pack that its bytes were first written to, and `start` where. */
  async take(born: string, start: number, { pack, offset, length }: Place, open: OpenPacks): Promise<void> {
    for (let at = 0; at < length;) {
      const into = (this.#pack ??= await this.#begin());
      const taken = Math.min(length - at, this.#most.length - into.length);
      await open.copy({ pack, offset: offset + at, length: taken }, into.writer);
      into.map.add(born, start + at, taken);
      into.length += taken;
      at += taken;
      if (into.length >= this.#most.length || into.map.count >= this.#most.ranges) await this.end();
    }
  }

  /** Ends the pack that is being written, if any: the bytes first, then the map. */
  async end(): Promise<void> {
    const pack = this.#pack;
    if (pack === undefined) return;
    await pack.writer.commit();
    await putWhole(this.#store, objectKey(this.#server, pack.id as BackupId, 'map'), encodeMap(pack.map.finish()));
    this.#letGo();
  }

  async abort(): Promise<void> {
    try {
      await this.#pack?.writer.abort();
    } finally {
      this.#letGo();
    }
  }

  async #begin() {
    const id = this.#packs.idBeforeAll();
    this.#pins.keepPack(this.#server, id);
    try {
      const writer = await this.#store.create(packKey(this.#server, id));
      return { id, writer, map: new RangeListBuilder(), length: 0 };
    } catch (error) {
      this.#pins.releasePack(this.#server, id);
      throw error;
    }
  }

  #letGo(): void {
    if (this.#pack !== undefined) this.#pins.releasePack(this.#server, this.#pack.id);
    this.#pack = undefined;
  }
}

/** Packs that are copied from. Each is opened once: ranges are many and short. */
class OpenPacks {
  readonly #store: Store;
  readonly #server: ServerId;
  readonly #sources = new Map<string, ByteSource>();

  constructor(store: Store, server: ServerId) {
    this.#store = store;
    this.#server = server;
  }

  async copy({ pack, offset, length }: Place, writer: ObjectWriter): Promise<void> {
    let source = this.#sources.get(pack);
    if (source === undefined) {
      source = await this.#store.open(packKey(this.#server, pack));
      this.#sources.set(pack, source);
    }
    for (let at = 0; at < length; at += COPIED_AT_ONCE) {
      await writer.write(await source.read(offset + at, Math.min(COPIED_AT_ONCE, length - at)));
    }
  }

  async close(): Promise<void> {
    for (const source of this.#sources.values()) await source.close();
  }
}
