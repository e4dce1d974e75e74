/**
 * Moves the bytes in use of the emptiest packs into new packs, of which most merges need one.
 *
 *   1 a new pack      killed after: a pack that no recipe and no map names; the next collection takes it
 *   2 its map         killed after: its bytes are in two places, and either serves; the newest map's counts, by its id. So it is
 *                     with a merge that ends here because the disk is full: what was moved before needs not be moved again
 *   3 the old packs   removed by the collection, which then finds nothing alive in them, also where the merge failed
 */
import { errnoOf, throwIfAborted } from '../../../base/failure.ts';
import type { BackupId, ServerId } from '../../../base/ids.ts';
import { MEBIBYTE } from '../../../base/sizes.ts';
import type { ByteSource } from '../../../base/source.ts';
import { objectKey } from '../../key.ts';
import type { Store } from '../../store.ts';
import { GatheringWriter } from '../gathering-writer.ts';
import { encodeMap } from '../format/map.ts';
import type { Place } from '../moved.ts';
import type { Pins } from '../pins.ts';
import { putWhole } from '../put.ts';
import { type RangeList, RangeListBuilder } from '../ranges.ts';
import { packKey, type ServerPacks } from '../server-packs.ts';
import { LivingRanges } from './living-ranges.ts';

const COPIED_AT_ONCE = 4 * MEBIBYTE;

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
 * @param signal ends it between two pieces, of which the next merge copies those again whose pack had no map yet.
 * @returns bytes copied. @throws Failure `insufficient_storage`, `archive_damaged`, `store_unreachable`, `cancelled`.
 */
export async function mergePacks(
  store: Store,
  server: ServerId,
  packs: ServerPacks,
  chosen: ReadonlySet<string>,
  lists: AsyncIterable<RangeList>,
  pins: Pins,
  most: Most,
  signal?: AbortSignal,
): Promise<number> {
  const sources = new MergeSources(store, server);
  const merged = new MergedPacks(store, server, packs, pins, most);
  try {
    const living = new LivingRanges(bornIn(packs, chosen));
    let copied = 0;
    for await (const list of lists) {
      for (const { pack, start, length } of living.add(list)) {
        let born = start;
        for (const place of packs.placesOf(pack, start, length)) {
          if (chosen.has(place.pack)) {
            throwIfAborted(signal, 'Cannot merge packs');
            copied += await merged.take(pack, born, place, sources);
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
    await sources.close();
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
  async take(born: string, start: number, { pack, offset, length }: Place, from: MergeSources): Promise<number> {
    let copied = 0;
    for (let at = 0, taken = 0; at < length; at += taken) {
      taken = Math.min(length - at, this.#most.length - (this.#pack?.length ?? 0), COPIED_AT_ONCE);
      const bytes = await from.read({ pack, offset: offset + at, length: taken });
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
class MergeSources {
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
