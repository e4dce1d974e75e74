/**
 * Backups that a panel knows and the catalogue does not: another daemon made them, before this one took its place. Their
 * archives are looked for when the panel asks for one, in the directories of the local stores and in those that the
 * config names, by both layouts that daemons of panels have:
 *
 *   <directory>/<backup>.tar.gz            flat: whose it is only the panel knows, and its word counts
 *   <directory>/<server>/<backup>.tar.gz   per server, which is also Roost's own
 *
 * An archive is read to its last byte before it becomes a backup of the server (adopt.ts): one that was cut off is
 * refused. What was found stays where it is, for the daemon that may come back; deleting the backup removes it there too.
 *
 * Never follows a link below those directories, and never gives an archive that lies in one server's to another.
 */
import type { Stats } from 'node:fs';
import { lstat, readdir, rmdir, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ArchiveProgress } from '../../archive/entry.ts';
import { asFailure, errnoOf, Failure } from '../../base/failure.ts';
import { syncDirectory } from '../../base/handles.ts';
import { type BackupId, isUuid, type ServerId } from '../../base/ids.ts';
import type { Log } from '../../base/log.ts';
import type { BackupRecord } from '../../catalogue/records.ts';
import type { Store } from '../../storage/store.ts';
import type { ForeignArchive } from './foreign-archives.ts';
import { storeDirectory, adoptArchive, type AdoptDeps } from './adopt.ts';
import type { KeyedMutex } from '../../base/keyed-mutex.ts';

export interface AdoptOnDemandDeps extends AdoptDeps {
  /** Absolute paths where another daemon left its archives, besides the directories of the local stores. */
  readonly directories: readonly string[];
  readonly turns: KeyedMutex;
  readonly log: Log;
}

const DOING = 'Cannot take over the backup';
/** What Calagopus writes when it is told to, by what stands behind the id. */
const OTHER_FORMATS = ['tar', 'tar.xz', 'tar.bz2', 'tar.lz4', 'tar.lz', 'tar.zst', 'zip', '7z'];

export class AdoptOnDemand {
  readonly #deps: AdoptOnDemandDeps;

  constructor(deps: AdoptOnDemandDeps) {
    this.#deps = deps;
  }

  /** True when there is an archive of that id for that server that the catalogue does not know. Reads no content. */
  async finds(server: ServerId, backup: BackupId): Promise<boolean> {
    return this.#isUnknown(backup) && (await this.#find(server, backup)) !== undefined;
  }

  /**
   * Makes the archive a backup of the server, once it was read to its end; resolves too when it is one already.
   *
   * @throws Failure `backup_not_found`; `archive_damaged` when it was cut off or is none; `invalid_request` for a format
   *   that cannot be taken over; `cancelled`, `insufficient_storage`, `store_unreachable`.
   */
  adopt(
    server: ServerId,
    backup: BackupId,
    signal: AbortSignal,
    onProgress: (progress: ArchiveProgress) => void = () => undefined,
  ): Promise<BackupRecord> {
    return this.#deps.turns.run(`claim:${backup}`, async () => {
      const { catalogue, log } = this.#deps;
      if (!this.#isUnknown(backup)) return catalogue.backups.get(backup, server);
      const found = await this.#find(server, backup);
      if (found === undefined) throw await this.#missing(server, backup);
      const archive: ForeignArchive = { path: found.path, server, backup, name: null };
      await adoptArchive(archive, found.store, { how: 'link', dryRun: false, signal, onProgress }, this.#deps);
      log.info('Took over a backup that another daemon made', { server, backup, path: found.path });
      return catalogue.backups.get(backup, server);
    });
  }

  /**
   * Removes what another daemon left of a backup, wherever it lies; durable when this resolves. Call it for a backup that
   * the catalogue does not know, or does not know any more.
   *
   * @returns whether there was anything.
   */
  delete(server: ServerId, backup: BackupId): Promise<boolean> {
    return this.#deps.turns.run(`claim:${backup}`, async () => {
      if (!this.#isUnknown(backup)) return false;
      let removed = false;
      for (const place of this.#places(server, backup)) removed = (await removeArchive(place)) || removed;
      return removed;
    });
  }

