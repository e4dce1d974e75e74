/**
 * What was seen of servers' directories, and where archives lie by that: without it, one small file out of an archive of
 * thirty nights costs a listing of the directory and the decoding of all maps and the recipe.
 *
 * For: readers, in the turn of the server; the collection reads the disk each time. Promises: nothing is remembered beyond a
 * change of the directory or of the recipe, whichever program made it; memory is bounded. Never: opens packs.
 */
import { lstat } from 'node:fs/promises';
import type { Clock } from '../../base/clock.ts';
import type { BackupId, ServerId } from '../../base/ids.ts';
import type { ServerPacks } from './server-packs.ts';
import type { Layout } from './source.ts';

/**
 * Within one tick of the file system's clock, a directory can change twice and show one time. Where times have a fraction of
 * a second, a tick is one of the kernel's, of at most 10 ms.
 */
const SETTLED_MS = { fine: 100, coarse: 2000 };
/** Rows of maps and parts of layouts, of at most 40 bytes. */
const MOST_ROWS = 2 ** 17;
/** Servers and layouts, so that small ones are bounded too. */
const MOST_SERVERS = 64;
const MOST_LAYOUTS = 64;

/** An archive as its recipe said it. */
export interface LaidOut {
  readonly size: number;
  readonly sha256: string;
  readonly layout: Layout;
  /** Differs after the recipe was changed. */
  readonly change: string;
}

interface Sight {
  readonly packs: ServerPacks;
  /** Differs after a file in the directory came, went or got another name. */
  readonly change: string;
  readonly archives: Map<BackupId, LaidOut>;
  rows: number;
}

export class SeenServers {
  readonly #clock: Pick<Clock, 'now'>;
  /** In the order of their last use. */
  readonly #sights = new Map<ServerId, Sight>();

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  /**
   * What lies in a server's directory now.
   *
   * @param load looks at the disk; not called while nothing has changed. Rejects as that does.
   */
  async packs(server: ServerId, directory: string, load: () => Promise<ServerPacks>): Promise<ServerPacks> {
    const before = await changeOf(directory);
    const known = this.#sights.get(server);
    this.#sights.delete(server);
    if (known !== undefined && known.change === before?.text) {
      this.#sights.set(server, known);
      return known.packs;
    }
    const packs = await load();
    const isSettled = before !== undefined && this.#clock.now() - before.changedAt > before.tickMs;
    const rows = Array.from(packs.maps.values()).reduce((sum, { count }) => sum + count, 0);
    // A bad sector may be read the next time.
    if (isSettled && packs.unreadable.size === 0 && this.#hasRoom(rows)) {
      this.#sights.set(server, { packs, change: before.text, archives: new Map(), rows });
    }
    return packs;
  }

  /** Where an archive lies by `packs`, when that was said before and its recipe is the same. */
  find(server: ServerId, packs: ServerPacks, backup: BackupId, change: string): LaidOut | undefined {
    const sight = this.#sights.get(server);
    const found = sight?.packs === packs ? sight.archives.get(backup) : undefined;
    return found?.change === change ? found : undefined;
  }

  /** Remembers where an archive lies by `packs`. */
  keep(server: ServerId, packs: ServerPacks, backup: BackupId, archive: LaidOut): void {
    const rows = archive.layout.parts.ends.length;
    if (!this.#hasRoom(rows, server)) return;
    const sight = this.#sights.get(server);
    if (sight?.packs !== packs) return;
    sight.archives.set(backup, archive);
    sight.rows += rows;
  }

  /** True when so many rows fit, after those used least recently went. @param kept is not among them. */
  #hasRoom(rows: number, kept?: ServerId): boolean {
    if (rows > MOST_ROWS / 2) return false;
    const sum = (): number => this.#sights.values().reduce((total, sight) => total + sight.rows, 0);
    for (const server of this.#sights.keys()) {
      if (this.#sights.size < MOST_SERVERS && sum() + rows <= MOST_ROWS) break;
      if (server !== kept) this.#sights.delete(server);
    }
    const sight = kept === undefined ? undefined : this.#sights.get(kept);
    const tooMany = sight !== undefined && sight.archives.size >= MOST_LAYOUTS;
    if (sight !== undefined && (tooMany || sum() + rows > MOST_ROWS)) {
      for (const { layout } of sight.archives.values()) sight.rows -= layout.parts.ends.length;
      sight.archives.clear();
    }
    return sum() + rows <= MOST_ROWS;
  }
}

/** Undefined when there is no such directory. */
async function changeOf(directory: string) {
  try {
    const { ino, mtimeNs, ctimeNs, ctimeMs } = await lstat(directory, { bigint: true });
    const tickMs = ctimeNs % 1_000_000_000n === 0n ? SETTLED_MS.coarse : SETTLED_MS.fine;
    return { text: `${ino} ${mtimeNs} ${ctimeNs}`, changedAt: Number(ctimeMs), tickMs };
  } catch {
    return undefined;
  }
}
