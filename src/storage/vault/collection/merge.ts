/**
 * Moves the bytes in use of the emptiest packs into new packs, of which most merges need one.
 *
 *   1 a new pack      killed after: a pack that no recipe and no map names; the next collection takes it
 *   2 its map         killed after: its bytes are in two places, and either serves; the newest map's counts, by its id. So it is
 *                     with a merge that ends here because the disk is full: what was moved before needs not be moved again
 *   3 the old packs   removed by the collection, which then finds nothing alive in them, also where the merge failed
 */
import { errnoOf } from '../../../base/failure.ts';
import type { BackupId, ServerId } from '../../../base/ids.ts';
import { MEBIBYTE } from '../../../base/sizes.ts';
import type { ByteSource } from '../../../base/source.ts';
import { objectKey } from '../../key.ts';
import type { Store } from '../../store.ts';
import { GatheringWriter } from '../gathering-writer.ts';
import { encodeMap } from '../map.ts';
import type { Place } from '../moved.ts';
import type { Pins } from '../pins.ts';
import { putWhole } from '../put.ts';
import { type RangeList, RangeListBuilder } from '../ranges.ts';
import { PACK_LENGTH, packKey, type ServerPacks } from '../server-packs.ts';
import { BLOCK } from './dead-data.ts';
import type { LiveBlocks } from './live-blocks.ts';
import { LivingRanges } from './living-ranges.ts';

/**
 * From so many packs on they are merged, however full, but for large ones: moving those makes them hardly fewer. An archive is
 * read cold from sixty in 1.3 to 1.5 times the time of one file, from ninety in 1.6; fewer would have newer packs moved, of
 * which more is alive.
 */
const MANY_PACKS = 60;
/** Bytes. A first backup has a hundred packs when it is of a hundred gibibytes. */
const LARGE_PACK = PACK_LENGTH / 2;
/** So many stay when it was for their number: the oldest third goes, of which the least is alive. */
const FEWER_PACKS = 40;
const COPIED_AT_ONCE = 4 * MEBIBYTE;

/** True when there may be so many packs that some are merged. Full ones do not count: a first backup may be of a hundred. */
export function hasManyPacks({
  packs,
  storedBytes,
}: {
  readonly packs: number;
  readonly storedBytes: number;
}): boolean {
  return packs - Math.floor(storedBytes / PACK_LENGTH) >= MANY_PACKS;
}

/**
 * The packs to merge. For space the emptiest, until what is dead in the others is less than half the limit; for their number
 * those that are moved the quickest.
 *
 * @param pinned are never among them.
 * @param mergeAt the part of what lies on the disk that may be dead, 0 to 1.
 * @param punched true where blocks that are dead as a whole take no disk: then only what is dead of the others counts. A merge for
 *   the others gives nothing back, and moved half of a server's packs each week.
 * @param room bytes that may be written before anything is given back. What is moved lies there twice until then, in an order in
 *   which a merge that ends early leaves most packs a part.
 */
export function packsToMerge(
  packs: ServerPacks,
  live: LiveBlocks,
  pinned: ReadonlySet<string>,
  mergeAt: number,
  punched: boolean,
  room = Number.POSITIVE_INFINITY,
): readonly string[] {
  const all = Array.from(packs.packs, ([id, size]) => {
    const blocks = live.liveBytes(id);
    const alive = blocks * live.fill(id);
    const stored = punched ? blocks : size;
    // `alive` is an estimate; more than the blocks is never written.
    return { id, stored, alive, blocks, dead: stored - alive, isLarge: size >= LARGE_PACK };
  }).filter(({ id }) => live.isLive(id));
  const mayGo = all.filter(({ id }) => !pinned.has(id));
  const chosen = new Set<string>();
  let left = room;
  const total = all.reduce((sum, { stored }) => sum + stored, 0);
  let dead = all.reduce((sum, each) => sum + each.dead, 0);
  if (dead > total * mergeAt) {
    for (const each of mayGo.toSorted((one, other) => other.dead / other.stored - one.dead / one.stored)) {
      if (dead <= (total * mergeAt) / 2) break;
      // Passed over, not the end: of a tiny pack much may be dead, and of a large one behind it far more.
      if (each.dead < BLOCK || each.blocks > left) continue;
      chosen.add(each.id);
      left -= each.blocks;
      dead -= each.dead;
    }
  }
  const small = all.filter(({ isLarge }) => !isLarge);
  if (small.length < MANY_PACKS) return Array.from(chosen);
  let count = small.filter(({ id }) => !chosen.has(id)).length;
  const forNumber: string[] = [];
  const quickest = mayGo.filter(({ id, isLarge }) => !isLarge && !chosen.has(id));
  for (const { id, blocks } of quickest.toSorted((one, other) => one.alive - other.alive)) {
    if (count <= FEWER_PACKS) break;
    if (blocks > left) continue;
    forNumber.push(id);
    left -= blocks;
    count--;
  }
  // One alone would become one.
  if (chosen.size + forNumber.length < 2) return Array.from(chosen);
  return [...chosen, ...forNumber];
}

