/**
 * A store whose archives share their bytes: `<backup>.recipe` in place of `<backup>.tar.gz`, and packs (docs/vault.md).
 *
 * For: many backups of a server on one local disk. Over any other store it keeps the contract too, where dead bytes come back
 * by merging alone, and only while one process writes there. Promises: what store.ts promises of every store; an archive is
 * the same bytes as in a plain store; plain archives may lie beside and are read as they are. Never: shares bytes between
 * servers, or gives a path or an address of an archive that has no file of its own.
 */
import { dirname } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { asFailure, Failure } from '../../base/failure.ts';
import type { BackupId, ServerId } from '../../base/ids.ts';
import { KeyedMutex } from '../../base/keyed-mutex.ts';
import type { PathParts } from '../../base/file-parts.ts';
import type { ByteSource } from '../../base/source.ts';
import { type KeyParts, keyParts, type ObjectKey } from '../key.ts';
import type { CreateOptions, FreeSpace, ObjectWriter, OpenOptions, Store, StoredObject } from '../store.ts';
import type {
  ArchivePlaces,
  Collected,
  HealedPiece,
  Vault,
  VaultListener,
  VaultUsage,
  VaultView,
} from '../vault-port.ts';
import { pinBase, type PinnedBase } from './base.ts';
import { collectServer, type Measured } from './collection/collect.ts';
import { hasManyPacks } from './collection/merge-choice.ts';
import { freesHoles } from './collection/punch.ts';
import { putHealed } from './healing.ts';
import { findPlaces } from './places.ts';
import { Pins } from './pins.ts';
import { Layouts } from './layouts.ts';
import { archiveParts, packKey, recipeKey, recipeSize, shownAs } from './server-packs.ts';
import { hasPlainName, keptWhole, linkPlain, PlainWriter } from './plain.ts';
import { openVaultSource } from './source.ts';
import { takeIn } from './take-in.ts';
import { addWritten, totalUsage } from './usage.ts';
import { openView } from './view.ts';
import { VaultWriter, type Written } from './writer.ts';

export interface VaultOptions {
  /** The store underneath. The vault owns it from now on and closes it. */
  readonly store: Store;
  /** False: new archives are plain ones, and those of the vault are still read. */
  readonly writes: boolean;
  /** Bytes: a shorter stretch that the base has is stored again. */
  readonly shortestRange: number;
  /** The part of what lies on the disk that may be dead before packs are merged, 0 to 1. */
  readonly mergeAt: number;
  /** Bytes of the disk that merging leaves free, as far as it can. */
  readonly reserveFree?: () => number;
  /** True where holes count as dead although they take no disk: packs are merged more often than they need be. */
  readonly mergesHoles?: boolean;
  /** Completed backups of a server that lie in this store, by the catalogue, the newest first. */
  readonly known: (server: ServerId) => readonly BackupId[];
  readonly clock: Pick<Clock, 'now'>;
  readonly packLength?: number;
}

export class VaultStore implements Store, Vault {
  readonly name: string;
  readonly type: Store['type'];
  /** Of a plain object; a vaulted archive has no file, and `stat` of this path finds none. Absent where objects are no files. */
  readonly localPath?: (key: ObjectKey) => string;
  readonly #options: VaultOptions;
  readonly #inner: Store;
  readonly #pins = new Pins();
  /** What must see one state of a server's files: looking for the packs to open, and collecting. */
  readonly #turns = new KeyedMutex();
  readonly #due = new Set<ServerId>();
  /** Servers with bytes that a collection may have left, as something was read or written meanwhile, or as it failed. */
  readonly #owed = new Set<ServerId>();
  /** Servers with bytes that the last collection left because something was kept: they go when nothing is any more. */
  readonly #waiting = new Set<ServerId>();
  readonly #collecting = new Set<Promise<void>>();
  /** Those that were asked for, too: without the store's lock none may go on. */
  readonly #running = new Set<Promise<unknown>>();
  /** One collection in the background at a time: each has threads, and memory for the ranges of all backups of a server. */
  readonly #line = new KeyedMutex();
  readonly #usage = new Map<ServerId, VaultUsage>();
  readonly #layouts: Layouts;
  #listener: VaultListener | undefined;
  readonly #closing = new AbortController();

