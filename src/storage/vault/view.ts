/** The bytes of one server by the places where they were written first, for checks that read each of them once. */
import { asFailure, Failure } from '../../base/failure.ts';
import type { BackupId, ServerId } from '../../base/ids.ts';
import type { ByteSource } from '../../base/source.ts';
import { objectKey } from '../key.ts';
import type { Store } from '../store.ts';
import type { ArchiveRanges, PackRange, VaultView } from '../vault-port.ts';
import type { Pins } from './pins.ts';
import { RangeFinder } from './range-finder.ts';
import { damaged, type RangeList } from './ranges.ts';
import { packKey, readRecipe, ServerPacks } from './server-packs.ts';
import { wholePacks } from './source.ts';

/**
 * To be called while no collection of the server looks at its files.
 *
 * @param onClose once, when nothing is pinned for the view any more. @throws Failure `store_unreachable`.
 */
export async function openView(store: Store, server: ServerId, pins: Pins, onClose: () => void): Promise<VaultView> {
  const packs = await ServerPacks.loadReadable(store, server);
  const archives = new Map<BackupId, ArchiveRanges | Failure>();
  const lists: RangeList[] = [];
  for (const id of packs.recipes as ReadonlySet<BackupId>) {
    try {
      const { list } = await readRecipe(store, objectKey(server, id, 'recipe'));
      archives.set(id, new RangeFinder(list));
      lists.push(list);
    } catch (error) {
      archives.set(id, asFailure(error, 'Cannot read the recipe'));
    }
  }
  // A merge may move ranges out of a pack that stays for a reader, and the view reads them where they were.
  const releases = [pins.keepRead(server, lists, packs)];
  // Where an opened object is not kept when it is removed, no pack may go.
  if (store.localPath === undefined) releases.push(pins.keepPlaces(server, wholePacks(packs)));
  return new OpenView(packs, archives, await openPacks(store, server, packs), [...releases, onClose]);
}

/** Each of them now: a merge moves bytes meanwhile, and removes the packs that they were in. */
async function openPacks(store: Store, server: ServerId, { packs }: ServerPacks) {
  const open = new Map<string, ByteSource | Failure>();
  for (const pack of packs.keys()) {
    const source = store.open(packKey(server, pack));
    open.set(pack, await source.catch((error: unknown) => asFailure(error, 'Cannot read the pack')));
  }
  return open;
}

class OpenView implements VaultView {
  readonly archives: ReadonlyMap<BackupId, ArchiveRanges | Failure>;
  readonly faults: readonly Failure[];
  readonly #packs: ServerPacks;
  readonly #open: ReadonlyMap<string, ByteSource | Failure>;
  readonly #releases: readonly (() => void)[];

  constructor(
    packs: ServerPacks,
    archives: ReadonlyMap<BackupId, ArchiveRanges | Failure>,
    open: ReadonlyMap<string, ByteSource | Failure>,
    releases: readonly (() => void)[],
  ) {
    this.#packs = packs;
    this.archives = archives;
    this.faults = Array.from(packs.unreadable.values());
    this.#open = open;
    this.#releases = releases;
  }

  async read({ pack, start, length }: PackRange): Promise<Uint8Array> {
    const places = Array.from(this.#packs.placesOf(pack, start, length));
    const read: Uint8Array[] = [];
    for (const place of places) read.push(await this.#source(place.pack).read(place.offset, place.length));
    return read.length === 1 && read[0] !== undefined ? read[0] : Buffer.concat(read);
  }

  async close(): Promise<void> {
    for (const release of this.#releases) release();
    for (const source of this.#open.values()) if (!(source instanceof Failure)) await source.close();
  }

  #source(pack: string): ByteSource {
    const source = this.#open.get(pack);
    if (source === undefined || source instanceof Failure) throw source ?? damaged(`${pack}.pack`, 'it is missing');
    return source;
  }
}
