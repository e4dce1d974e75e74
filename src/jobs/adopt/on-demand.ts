/**
 * Adopts backups that a panel knows and the catalogue does not, because another daemon made them. When the panel asks for
 * one, its archive is searched in the directories of local stores and of `panel.backupDirectories`, in two layouts:
 *
 *   <directory>/<backup>.tar.gz            only the panel knows the owner, and is trusted
 *   <directory>/<server>/<backup>.tar.gz   per server, as Roost does
 *
 * The archive is read to its end first (adopt.ts); one that was cut off is refused. The original stays for the daemon that
 * may return; deleting the backup removes it too.
 *
 * Never follows a link below those directories, and never gives an archive of one server's directory to another server.
 */
import type { Stats } from 'node:fs';
import { lstat, readdir, rmdir, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ArchiveProgress } from '../../archive/entry.ts';
import { asFailure, errnoOf, Failure } from '../../base/failure.ts';
import { syncDirectory } from '../../base/files/handles.ts';
import { type BackupId, isUuid, type ServerId } from '../../base/ids.ts';
import type { Log } from '../../base/log/log.ts';
import type { BackupRecord } from '../../catalogue/records.ts';
import type { Store } from '../../storage/store.ts';
import type { ForeignArchive } from './foreign-archives.ts';
import { storeDirectory, adoptArchive, type AdoptDeps } from './adopt.ts';
import type { KeyedMutex } from '../../base/keyed-mutex.ts';

export interface AdoptOnDemandDeps extends AdoptDeps {
  /** Absolute paths with archives of another daemon, besides the directories of local stores. */
  readonly directories: readonly string[];
  readonly turns: KeyedMutex;
  readonly log: Log;
}

const DOING = 'Cannot take over the backup';
/** Other formats of Calagopus, by suffix. */
const OTHER_FORMATS = ['tar', 'tar.xz', 'tar.bz2', 'tar.lz4', 'tar.lz', 'tar.zst', 'zip', '7z'];

export class AdoptOnDemand {
  readonly #deps: AdoptOnDemandDeps;

  constructor(deps: AdoptOnDemandDeps) {
    this.#deps = deps;
  }

  /** True when there is such an archive that the catalogue does not know. Reads no content. */
  async finds(server: ServerId, backup: BackupId): Promise<boolean> {
    return this.#isUnknown(backup) && (await this.#find(server, backup)) !== undefined;
  }

  /**
   * Adopts the archive after reading it to its end; also resolves when it is already a backup of the server.
   *
   * @throws Failure `backup_not_found`; `archive_damaged` when it is cut off or no archive; `invalid_request` for another
   *   format; `cancelled`, `insufficient_storage`, `store_unreachable`.
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
   * Removes all archives of a backup that the catalogue does not know (any more); durable when this resolves.
   *
   * @returns whether there was any.
   */
  delete(server: ServerId, backup: BackupId): Promise<boolean> {
    return this.#deps.turns.run(`claim:${backup}`, async () => {
      if (!this.#isUnknown(backup)) return false;
      let removed = false;
      for (const place of this.#places(server, backup)) removed = (await removeArchive(place)) || removed;
      return removed;
    });
  }

  /** Removes all unknown archives in directories of this server, where the owner is certain. */
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

  /** Places where the archive may lie; the layout of Roost first. */
  *#places(server: ServerId, backup: BackupId, file = `${backup}.tar.gz`): Generator<FoundArchive, void, void> {
    // Both become parts of a path; this check is the last defence.
    if (!isUuid(server) || !isUuid(backup)) return;
    for (const { store, directory } of this.#directories()) {
      yield { store, parent: join(directory, server), path: join(directory, server, file), perServer: true };
      yield { store, parent: directory, path: join(directory, file), perServer: false };
    }
  }

  /** Directories to search, each with the store that keeps what is found there. */
  #directories(): readonly { readonly store: Store; readonly directory: string }[] {
    const { stores, directories } = this.#deps;
    const local = stores.all().flatMap((store) => {
      const directory = storeDirectory(store);
      return directory === undefined ? [] : [{ store, directory }];
    });
    const home = local.find(({ store }) => store === stores.default)?.store ?? local[0]?.store ?? stores.default;
    return [...local, ...directories.map((directory) => ({ store: home, directory }))];
  }

  /** A more precise failure when the archive exists in an unsupported format. */
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
  /** The store that keeps it after adoption. */
  readonly store: Store;
  readonly parent: string;
  readonly path: string;
  readonly perServer: boolean;
}

/** The regular file at a place; undefined for anything else, and when its directory is a link. */
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

/** Ids of the archives in a server directory; empty when it is not a directory. */
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