  /**
   * Removes what another daemon left in the server's own directories, where whose it is needs nobody's word. What the
   * catalogue knows stays.
   */
  async deleteAll(server: ServerId): Promise<void> {
    if (!isUuid(server)) return;
    for (const { directory } of this.#directories()) {
      for (const backup of await archivesIn(join(directory, server))) await this.delete(server, backup);
    }
  }

  #isUnknown(backup: BackupId): boolean {
    return this.#deps.catalogue.backups.find(backup) === undefined;
  }

  async #find(server: ServerId, backup: BackupId): Promise<FoundArchive | undefined> {
    for (const place of this.#places(server, backup)) if ((await archiveAt(place)) !== undefined) return place;
    return undefined;
  }

  /** Where the archive may lie; Roost's own layout first. */
  *#places(server: ServerId, backup: BackupId, file = `${backup}.tar.gz`): Generator<FoundArchive, void, void> {
    // Both become parts of a path: whoever calls has parsed them, and this is where it matters.
    if (!isUuid(server) || !isUuid(backup)) return;
    for (const { store, directory } of this.#directories()) {
      yield { store, parent: join(directory, server), path: join(directory, server, file), perServer: true };
      yield { store, parent: directory, path: join(directory, file), perServer: false };
    }
  }

  /** Where archives may lie, and the store that keeps what is found there. */
  #directories(): readonly { readonly store: Store; readonly directory: string }[] {
    const { stores, directories } = this.#deps;
    const local = stores.all().flatMap((store) => {
      const directory = storeDirectory(store);
      return directory === undefined ? [] : [{ store, directory }];
    });
    const home = local.find(({ store }) => store === stores.default)?.store ?? local[0]?.store ?? stores.default;
    return [...local, ...directories.map((directory) => ({ store: home, directory }))];
  }

  /** Says more than "not found" of an archive that is there in a format that is of no use here. */
  async #missing(server: ServerId, backup: BackupId): Promise<Failure> {
    for (const format of OTHER_FORMATS) {
      for (const place of this.#places(server, backup, `${backup}.${format}`)) {
        if ((await archiveAt(place)) !== undefined) return otherFormat(format, place.path);
      }
    }
    return new Failure('backup_not_found', 'There is no such backup');
  }
}

interface FoundArchive {
  /** Where it is kept from then on. */
  readonly store: Store;
  readonly parent: string;
  readonly path: string;
  readonly perServer: boolean;
}

/** The regular file at a place; undefined for anything else, a link on the way included. */
async function archiveAt({ parent, path, perServer }: FoundArchive): Promise<Stats | undefined> {
  try {
    if (perServer && !(await lstat(parent)).isDirectory()) return undefined;
    const facts = await lstat(path);
    return facts.isFile() ? facts : undefined;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw asFailure(error, DOING);
  }
}

/** The ids of the archives in a server's directory; none when it is no directory. */
async function archivesIn(directory: string): Promise<readonly BackupId[]> {
  try {
    if (!(await lstat(directory)).isDirectory()) return [];
    const ids = (await readdir(directory)).map((name) => name.replace(/\.tar\.gz$/, ''));
    return ids.filter((id): id is BackupId => isUuid(id));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return [];
    throw asFailure(error, 'Cannot delete the backups');
  }
}

async function removeArchive(place: FoundArchive): Promise<boolean> {
  if ((await archiveAt(place)) === undefined) return false;
  try {
    await unlink(place.path);
    syncDirectory(place.parent);
    if (place.perServer) await removeIfEmpty(place.parent);
    return true;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw asFailure(error, 'Cannot delete the backup');
  }
}

async function removeIfEmpty(directory: string): Promise<void> {
  try {
    await rmdir(directory);
    syncDirectory(dirname(directory));
  } catch (error) {
    const errno = errnoOf(error) ?? '';
    if (!['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(errno)) throw error;
  }
}

function otherFormat(format: string, path: string): Failure {
  return new Failure('invalid_request', `${DOING}: it is a .${format} file, and only tar.gz can be taken over`, {
    facts: { path },
    hint: 'Pack its content into a .tar.gz of the same name, then try again.',
  });
}
