/**
 * What must stay in a vault although no recipe on the disk names it: the ranges of open readers and of the bases of running
 * backups, and packs that are being written. Held in memory: a killed process reads and writes nothing more.
 */
import type { ServerId } from '../../base/ids.ts';
import type { RangeList } from './ranges.ts';

export class Pins {
  readonly #ranges = new Map<ServerId, Set<{ readonly list: RangeList }>>();
  readonly #packs = new Map<ServerId, Set<string>>();

  /** Keeps ranges until the returned function is called; calling it again does nothing. */
  keepRanges(server: ServerId, list: RangeList): () => void {
    const pin = { list };
    const ofServer = this.#ranges.get(server) ?? new Set();
    this.#ranges.set(server, ofServer.add(pin));
    return () => {
      ofServer.delete(pin);
      if (ofServer.size === 0 && this.#ranges.get(server) === ofServer) this.#ranges.delete(server);
    };
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

  ranges(server: ServerId): readonly RangeList[] {
    return Array.from(this.#ranges.get(server) ?? [], ({ list }) => list);
  }

  packs(server: ServerId): ReadonlySet<string> {
    return this.#packs.get(server) ?? new Set();
  }
}