  constructor(options: VaultOptions) {
    const { store, clock } = options;
    this.#options = options;
    this.#inner = store;
    this.#layouts = new Layouts(store, clock);
    this.name = store.name;
    this.type = store.type;
    if (store.localPath !== undefined) this.localPath = store.localPath.bind(store);
  }

  get sharesBytes(): boolean {
    return this.#options.writes;
  }

  get vault(): Vault {
    return this;
  }

  /** Tells of collections from now on. */
  listen(listener: VaultListener): void {
    this.#listener = listener;
  }

  usage(server: ServerId): VaultUsage | undefined {
    return this.#usage.get(server);
  }

  total(): VaultUsage | undefined {
    return totalUsage(Array.from(this.#usage.values()));
  }

  placesOf(server: ServerId, backup: BackupId): Promise<ArchivePlaces | undefined> {
    return this.#turns.run(server, () => findPlaces(this.#inner, server, backup));
  }

  takeIn(server: ServerId, backup: BackupId, sha256: string): Promise<boolean> {
    return this.#turns.run(server, () => takeIn(this.#inner, server, backup, sha256));
  }

  heal(server: ServerId, pieces: readonly HealedPiece[]): Promise<void> {
    return this.#turns.run(server, async () => {
      // Dead then: the damaged bytes, or a pack whose map could not be written.
      await putHealed(this.#inner, server, this.#pins, pieces).finally(() => this.#collectUnkept(server));
      const bytes = pieces.reduce((sum, piece) => sum + piece.bytes.byteLength, 0);
      this.#count(server, { packs: 1, bytes });
    });
  }

  view(server: ServerId): Promise<VaultView> {
    return this.#turns.run(server, () => openView(this.#inner, server, this.#pins, () => this.#released(server)));
  }

  async create(key: ObjectKey, options: CreateOptions = {}): Promise<ObjectWriter> {
    const parts = archiveParts(key);
    if (parts === undefined) return this.#inner.create(key, options);
    if (!this.#options.writes) return this.#createPlain(key, parts, options);
    if (this.#closing.signal.aborted) throw new Failure('internal', `Cannot use the store ${this.name}: it is closed`);
    await this.check();
    const base = await this.#pinBase(options.base);
    const { server } = parts;
    return new VaultWriter({
      store: this.#inner,
      owner: parts,
      pins: this.#pins,
      inTurn: (work) => this.#turns.run(server, work),
      base: base?.recipe,
      shortestRange: this.#options.shortestRange,
      packLength: this.#options.packLength,
      signal: options.signal,
      digestFollows: options.digestFollows,
      onEnd: (written, committed, leftDead) => {
        base?.release();
        if (committed) this.#count(server, written);
        // Of a server that was not measured yet, too: what its limit counts is known by a collection.
        const usage = this.#usage.get(server);
        if (leftDead || this.#owed.has(server) || !usage || hasManyPacks(usage)) this.#collectSoon(server);
      },
    });
  }

  async #createPlain(key: ObjectKey, parts: KeyParts, options: CreateOptions): Promise<ObjectWriter> {
    const { server } = parts;
    const inTurn = (work: () => Promise<void>): Promise<void> => this.#turns.run(server, work);
    const onCommitted = (bytes: number, replaces: boolean): void => {
      this.#count(server, { packs: 0, bytes });
      if (replaces) this.#collectSoon(server);
    };
    const keys = { plain: key, recipe: recipeKey(parts) };
    return new PlainWriter(await this.#inner.create(key, options), this.#inner, keys, inTurn, onCommitted);
  }

  async open(key: ObjectKey, { partly }: OpenOptions = {}): Promise<ByteSource> {
    const parts = archiveParts(key);
    if (parts === undefined) return this.#inner.open(key);
    const { server } = parts;
    const plain = await this.#openPlain(key, server, recipeKey(parts));
    if (plain !== undefined) return plain;
    return this.#turns.run(server, async () => {
      // In its turn, nothing comes between the opening and the keeping.
      if ((await this.#inner.stat(recipeKey(parts))) === undefined)
        return this.#keep(await this.#inner.open(key), server);
      const { layout, size, sha256, change } = await this.#layouts.find(parts, await this.#layouts.packs(server));
      const release = this.#releasing(server, this.#pins.keepPlaces(server, layout));
      const identity = `${key} ${sha256} ${size} ${change}`;
      return openVaultSource(layout, (pack) => this.#inner.open(packKey(server, pack)), identity, release, partly);
    });
  }

  async stat(key: ObjectKey): Promise<{ readonly size: number } | undefined> {
    const parts = archiveParts(key);
    if (parts === undefined) return this.#inner.stat(key);
    const taken = async (): Promise<{ readonly size: number } | undefined> => {
      const size = await recipeSize(this.#inner, recipeKey(parts));
      return size === undefined ? undefined : { size };
    };
    // Once more: it may have been taken in between both looks.
    return (await taken()) ?? (await this.#inner.stat(key)) ?? (await taken());
  }

  async remove(key: ObjectKey): Promise<void> {
    const parts = archiveParts(key);
    if (parts === undefined) {
      await this.#inner.remove(key);
      return;
    }
    await this.#turns.run(parts.server, async () => {
      await this.#inner.remove(key);
      await this.#inner.remove(recipeKey(parts));
    });
    this.#collectSoon(parts.server);
  }

  async *list(prefix: string): AsyncGenerator<StoredObject, void> {
    let last = '';
    for await (const object of this.#inner.list(prefix.replace(/\.tar\.gz$/, ''))) {
      const shown = await shownAs(this.#inner, object);
      if (shown?.key.startsWith(prefix) !== true || shown.key === last) continue;
      last = shown.key;
      yield shown;
    }
  }

  sweep(isKnown?: (key: ObjectKey) => boolean): Promise<readonly string[]> {
    return this.#inner.sweep?.(isKnown) ?? Promise.resolve([]);
  }

  /** Collections that are under way are waited for, so that bytes just removed count as free where they are needed. */
  async freeSpace(enough = Number.POSITIVE_INFINITY): Promise<FreeSpace | null> {
    // A merge that was asked for has much of the room, too, until it ends.
    if (this.#collecting.size + this.#running.size > 0) {
      const now = await this.#inner.freeSpace();
      if (now === null || now.bytes >= enough) return now;
      await Promise.allSettled([...this.#collecting, ...this.#running]);
    }
    return this.#inner.freeSpace();
  }

  async link(key: ObjectKey, path: string): Promise<boolean> {
    const parts = archiveParts(key);
    if (parts === undefined) return (await this.#inner.link?.(key, path)) ?? false;
    const keys = { plain: key, recipe: recipeKey(parts) };
    const onLinked = (bytes: number): void => this.#count(parts.server, { packs: 0, bytes });
    return this.#turns.run(parts.server, () => linkPlain(this.#inner, keys, path, onLinked));
  }

  /** The files that an archive's bytes lie in. Undefined for a plain archive, for none at all, or where objects are no files. */
  async partsOf(key: ObjectKey): Promise<PathParts | undefined> {
    const parts = archiveParts(key);
    const { localPath } = this;
    if (parts === undefined || localPath === undefined) return undefined;
    const { server } = parts;
    return this.#turns.run(server, async () => {
      const packs = await this.#layouts.packs(server);
      if (!packs.recipes.has(parts.backup)) return undefined;
      const { files, parts: table } = (await this.#layouts.find(parts, packs)).layout;
      return { paths: files.map((pack) => localPath(packKey(server, pack))), ...table };
    });
  }

  /**
   * Gives back what no backup of the server needs, once.
   *
   * @throws Failure `archive_damaged` when something cannot be read (nothing was removed then), `store_unreachable`,
   * `insufficient_storage`, `cancelled` when the vault is closed meanwhile.
   */
  async collect(server: ServerId, dryRun = false): Promise<Collected> {
    const running = this.#turns.run(server, () => this.#collect(server, dryRun));
    this.#running.add(running);
    return running.finally(() => this.#running.delete(running));
  }

  async #collect(server: ServerId, dryRun: boolean): Promise<Collected> {
    if (!dryRun) {
      this.#owed.add(server);
      this.#waiting.delete(server);
    }
    const path = this.localPath?.(packKey(server, server));
    const punch = path !== undefined && (await freesHoles(dirname(dirname(path))));
    const onMeasured = (measured: Measured): void => {
      // Of a server that is gone, nothing is told.
      if (measured.packs === 0 && measured.storedBytes === 0) this.#usage.delete(server);
      else this.#usage.set(server, { ...measured, collectedAt: this.#options.clock.now() });
    };
    const pins = this.#pins;
    const isPinned = pins.has(server);
    const known = (): readonly BackupId[] => this.#options.known(server);
    const { signal } = this.#closing;
    const collected = await collectServer({ ...this.#options, server, pins, known, punch, dryRun, onMeasured, signal });
    if (!dryRun && isPinned) this.#collectUnkept(server);
    else if (!dryRun) this.#owed.delete(server);
    return collected;
  }

  /** Collects every server once, in the background: a killed process left bytes that nothing needs. */
  async collectAll(): Promise<void> {
    for (const server of await this.servers()) this.#collectSoon(server);
  }

  /** Servers that have objects here. */
  async servers(): Promise<readonly ServerId[]> {
    const found = new Set<ServerId>();
    for await (const { key } of this.#inner.list('')) {
      const parts = keyParts(key);
      if (parts !== undefined) found.add(parts.server);
    }
    return Array.from(found);
  }

  check(): Promise<void> {
    return this.#inner.check();
  }

  /** Ends collections that run, between two steps: a merge of a large server takes minutes, and a stop has one. Begins none. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.allSettled([...this.#collecting, ...this.#running]);
    await this.#inner.close();
  }

  /** One collection behind the removals of now: a pruned server loses many backups in a row. */
  #collectSoon(server: ServerId): void {
    if (this.#closing.signal.aborted || this.#due.has(server)) return;
    this.#owed.add(server);
    this.#due.add(server);
    const running = this.#line.run('', () => this.#collectNext(server)).finally(() => this.#collecting.delete(running));
    this.#collecting.add(running);
  }

  /** Collects when nothing of the server is kept: while something is, a part of the dead would stay. */
  #collectUnkept(server: ServerId): void {
    this.#owed.add(server);
    if (this.#pins.has(server)) this.#waiting.add(server);
    else this.#collectSoon(server);
  }

  /** Not for what a failed collection owes: that would fail again behind each reader. */
  #released(server: ServerId): void {
    if (this.#waiting.has(server) && !this.#pins.has(server)) this.#collectSoon(server);
  }

  async #collectNext(server: ServerId): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    this.#due.delete(server);
    if (this.#closing.signal.aborted) return;
    try {
      const collected = await this.collect(server);
      if (collected.packs > 0 || collected.freedBytes > 0) this.#listener?.onCollected(server, collected);
    } catch (error) {
      const failure = asFailure(error, 'Cannot give back what removed backups took');
      // Cut short by the stop, it is no fault: the next start collects.
      if (failure.code !== 'cancelled') this.#listener?.onFault(server, failure);
      else if (failure.detail.gaveBack !== undefined) this.#listener?.onCollected(server, failure.detail.gaveBack);
    }
  }

  /** What was written since the last collection measured. */
  #count(server: ServerId, written: Written): void {
    const usage = this.#usage.get(server);
    if (usage !== undefined) this.#usage.set(server, addWritten(usage, written));
  }

  async #pinBase(key: ObjectKey | undefined): Promise<PinnedBase | undefined> {
    const parts = key === undefined ? undefined : archiveParts(key);
    if (parts === undefined) return undefined;
    return this.#turns.run(parts.server, () => pinBase(this.#inner, this.#layouts, this.#pins, parts));
  }

  #releasing(server: ServerId, unpin: () => void): () => void {
    return () => {
      unpin();
      this.#released(server);
    };
  }

  #keep(source: ByteSource, server: ServerId): ByteSource {
    return keptWhole(source, (file) => this.#releasing(server, this.#pins.keepFile(server, file)));
  }

  /** Opens an archive that has no recipe; undefined when it has one, or was taken in, removed or replaced meanwhile. */
  async #openPlain(key: ObjectKey, server: ServerId, recipe: ObjectKey): Promise<ByteSource | undefined> {
    if ((await this.#inner.stat(recipe)) !== undefined) return undefined;
    try {
      const source = this.#keep(await this.#inner.open(key), server);
      // Its file may have become a pack, and have lost blocks, before it was kept.
      if (await hasPlainName(source, this.localPath?.(key))) return source;
      await source.close();
      return undefined;
    } catch (error) {
      if ((await this.#inner.stat(recipe)) !== undefined) return undefined;
      throw error;
    }
  }
}