/** What a new pack has at most. */
interface Most {
  /** Of its map: one with more cannot be read. */
  readonly ranges: number;
  /** Bytes. */
  readonly length: number;
}

/**
 * Copies the living ranges of packs into new packs with maps. Removes nothing. What the disk cannot read stays where it is: a
 * merge that ended there would end there each time, after it had written all before.
 *
 * @param lists all ranges in use, of recipes and pins. Bytes lie in the order of the first list that names them, so that the
 *   archive of that one is read from the new packs in one go, and those behind it without going back.
 * @returns bytes copied. @throws Failure `insufficient_storage`, `archive_damaged`, `store_unreachable`.
 */
export async function mergePacks(
  store: Store,
  server: ServerId,
  packs: ServerPacks,
  chosen: ReadonlySet<string>,
  lists: AsyncIterable<RangeList>,
  pins: Pins,
  most: Most,
): Promise<number> {
  const open = new OpenPacks(store, server);
  const merged = new MergedPacks(store, server, packs, pins, most);
  try {
    const living = new LivingRanges(bornIn(packs, chosen));
    let copied = 0;
    for await (const list of lists) {
      for (const { pack, start, length } of living.add(list)) {
        let born = start;
        for (const place of packs.placesOf(pack, start, length)) {
          if (chosen.has(place.pack)) {
            copied += await merged.take(pack, born, place, open);
          }
          born += place.length;
        }
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

/** The packs that what lies in some was first written to. */
function bornIn({ maps }: ServerPacks, packs: ReadonlySet<string>): ReadonlySet<string> {
  return new Set(Array.from(packs, (pack) => [pack, ...(maps.get(pack)?.packs ?? [])]).flat());
}

/** The new packs, one after the other: no byte is in two of them, so which of their maps counts first does not matter. */
class MergedPacks {
  readonly #store: Store;
  readonly #server: ServerId;
  readonly #packs: ServerPacks;
  readonly #pins: Pins;
  readonly #most: Most;
  #pack:
    | { readonly id: string; readonly writer: GatheringWriter; readonly map: RangeListBuilder; length: number }
    | undefined;

  constructor(store: Store, server: ServerId, packs: ServerPacks, pins: Pins, most: Most) {
    this.#store = store;
    this.#server = server;
    this.#packs = packs;
    this.#pins = pins;
    this.#most = most;
  }

  /**
   * Copies a place, but for what the disk cannot read. @param born the pack that its bytes were first written to, and `start`
   * where. @returns bytes copied.
   */
  async take(born: string, start: number, { pack, offset, length }: Place, open: OpenPacks): Promise<number> {
    let copied = 0;
    for (let at = 0, taken = 0; at < length; at += taken) {
      taken = Math.min(length - at, this.#most.length - (this.#pack?.length ?? 0), COPIED_AT_ONCE);
      const bytes = await open.read({ pack, offset: offset + at, length: taken });
      if (bytes === undefined) continue;
      await this.#put(born, start + at, bytes);
      copied += taken;
    }
    return copied;
  }

  async #put(born: string, start: number, bytes: Uint8Array): Promise<void> {
    const into = (this.#pack ??= await this.#begin());
    await into.writer.write(bytes);
    into.map.add(born, start, bytes.byteLength);
    into.length += bytes.byteLength;
    if (into.length >= this.#most.length || into.map.count >= this.#most.ranges) await this.end();
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
      const writer = new GatheringWriter(await this.#store.create(packKey(this.#server, id)));
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

  /** Undefined for bytes that the disk cannot read: they stay where they are, and the others need not wait for them. */
  async read({ pack, offset, length }: Place): Promise<Uint8Array | undefined> {
    let source = this.#sources.get(pack);
    if (source === undefined) {
      source = await this.#store.open(packKey(this.#server, pack));
      this.#sources.set(pack, source);
    }
    try {
      return await source.read(offset, length);
    } catch (error) {
      if (errnoOf(error) === 'EIO') return undefined;
      throw error;
    }
  }

  async close(): Promise<void> {
    for (const source of this.#sources.values()) await source.close();
  }
}
