/** The bytes of one server by the places where they were written first, for checks that read each of them once. */
import { asFailure, type Failure } from '../../base/failure.ts';
import type { BackupId, ServerId } from '../../base/ids.ts';
import type { ByteSource } from '../../base/source.ts';
import { objectKey } from '../key.ts';
import type { Store } from '../store.ts';
import type { ArchiveRanges, PackRange, VaultView } from '../vault-port.ts';
import type { Pins } from './pins.ts';
import { RangeFinder } from './range-finder.ts';
import { readRecipe, ServerPacks } from './server-packs.ts';

/** To be called while no collection of the server looks at its files. @throws Failure `archive_damaged`. */
export async function openView(store: Store, server: ServerId, pins: Pins): Promise<VaultView> {
  const packs = await ServerPacks.load(store, server);
  const archives = new Map<BackupId, ArchiveRanges | Failure>();
  const releases: (() => void)[] = [];
  for (const id of packs.recipes as ReadonlySet<BackupId>) {
    try {
      const { list } = await readRecipe(store, objectKey(server, id, 'recipe'));
      archives.set(id, new RangeFinder(list));
      releases.push(pins.keepRanges(server, list));
    } catch (error) {
      archives.set(id, asFailure(error, 'Cannot read the recipe'));
    }
  }
  return new OpenView(store, server, packs, archives, releases);
}

class OpenView implements VaultView {
  readonly archives: ReadonlyMap<BackupId, ArchiveRanges | Failure>;
  readonly #store: Store;
  readonly #server: ServerId;
  readonly #packs: ServerPacks;
  readonly #releases: readonly (() => void)[];
  /** The pack read last: a check goes through one after another. */
  #open: { readonly pack: string; readonly source: ByteSource } | undefined;

  constructor(
    store: Store,
    server: ServerId,
    packs: ServerPacks,
    archives: ReadonlyMap<BackupId, ArchiveRanges | Failure>,
    releases: readonly (() => void)[],
  ) {
    this.#store = store;
    this.#server = server;
    this.#packs = packs;
    this.archives = archives;
    this.#releases = releases;
  }

  async read({ pack, start, length }: PackRange): Promise<Uint8Array> {
    const places = Array.from(this.#packs.placesOf(pack, start, length));
    const read: Uint8Array[] = [];
    for (const place of places) read.push(await (await this.#source(place.pack)).read(place.offset, place.length));
    return read.length === 1 && read[0] !== undefined ? read[0] : Buffer.concat(read);
  }

  async close(): Promise<void> {
    for (const release of this.#releases) release();
    await this.#open?.source.close();
    this.#open = undefined;
  }

  async #source(pack: string): Promise<ByteSource> {
    if (this.#open?.pack === pack) return this.#open.source;
    const before = this.#open;
    this.#open = undefined;
    await before?.source.close();
    const source = await this.#store.open(objectKey(this.#server, pack as BackupId, 'pack'));
    this.#open = { pack, source };
    return source;
  }
}
