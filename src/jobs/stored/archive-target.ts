/**
 * The three objects of a backup on their way into a store, and the order in which they become visible:
 *
 *   1 archive    a crash before: temporary files only, which the store sweeps
 *   2 index      a crash before: an archive without a manifest; recovery removes it
 *   3 manifest   a crash before: the same, with an index
 *   4 the row    a crash before: all three are there and agree; recovery completes the backup
 *
 * The manifest makes the other two a backup, so it is written last and removed first.
 */
import type { BackupId, ServerId } from '../../base/ids.ts';
import type { ByteSink } from '../../base/source.ts';
import { objectKey, type ObjectKind } from '../../storage/key.ts';
import type { CreateOptions, ObjectWriter, Store } from '../../storage/store.ts';

/** The reverse of the order of writing: once the manifest is gone, the other objects no longer count as a backup. */
const REMOVAL_ORDER: readonly ObjectKind[] = ['json', 'index', 'tar.gz'];

export class ArchiveTarget {
  readonly #store: Store;
  readonly #owner: { readonly server: ServerId; readonly id: BackupId };
  readonly #archive: ObjectWriter;
  readonly #index: ObjectWriter;
  readonly #signal: AbortSignal | undefined;

  private constructor(
    store: Store,
    owner: { readonly server: ServerId; readonly id: BackupId },
    archive: ObjectWriter,
    index: ObjectWriter,
    signal: AbortSignal | undefined,
  ) {
    this.#store = store;
    this.#owner = owner;
    this.#archive = archive;
    this.#index = index;
    this.#signal = signal;
  }

  /**
   * Begins both writers, or neither.
   *
   * @param options of the archive's; the signal ends all waits for the store.
   */
  static async open(
    store: Store,
    owner: { readonly server: ServerId; readonly id: BackupId },
    options: CreateOptions = {},
  ): Promise<ArchiveTarget> {
    const { signal } = options;
    const archive = await store.create(objectKey(owner.server, owner.id, 'tar.gz'), options);
    try {
      const index = await store.create(objectKey(owner.server, owner.id, 'index'), { signal });
      return new ArchiveTarget(store, owner, archive, index, signal);
    } catch (error) {
      await archive.abort();
      throw error;
    }
  }

  get archive(): ByteSink {
    return this.#archive;
  }

  get index(): ByteSink {
    return this.#index;
  }

  /** Bytes that the archive took beyond those it shares with others; undefined where it shares none. */
  get storedBytes(): number | undefined {
    return this.#archive.storedBytes;
  }

  /**
   * Makes all three durable, in order. Rejects at the first that fails; `discard` then takes back the others.
   *
   * @param sha256 of the archive, when `digestFollows` was asked for.
   */
  async seal(manifest: () => Uint8Array, sha256?: string): Promise<void> {
    await this.#archive.commit(sha256);
    await this.#index.commit();
    await putManifest(this.#store, this.#owner, manifest(), this.#signal);
  }

  /**
   * Leaves nothing behind, whatever was written or committed.
   *
   * @throws Failure of what could not be removed, after everything else was tried.
   */
  async discard(): Promise<void> {
    const ended = await Promise.allSettled([this.#archive.abort(), this.#index.abort()]);
    await removeObjects(this.#store, this.#owner);
    for (const result of ended) if (result.status === 'rejected') throw result.reason;
  }
}

/** Writes or replaces a backup's manifest, durably. */
export async function putManifest(
  store: Store,
  owner: { readonly server: ServerId; readonly id: BackupId },
  manifest: Uint8Array,
  signal?: AbortSignal,
): Promise<void> {
  const writer = await store.create(objectKey(owner.server, owner.id, 'json'), { signal });
  try {
    await writer.write(manifest);
    await writer.commit();
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

/**
 * Removes whatever of a backup lies in its store, manifest first. May be repeated. Stops at the first that cannot be
 * removed: an archive must not go while its manifest stays and claims that it is there.
 */
export async function removeObjects(
  store: Store,
  owner: { readonly server: ServerId; readonly id: BackupId },
): Promise<void> {
  for (const kind of REMOVAL_ORDER) await store.remove(objectKey(owner.server, owner.id, kind));
}
