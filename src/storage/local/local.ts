/**
 * A store in a directory of this host (layout.ts).
 *
 * For: keeping backups on a disk of the node. Promises: what store.ts promises; only the directory that it marked is
 * used, so an unmounted disk is `store_unreachable`, for readers too, and never filled or seen as empty; one node has it
 * (ownership.ts), and one process at a time (lock.ts). Never: sweeps what another node left.
 */
import { constants } from 'node:fs';
import { type FileHandle, link, lstat, mkdir, rmdir, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { errnoOf, Failure } from '../../base/failure.ts';
import type { ByteSource } from '../../base/source.ts';
import { type ObjectKey, parseKey } from '../key.ts';
import { explainStoreError } from './failure.ts';
import { removeIfThere, type StoreFiles, systemFiles } from './files.ts';
import { DIRECTORY_MODE, FILE_MODE, isPartialOf, partialPath, pathOf } from './layout.ts';
import { listObjects, sweepPartials } from './list.ts';
import type { StoreIdentity } from '../identity.ts';
import { StoreLock } from './lock.ts';
import { type MarkedPlace, requireMarked } from './marker.ts';
import { openLocalSource } from './source.ts';
import { LocalWriter } from './writer.ts';
import type { FreeSpace, ObjectWriter, Store, StoredObject } from '../store.ts';

/** Another file system, one without links, or a system that forbids links to other users' files. */
const CANNOT_LINK = new Set(['EXDEV', 'EPERM', 'EMLINK', 'ENOSYS', 'ENOTSUP', 'EOPNOTSUPP']);

export interface LocalStoreOptions {
  readonly name: string;
  /** Absolute. */
  readonly directory: string;
  readonly identity: StoreIdentity;
  /** Digits of this node (node.ts); without them there is no owner and no lock, and all partial files are its. */
  readonly node?: string;
  /** The id of a store that this node takes over. */
  readonly adopt?: string | null;
  /** True: its archives share packs, and the marker says so from now on. */
  readonly vault?: boolean;
  readonly files?: StoreFiles;
}

export interface OpenedLocalStore {
  readonly store: LocalStore;
  /** Unfinished files of a crash, removed now. */
  readonly swept: readonly string[];
  /** Why the store cannot be used at present; each call tries again. */
  readonly fault: Failure | null;
}

/** Opens a store even while it is unreachable, so that a daemon can start with a disk missing. */
export async function openLocalStore(options: LocalStoreOptions): Promise<OpenedLocalStore> {
  const store = new LocalStore(options);
  try {
    return { store, swept: await store.sweep(), fault: null };
  } catch (error) {
    return { store, swept: [], fault: await explainStoreError(error, 'Cannot open the store', options.directory) };
  }
}

export class LocalStore implements Store {
  readonly name: string;
  readonly type = 'local';
  readonly #directory: string;
  /** The start of the random digits in names of this node's partial files. */
  readonly #mark: string | undefined;
  readonly #place: MarkedPlace;
  readonly #files: StoreFiles;
  /** Partial files of current writers. */
  readonly #writing = new Set<string>();
  /** Directories of servers whose names are known to be durable. */
  readonly #durable = new Set<string>();
  #closed = false;

  constructor({
    name,
    directory,
    identity,
    node,
    adopt = null,
    vault = false,
    files = systemFiles,
  }: LocalStoreOptions) {
    this.name = name;
    this.#directory = directory;
    this.#mark = node?.slice(0, 8);
    const lock = node === undefined ? undefined : new StoreLock(directory);
    this.#place = { name, directory, identity, node, adopt, vault, files, lock };
    this.#files = files;
  }

  async create(text: ObjectKey): Promise<ObjectWriter> {
    const key = this.#ready(text);
    await this.check();
    const partial = partialPath(this.#directory, key, this.#mark);
    const final = pathOf(this.#directory, key);
    this.#writing.add(partial);
    const onEnd = (): void => void this.#writing.delete(partial);
    try {
      const handle = await this.#createFile(partial);
      return new LocalWriter({ key, directory: this.#directory, partial, final, files: this.#files, onEnd }, handle);
    } catch (error) {
      onEnd();
      throw await explainStoreError(error, `Cannot store ${key}`, this.#directory, { written: 0, needed: 0 });
    }
  }

  async link(text: ObjectKey, path: string): Promise<boolean> {
    const key = this.#ready(text);
    await this.check();
    const final = this.localPath(key);
    try {
      await this.#makeServer(dirname(final));
      // The file's writer may not have flushed it.
      await this.#files.syncDirectory(path);
      await linkOrFind(path, final);
      await this.#files.syncDirectory(dirname(final));
      return true;
    } catch (error) {
      if (!CANNOT_LINK.has(errnoOf(error) ?? '')) {
        throw await explainStoreError(error, `Cannot link ${key}`, this.#directory);
      }
      await this.#syncServer(dirname(final));
      return false;
    }
  }

  async open(text: ObjectKey): Promise<ByteSource> {
    const key = this.#ready(text);
    try {
      return await openLocalSource(this.localPath(key), key, this.#directory);
    } catch (error) {
      // A missing object may lie on a disk that is not mounted.
      if (errnoOf(error) === 'ENOENT') await this.check();
      throw error;
    }
  }

  async stat(text: ObjectKey): Promise<{ readonly size: number } | undefined> {
    const key = this.#ready(text);
    try {
      const facts = await lstat(this.localPath(key));
      return facts.isFile() ? { size: facts.size } : undefined;
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw await explainStoreError(error, `Cannot look up ${key}`, this.#directory);
      await this.check();
      return undefined;
    }
  }

  async remove(text: ObjectKey): Promise<void> {
    const key = this.#ready(text);
    await this.check();
    const path = this.localPath(key);
    try {
      await removeIfThere(this.#files, path);
      // Even if it was already gone: the call that removed it may have been killed before this.
      await this.#syncServer(dirname(path));
    } catch (error) {
      throw await explainStoreError(error, `Cannot remove ${key}`, this.#directory);
    }
  }

  async *list(prefix: string): AsyncGenerator<StoredObject, void> {
    this.#requireOpen();
    await this.check();
    try {
      yield* listObjects(this.#directory, prefix);
    } catch (error) {
      throw await explainStoreError(error, 'Cannot list the store', this.#directory);
    }
  }

  async freeSpace(): Promise<FreeSpace> {
    this.#requireOpen();
    await this.check();
    try {
      const { bavail, blocks, bsize, files, ffree } = await statfs(this.#directory);
      // btrfs and others create inodes on demand and report 0 of 0.
      return { bytes: bavail * bsize, total: blocks * bsize, inodes: files === 0 ? null : ffree };
    } catch (error) {
      throw await explainStoreError(error, 'Cannot ask for free space', this.#directory);
    }
  }

  localPath(key: ObjectKey): string {
    return pathOf(this.#directory, parseKey(key));
  }

  async check(): Promise<void> {
    try {
      await requireMarked(this.#place);
    } catch (error) {
      throw await explainStoreError(error, 'Cannot use the store', this.#directory);
    }
  }

  /**
   * Removes what this node's crashes left unfinished; returns the paths. Those are files whose names say so, and files of
   * objects that the caller knows for its own; without a `node`, all. Files of current writers stay.
   */
  async sweep(isKnown: (key: ObjectKey) => boolean = () => false): Promise<readonly string[]> {
    this.#requireOpen();
    await this.check();
    const node = this.#mark;
    return sweepPartials(this.#directory, this.#files, (path, key) => {
      if (this.#writing.has(path)) return false;
      return node === undefined || isPartialOf(node, path) || isKnown(key);
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#place.lock?.release();
  }

  async #createFile(path: string): Promise<FileHandle> {
    const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
    for (let attempt = 1; ; attempt++) {
      await this.#makeServer(dirname(path));
      try {
        return await this.#files.open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, FILE_MODE);
      } catch (error) {
        // The server's last object was just removed, together with its directory.
        if (errnoOf(error) !== 'ENOENT' || attempt === 5) throw error;
      }
    }
  }

  async #makeServer(path: string): Promise<void> {
    try {
      await mkdir(path, { mode: DIRECTORY_MODE });
      // One of before may have been moved away.
      this.#durable.delete(path);
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
      if (!(await lstat(path)).isDirectory()) {
        throw new Failure('store_unreachable', `Cannot use the store: ${path} is a link or no directory`, {
          facts: { path },
          hint: 'Something else wrote into the store. Move that entry away.',
        });
      }
    }
    // Also of one that was there: the process that made it may have been killed before this.
    if (this.#durable.has(path)) return;
    await this.#files.syncDirectory(this.#directory);
    this.#durable.add(path);
  }

  /** Makes a removal durable, and removes the directory of a server without objects. */
  async #syncServer(path: string): Promise<void> {
    try {
      await this.#files.syncDirectory(path);
      await rmdir(path);
      this.#durable.delete(path);
      await this.#files.syncDirectory(this.#directory);
    } catch (error) {
      const errno = errnoOf(error);
      if (errno !== 'ENOENT' && errno !== 'ENOTEMPTY' && errno !== 'EEXIST') throw error;
    }
  }

  #ready(text: ObjectKey): ObjectKey {
    this.#requireOpen();
    return parseKey(text);
  }

  #requireOpen(): void {
    if (this.#closed) throw new Failure('internal', `Cannot use the store ${this.name}: it is closed`);
  }
}

async function linkOrFind(path: string, final: string): Promise<void> {
  try {
    await link(path, final);
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
    const [ours, theirs] = await Promise.all([lstat(final), lstat(path)]);
    if (ours.ino === theirs.ino && ours.dev === theirs.dev) return;
    throw new Failure('backup_exists', 'Cannot link the file: the store holds another under that name', {
      cause: error,
      facts: { path, final },
    });
  }
}
