/**
 * Moves the bytes in use of the emptiest packs into one new pack.
 *
 *   1 the new pack    killed after: a pack that no recipe and no map names; the next collection takes it
 *   2 its map         killed after: the bytes are in two places, and either serves; the newest map's counts, by its id
 *   3 the old packs   removed by the collection, which then finds nothing alive in them
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
import { packKey, type ServerPacks } from '../server-packs.ts';
import { BLOCK } from './dead-data.ts';
import type { LiveBlocks } from './live-blocks.ts';
import type { LivingRanges } from './living-ranges.ts';

/** From so many packs on they are merged, however full. */
export const MANY_PACKS = 100;
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
  let count = fullness.length;
  const tooMany = count >= MANY_PACKS;
  if (dead <= total * mergeAt && !tooMany) return [];
  const chosen: string[] = [];
  for (const { id, size, live: alive } of fullness) {
    if (dead <= (total * mergeAt) / 2 && !(tooMany && count > FEWER_PACKS)) break;
    // Only full packs are left; moving them would free nothing.
    if (size - alive < BLOCK && !tooMany) break;
    if (pinned.has(id)) continue;
    chosen.push(id);
    dead -= size - alive;
    count--;
  }
  return chosen;
}

/**
 * Copies the living ranges of packs into a new pack with a map. Removes nothing.
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
): Promise<number> {
  const id = packs.idBeforeAll();
  const open = new OpenPacks(store, server);
  pins.keepPack(server, id);
  let writer: ObjectWriter | undefined;
  try {
    writer = await store.create(packKey(server, id));
    const map = new RangeListBuilder();
    let copied = 0;
    for (const { pack, start, length } of living.all()) {
      let born = start;
      for (const place of packs.placesOf(pack, start, length)) {
        if (chosen.has(place.pack)) {
          await open.copy(place, writer);
          map.add(pack, born, place.length);
          copied += place.length;
        }
        born += place.length;
      }
    }
    await writer.commit();
    await putWhole(store, objectKey(server, id as BackupId, 'map'), encodeMap(map.finish()));
    return copied;
  } catch (error) {
    await writer?.abort();
    throw error;
  } finally {
    pins.releasePack(server, id);
    await open.close();
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
