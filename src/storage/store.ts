/**
 * The contract of a store: objects in and out, by key.
 *
 * For: all kinds of stores behind one interface. Never: knows what the bytes mean. Promises of every implementation
 * (tested by test/contract/store.ts):
 * - An object is there whole or not at all. Nothing is visible under a key before `commit()` resolves. An opened object
 *   stays readable when its key is replaced or removed; object storage cannot do that and rejects such a read with
 *   `archive_damaged`, never mixing old and new bytes.
 * - Every error is a `Failure`: `insufficient_storage` for a full disk or quota, `store_unreachable` (retry) when the
 *   medium is away, refuses or is another one, `archive_damaged` for an object that is missing or too short,
 *   `cancelled`, otherwise `internal`. The errno is in the facts.
 * - After `close()`, only `check()` and `close()` may be called.
 */
import type { PathParts } from '../base/file-parts.ts';
import type { ByteSink, ByteSource, SameBytes } from '../base/source.ts';
import type { ObjectKey } from './key.ts';
import type { Vault } from './vault-port.ts';

export interface Store {
  /** Its name in the config. */
  readonly name: string;
  readonly type: 'local' | 's3' | 'memory';

  /**
   * Begins a new object. If the key is taken, `commit()` replaces the old object in one step. Of two writers of one key
   * the last commit wins. Every writer must end by `commit()` or `abort()`.
   */
  create(key: ObjectKey, options?: CreateOptions): Promise<ObjectWriter>;

  /** Opens an object for reading; the caller closes the source. `archive_damaged` when there is none. */
  open(key: ObjectKey, options?: OpenOptions): Promise<ByteSource>;

  /** The object's size in bytes, or undefined when there is none. Rejects when the store is unreachable. */
  stat(key: ObjectKey): Promise<{ readonly size: number } | undefined>;

  /** Removes an object durably. Resolves if there is none, so it can be repeated. */
  remove(key: ObjectKey): Promise<void>;

  /**
   * All objects whose key starts with `prefix` ('' for all), in key order. Objects that come or go meanwhile may be
   * missed. Names that are no valid keys are skipped, such as temporary files.
   */
  list(prefix: string): AsyncIterable<StoredObject>;

  /** Removes files that killed writers left, and returns their paths. Current writers are not affected. */
  sweep?(isKnown?: (key: ObjectKey) => boolean): Promise<readonly string[]>;

  /**
   * Free space for new objects; null if the store cannot tell (object storage).
   *
   * @param enough bytes: with fewer, what the store is giving back just then is waited for, which may take minutes. Without
   *   it, that is waited for in any case.
   */
  freeSpace(enough?: number): Promise<FreeSpace | null>;

  /** The path of an object's file, if objects are files on this host. It need not exist. */
  localPath?(key: ObjectKey): string;

  /** Gives back, in the background, what a killed process left and nothing needs. */
  collectAll?(): Promise<void>;

  /** True: bytes that the base of a new archive has take no space again. */
  readonly sharesBytes?: boolean;

  /** Of a store whose archives share bytes, also when new ones are plain. */
  readonly vault?: Vault;

  /** Where an archive's bytes lie when it has no file of its own; undefined when it has, or is not there. */
  partsOf?(key: ObjectKey): Promise<PathParts | undefined>;

  /**
   * Makes a file of this host an object by a hard link. False if that is impossible (another disk, no links): then copy
   * it. The file must not be written afterwards.
   *
   * @throws Failure `backup_exists` when another file has the key.
   */
  link?(key: ObjectKey, path: string): Promise<boolean>;

  /** A URL by which anyone can download the object until it expires; undefined when downloads go through the agent. */
  presign?(key: ObjectKey, options: PresignOptions): Promise<string | undefined>;

  /**
   * Makes the storage refuse to delete the object while its backup is locked, if configured. Called for each change of
   * the backup; a retention cannot be taken back and expires.
   */
  protect?(key: ObjectKey, locked: boolean): Promise<void>;

  /**
   * Resolves when the store can be read and written and is the same as at first; otherwise rejects with
   * `store_unreachable` and a hint. Changes nothing, except that it marks a new store.
   */
  check(): Promise<void>;

  /** Frees what the store holds. Callers still end their own open writers and sources. */
  close(): Promise<void>;
}

export interface OpenOptions {
  /** True when little of it will be read: a store may then open the files that hold it as they are read from. */
  readonly partly?: boolean;
}

export interface CreateOptions {
  /** The most bytes that the object may have; undefined when unknown. */
  readonly expectedSize?: number | undefined;
  /** Aborts a waiting write or commit; the writer must then be aborted. */
  readonly signal?: AbortSignal | undefined;
  /** The archive that `same` of `write` refers to; one that is gone meanwhile is no base. */
  readonly base?: ObjectKey | undefined;
  /** True when `commit` will get the digest, so that the store need not compute one of its own. */
  readonly digestFollows?: boolean | undefined;
}

export interface PresignOptions {
  readonly expiresSeconds: number;
  /** ASCII, without quotes: the name under which a browser saves it. */
  readonly fileName: string;
}

export interface StoredObject {
  readonly key: ObjectKey;
  readonly size: number;
}

export interface FreeSpace {
  readonly bytes: number;
  /** Bytes of the file system, used or not; absent where that is not known. */
  readonly total?: number;
  /** null if the file system does not count them. */
  readonly inodes: number | null;
}

/**
 * An object being written. Calls of `write` are sequential. After `commit()` or `abort()` only `abort()` may be called;
 * it may be called at any time, any number of times.
 */
export interface ObjectWriter extends ByteSink {
  /**
   * Takes all of the bytes or rejects; views on shared memory are fine. After a rejection only `abort()` is allowed.
   *
   * @param same which of them the base has; a store that keeps whole archives ignores it.
   */
  write(bytes: Uint8Array, same?: readonly SameBytes[]): Promise<void>;

  /**
   * Resolves when the object is under its key and survives a power cut. When it rejects, nothing of the attempt is
   * left; a replaced object is completely the old or completely the new one.
   *
   * @param sha256 of the object, lower-case hex, as announced by `digestFollows`.
   */
  commit(sha256?: string): Promise<void>;

  /** Bytes that the object takes beyond those it shares; absent where every byte is its own. */
  readonly storedBytes?: number;

  /**
   * Removes everything of the object, after waiting for a running write. Does nothing after a successful `commit()`.
   * Rejects only when something could not be removed.
   */
  abort(): Promise<void>;
}
