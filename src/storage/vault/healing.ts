/**
 * Bytes that were made again in place of damaged ones: a pack with a map that counts before all others, so that every
 * archive which names the damaged range reads the new bytes.
 */
import type { BackupId, ServerId } from '../../base/ids.ts';
import { objectKey } from '../key.ts';
import type { ObjectWriter, Store } from '../store.ts';
import type { HealedPiece } from '../vault-port.ts';
import { encodeMap } from './format/map.ts';
import type { Pins } from './pins.ts';
import { putWhole } from './put.ts';
import { type Range, RangeListBuilder } from './ranges.ts';
import { packKey, ServerPacks } from './server-packs.ts';

export class HealingPack {
  readonly #store: Store;
  readonly #server: ServerId;
  readonly #id: string;
  readonly #writer: ObjectWriter;
  readonly #map = new RangeListBuilder();
  /** The server's packs are merged no more until it is called. */
  readonly release: () => void;

  /**
   * To be called while no collection of the server looks at its files: a merge under way would take an id that may count
   * before this one, for the bytes that are damaged.
   *
   * @throws Failure `store_unreachable`, `insufficient_storage`.
   */
  static async begin(store: Store, server: ServerId, pins: Pins): Promise<HealingPack> {
    const id = (await ServerPacks.loadReadable(store, server)).idBeforeAll();
    const release = pins.keepHealing(server, id);
    try {
      const writer = await store.create(packKey(server, id));
      return new HealingPack(store, server, id, writer, release);
    } catch (error) {
      release();
      throw error;
    }
  }

  private constructor(store: Store, server: ServerId, id: string, writer: ObjectWriter, release: () => void) {
    this.#store = store;
    this.#server = server;
    this.#id = id;
    this.#writer = writer;
    this.release = release;
  }

  /** @param ranges that the bytes are, in order. */
  async write(bytes: Uint8Array, ranges: readonly Range[]): Promise<void> {
    await this.#writer.write(bytes);
    for (const { pack, start, length } of ranges) this.#map.add(pack, start, length);
  }

  /** The pack first: a map alone says where bytes are that are not there. */
  async seal(): Promise<void> {
    await this.#writer.commit();
    await putWhole(this.#store, objectKey(this.#server, this.#id as BackupId, 'map'), encodeMap(this.#map.finish()));
  }

  /** Takes the pack back unless it was sealed: sealed bytes are right, whatever becomes of the archive. */
  async abort(): Promise<void> {
    await this.#writer.abort();
  }
}

/**
 * Stores pieces in a healing pack of their own. To be called while no collection of the server looks at its files.
 *
 * @throws Failure as `HealingPack.begin`; nothing counts then.
 */
export async function putHealed(
  store: Store,
  server: ServerId,
  pins: Pins,
  pieces: readonly HealedPiece[],
): Promise<void> {
  const pack = await HealingPack.begin(store, server, pins);
  try {
    for (const { bytes, range } of pieces) await pack.write(bytes, [range]);
    await pack.seal();
  } catch (error) {
    await pack.abort();
    throw error;
  } finally {
    pack.release();
  }
}
