/**
 * The contract of a store: one object in, one object out, by key. A store does not know what the bytes mean.
 *
 * Promises of every implementation (the suite in test/contract/store.ts runs over each):
 * - An object is there whole or not at all. Nothing is visible under a key before `commit()` resolved, and what a
 *   reader opened stays readable to its end even when the key is replaced or removed meanwhile; object storage cannot
 *   keep that, and rejects such a read with `archive_damaged`, never mixing old bytes with new ones.
 * - Whatever goes wrong is a `Failure`: `insufficient_storage` for a full disk or quota, `store_unreachable` (retry)
 *   when the medium is away, refuses, or is not the one it was, `archive_damaged` for an object that is missing or
 *   shorter than it said, `cancelled`, else `internal`. The errno is in the facts.
 * - No method but `check()` and `close()` may be called after `close()`.
 */
import type { ByteSink, ByteSource } from '../base/source.ts';
import type { ObjectKey } from './key.ts';

export interface Store {
  /** Its name in the config. */
  readonly name: string;
  readonly type: 'local' | 's3' | 'memory';

  /**
   * Begins a new object. The key may be taken: `commit()` then replaces the old object in one step. Two writers of one
   * key may exist; the last commit wins. Every writer must be ended by `commit()` or `abort()`.
   */
  create(key: ObjectKey, options?: CreateOptions): Promise<ObjectWriter>;

  /** Opens an object for reading; the caller closes the source. `archive_damaged` when there is none. */
  open(key: ObjectKey): Promise<ByteSource>;

  /** The object's size in bytes, or undefined when there is none. Never guesses: an unreachable store rejects. */
  stat(key: ObjectKey): Promise<{ readonly size: number } | undefined>;

  /** Removes an object for good, durably. Resolves too when there is none, so that it can be repeated. */
  remove(key: ObjectKey): Promise<void>;

  /**
   * All objects whose key starts with `prefix` ('' for all), in ascending order of their keys. Objects that come and
   * go meanwhile may be missed or seen. What is not a valid key is passed over, temporary files included.
   */
  list(prefix: string): AsyncIterable<StoredObject>;

  /**
   * Removes what writers that were killed left half-written, where that lies about as files, and returns their paths.
   * Writers that are under way are left alone.
   */
  sweep?(): Promise<readonly string[]>;

  /** What is left for new objects; null where a store cannot say (object storage). */
  freeSpace(): Promise<FreeSpace | null>;

  /** The path of a committed object's file, where objects are files on this host. It need not exist. */
  localPath?(key: ObjectKey): string;

  /**
   * Makes a file of this host an object, by a second name for the same bytes. False where that cannot be (another disk,
   * a file system without links): then they have to be copied. The file must not be written to afterwards.
   *
   * @throws Failure `backup_exists` when the key is taken by anything but that file.
   */
  link?(key: ObjectKey, path: string): Promise<boolean>;

  /** A URL that gives the object to anybody until it expires; undefined where downloads go through the agent. */
  presign?(key: ObjectKey, options: PresignOptions): Promise<string | undefined>;

  /**
   * Has the storage itself refuse to delete the object while its backup is locked, where that is configured. Called
   * again for each change of the backup; what cannot be taken back (a retention) ends by itself.
   */
  protect?(key: ObjectKey, locked: boolean): Promise<void>;

  /**
   * Resolves when the store can be read and written now, and is the one that it was at first; rejects with
   * `store_unreachable` and a hint otherwise. Changes nothing, except that a new store is marked as ours.
   */
  check(): Promise<void>;

  /** Frees what the store holds. Writers and sources that are open stay their callers' to end. */
  close(): Promise<void>;
}

export interface CreateOptions {
  /** The most bytes that the object may come to; absent when nobody knows. */
  readonly expectedSize?: number | undefined;
  /** Ends a write or commit that waits for the medium; the writer then has to be aborted. */
  readonly signal?: AbortSignal | undefined;
}

export interface PresignOptions {
  readonly expiresSeconds: number;
  /** ASCII, without quotes: what a browser saves it as. */
  readonly fileName: string;
}

export interface StoredObject {
  readonly key: ObjectKey;
  readonly size: number;
}

export interface FreeSpace {
  readonly bytes: number;
  /** null where the file system does not count them. */
  readonly inodes: number | null;
}

/**
 * One object on its way in. `write` is called one at a time and in order; nothing may be called after `commit()` or
 * `abort()`, except `abort()` itself, which may be called at any time, any number of times.
 */
export interface ObjectWriter extends ByteSink {
  /**
   * Takes all of the bytes or rejects; views on shared memory are fine. After a rejection only `abort()` is left.
   */
  write(bytes: Uint8Array): Promise<void>;

  /**
   * Resolves when the object is under its key and would survive a power cut. When it rejects, the object is not there
   * (a replaced one is still the old or already the new, whole) and nothing of the attempt is left.
   */
  commit(): Promise<void>;

  /**
   * Gives up: afterwards nothing of the object is left. Does nothing after a `commit()` that resolved. Waits for a
   * write that is under way. Rejects only when the remains could not be removed.
   */
  abort(): Promise<void>;
}
