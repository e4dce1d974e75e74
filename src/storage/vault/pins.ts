/**
 * What must stay in a vault although no recipe on the disk names it: the ranges of the bases of running backups, wherever
 * they lie, the places that open readers read from, and packs that are being written. Held in memory: a killed process reads and writes nothing more.
 */
import { attempt } from '../../base/failure.ts';
import type { ServerId } from '../../base/ids.ts';
import { LiveBlocks } from './collection/live-blocks.ts';
import type { RangeList } from './ranges.ts';
import type { ServerPacks } from './server-packs.ts';
import type { Layout } from './source.ts';

interface Pin<Kept> {
  readonly kept: Kept;
}

export class Pins {
  readonly #ranges = new Map<ServerId, Set<Pin<RangeList>>>();
  readonly #places = new Map<ServerId, Set<Pin<Layout>>>();
  readonly #packs = new Map<ServerId, Set<string>>();
  readonly #blocks = new Map<ServerId, Set<Pin<LiveBlocks>>>();
  readonly #files = new Map<ServerId, Set<Pin<string>>>();
  readonly #healing = new Map<ServerId, Set<Pin<string>>>();

  /** Keeps ranges until the returned function is called; calling it again does nothing. They may be moved meanwhile. */
  keepRanges(server: ServerId, list: RangeList): () => void {
    return keep(this.#ranges, server, list);
  }

  /** Keeps bytes where they lie, as `keepRanges` does. */
  keepPlaces(server: ServerId, layout: Layout): () => void {
    return keep(this.#places, server, layout);
  }

  /**
   * Keeps ranges, and the blocks that they lie in by `packs`: files that are open are read there, wherever a merge moves them. A
   * pack that is removed stays readable by its open file; one that only loses blocks, as some of it is kept for another, does not.
   */
  keepRead(server: ServerId, lists: readonly RangeList[], packs: ServerPacks): () => void {
    const blocks = new LiveBlocks(packs);
    // Where some of it is nowhere, no collection gives anything back.
    for (const list of lists) attempt(() => blocks.mark(list));
    const releases = lists.map((list) => this.keepRanges(server, list));
    releases.push(keep(this.#blocks, server, blocks));
    return () => {
      for (const release of releases) release();
    };
  }

  /**
   * Keeps a file whole, as `keepRanges` does: a plain archive that is being read may become a pack meanwhile, of which its backup
   * then needs nothing any more.
   *
   * @param file as `fileIdentity` has it.
   */
  keepFile(server: ServerId, file: string): () => void {
    return keep(this.#files, server, file);
  }

  keepPack(server: ServerId, pack: string): void {
    const ofServer = this.#packs.get(server) ?? new Set();
    this.#packs.set(server, ofServer.add(pack));
  }

  releasePack(server: ServerId, pack: string): void {
    const ofServer = this.#packs.get(server);
    ofServer?.delete(pack);
    if (ofServer?.size === 0) this.#packs.delete(server);
  }

  /**
   * Keeps a pack of bytes that heal damage, as `keepRanges` does. Its map is not on the disk yet: a merge would copy the damaged
   * bytes, under an id that may count before that map.
   */
  keepHealing(server: ServerId, pack: string): () => void {
    this.keepPack(server, pack);
    const release = keep(this.#healing, server, pack);
    return () => {
      release();
      this.releasePack(server, pack);
    };
  }

  /** True while bytes that heal damage are being written. */
  heals(server: ServerId): boolean {
    return this.#healing.has(server);
  }

  /** True when something of the server is kept. */
  has(server: ServerId): boolean {
    return [this.#ranges, this.#places, this.#packs, this.#files].some((pins) => pins.has(server));
  }

  ranges(server: ServerId): readonly RangeList[] {
    return Array.from(this.#ranges.get(server) ?? [], ({ kept }) => kept);
  }

  places(server: ServerId): readonly Layout[] {
    return Array.from(this.#places.get(server) ?? [], ({ kept }) => kept);
  }

  blocks(server: ServerId): readonly LiveBlocks[] {
    return Array.from(this.#blocks.get(server) ?? [], ({ kept }) => kept);
  }

  files(server: ServerId): ReadonlySet<string> {
    return new Set(Array.from(this.#files.get(server) ?? [], ({ kept }) => kept));
  }

  packs(server: ServerId): ReadonlySet<string> {
    return this.#packs.get(server) ?? new Set();
  }
}

function keep<Kept>(pins: Map<ServerId, Set<Pin<Kept>>>, server: ServerId, kept: Kept): () => void {
  const pin = { kept };
  const ofServer = pins.get(server) ?? new Set();
  pins.set(server, ofServer.add(pin));
  return () => {
    ofServer.delete(pin);
    if (ofServer.size === 0 && pins.get(server) === ofServer) pins.delete(server);
  };
}
