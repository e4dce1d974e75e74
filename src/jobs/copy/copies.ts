/**
 * Copies completed backups into further stores (`storage.copies`).
 *
 * For: the composition root, and the delete verb.
 * Promises: a backup is complete whether its copies succeed or not; a `completed` copy has the sha256 of the archive, and
 * its manifest was written last; a restart continues; one that was found damaged is made again, and until that is written
 * what there is stays. One copy runs at a time, since players share the upload:
 *
 *   1 the row `pending`          a crash before: the next start finds the backup without a row and plans it
 *   2 archive, index, manifest   a crash between: repeated; an object that exists is whole, unless the row says damaged
 *   3 the row `completed`
 *
 * Never: reads a server directory or changes the original.
 */
import type { Clock } from '../../base/clock.ts';
import { asFailure, Failure } from '../../base/failure.ts';
import type { BackupId, ServerId } from '../../base/ids.ts';
import type { Log } from '../../base/log/log.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import { encodeManifest } from '../../catalogue/manifest/manifest.ts';
import type { BackupRecord, CopyRecord } from '../../catalogue/records.ts';
import type { LimitsConfig, StorageConfig } from '../../config/types.ts';
import { objectKey, type ObjectKind } from '../../storage/key.ts';
import { putManifest, removeObjects } from '../stored/archive-target.ts';
import type { CopyData, EventSource, RoostEvent } from '../contract.ts';
import type { EventHub } from '../runner/events.ts';
import { goesToPanel } from '../report/panel.ts';
import { protectObjects, readAllocated, readAside } from '../stored/manifests.ts';
import { copyObject } from '../stored/copy-object.ts';
import { SpaceGuard } from '../stored/space-guard.ts';
import { openArchiveSource } from '../stored/stored-archive.ts';
import type { StoreSet } from '../stored/stores.ts';

export interface CopyQueueDeps {
  readonly catalogue: Pick<Catalogue, 'backups' | 'copies' | 'deliveries'>;
  readonly stores: StoreSet;
  readonly events: EventSource & Pick<EventHub, 'publish'>;
  readonly config: {
    readonly storage: Pick<StorageConfig, 'copies'>;
    readonly limits: Pick<LimitsConfig, 'reserveFree'>;
  };
  readonly clock: Clock;
  /** Begins a verification of a backup whose archive was found damaged: it decides whether it is. */
  readonly verifyAgain: (server: ServerId, backup: BackupId) => Promise<unknown>;
  readonly log: Log;
}

const DOING = 'Cannot copy the backup';
/** Events after which copies are updated: a new backup, or a changed manifest. */
const FOLLOWED: ReadonlySet<RoostEvent['type']> = new Set(['backup.completed', 'backup.locked']);

/** What decides where a backup is copied to. */
type Copied = Pick<BackupRecord, 'id' | 'store' | 'damagedAt'>;

export class CopyQueue {
  readonly #deps: CopyQueueDeps;
  readonly #stop = new AbortController();
  #unsubscribe: () => void = () => undefined;
  /** The running copy. */
  #current: { readonly backup: BackupId; readonly stop: AbortController; readonly over: Promise<void> } | undefined;
  /** Backups whose deletion has begun here: they are not copied meanwhile. */
  readonly #removing = new Set<BackupId>();
  #working: Promise<void> = Promise.resolve();
  #isWorking = false;

  constructor(deps: CopyQueueDeps) {
    this.#deps = deps;
  }

  /** Plans missing copies and starts. Call it after recovery has ended the backups of the last run. */
  start(): void {
    if (this.#stop.signal.aborted) return;
    this.#unsubscribe = this.#deps.events.subscribe((event) => this.#follow(event));
    const { catalogue, config } = this.#deps;
    const all = config.storage.copies.length === 0 ? [] : catalogue.backups.list({ status: 'COMPLETED' });
    for (const backup of all) this.#planMissing(backup);
    this.retry();
  }

  /** Retries failed copies. */
  retry(): void {
    this.#deps.catalogue.copies.retryFailed();
    this.#work();
  }

  /** Resolves when no copy is left to do now; for tests. */
  async settled(): Promise<void> {
    await this.#working;
  }

  /**
   * Removes all copies of a backup that is being deleted, the manifest first in each store. Copies in stores that left the
   * config are skipped. When it fails the backup stays, and those that are gone are made again.
   *
   * @throws Failure of an unreachable store.
   */
  async remove(backup: BackupRecord): Promise<void> {
    this.#removing.add(backup.id);
    try {
      await this.#removeAll(backup);
    } catch (error) {
      this.#removing.delete(backup.id);
      throw error;
    }
  }

  async #removeAll(backup: BackupRecord): Promise<void> {
    const { catalogue, stores, log } = this.#deps;
    if (this.#current?.backup === backup.id) {
      this.#current.stop.abort();
      // Wait until the copy has recorded its end.
      await this.#current.over;
    }
    const known = new Map(stores.all().map((store) => [store.name, store]));
    for (const { store: name } of catalogue.copies.list({ backup: backup.id })) {
      const store = known.get(name);
      // Mark it incomplete first, in case the removal fails.
      catalogue.copies.plan(backup.id, name);
      if (store === undefined) log.warn('A copy stays in a store that is gone', { backup: backup.id, store: name });
      else await removeObjects(store, backup);
    }
  }

  /** Stops the running copy; the next start repeats it. */
  async close(): Promise<void> {
    this.#unsubscribe();
    this.#stop.abort();
    this.#current?.stop.abort();
    await this.#working;
  }

  #follow({ type, backup, data }: RoostEvent): void {
    if (backup === undefined) return;
    // An original that is whole again is what failed copies wait for.
    if (type === 'backup.verified' && data.ok) this.#retryOf(backup);
    if (!FOLLOWED.has(type)) return;
    const record = this.#deps.catalogue.backups.find(backup);
    if (record?.status !== 'COMPLETED') return;
    for (const store of this.#storesFor(record)) this.#deps.catalogue.copies.plan(backup, store);
    this.#work();
  }

  #retryOf(backup: BackupId): void {
    const { copies } = this.#deps.catalogue;
    for (const { store } of copies.list({ backup, state: 'failed' })) copies.plan(backup, store);
    this.#work();
  }

  #planMissing(record: Copied): void {
    const { copies } = this.#deps.catalogue;
    const planned = new Set(copies.list({ backup: record.id }).map(({ store }) => store));
    for (const store of this.#storesFor(record)) if (!planned.has(store)) copies.plan(record.id, store);
  }

  /** None for a backup that goes to the panel and is removed here afterwards. */
  #storesFor({ id, store, damagedAt }: Copied): string[] {
    const isCopied = damagedAt === null && !goesToPanel(id, this.#deps.catalogue);
    return isCopied ? this.#deps.config.storage.copies.filter((name) => name !== store) : [];
  }

  #work(): void {
    if (this.#isWorking || this.#stop.signal.aborted) return;
    this.#isWorking = true;
    this.#working = this.#workOff().finally(() => void (this.#isWorking = false));
  }

  /** Never rejects. A copy that was removed with its backup has no row. */
  async #workOff(): Promise<void> {
    const { catalogue, log } = this.#deps;
    for (;;) {
      const pending = this.#stop.signal.aborted ? [] : catalogue.copies.list({ state: 'pending' });
      const next = pending.find(({ backup }) => !this.#isRemoved(backup));
      if (next === undefined) return;
      try {
        await this.#make(next);
      } catch (error) {
        log.error('The copy queue has stopped', { error });
        return;
      }
    }
  }

  /** Also of one whose deletion failed half-way: it is no backup any more. */
  #isRemoved(backup: BackupId): boolean {
    return this.#removing.has(backup) || this.#deps.catalogue.backups.find(backup)?.removing === true;
  }

  async #make(copy: CopyRecord): Promise<void> {
    const { catalogue, log } = this.#deps;
    const stop = new AbortController();
    const over = Promise.withResolvers<void>();
    this.#current = { backup: copy.backup, stop, over: over.promise };
    try {
      const record = catalogue.backups.get(copy.backup);
      const archive = await this.#copy(record, copy, stop.signal);
      // If the lock changed meanwhile, the written manifest is outdated; what was found damaged meanwhile is made again.
      const isCurrent =
        catalogue.backups.find(copy.backup)?.locked === record.locked &&
        catalogue.copies.find(copy.backup, copy.store)?.damagedAt === copy.damagedAt;
      if (isCurrent) {
        catalogue.copies.complete(copy.backup, copy.store, archive);
        this.#publish(copy, { store: copy.store, state: 'completed' });
      }
    } catch (error) {
      if (this.#stop.signal.aborted) return;
      const failure = asFailure(error, DOING);
      catalogue.copies.fail(copy.backup, copy.store, failure.toJSON());
      const { code, message, hint } = failure;
      const why = { code, message, ...(hint === undefined ? {} : { hint }) };
      this.#publish(copy, { store: copy.store, state: 'failed', error: why });
      log.warn('Cannot copy a backup; it is tried again', { ...copy, error: failure });
      if (code === 'archive_damaged') await this.#verifyOriginal(copy.backup);
    } finally {
      this.#current = undefined;
      over.resolve();
    }
  }

  /** Once: a backup that is known as damaged is not read again. Never rejects. */
  async #verifyOriginal(backup: BackupId): Promise<void> {
    const { catalogue, verifyAgain, log } = this.#deps;
    const record = catalogue.backups.find(backup);
    if (record?.status !== 'COMPLETED' || record.damagedAt !== null) return;
    try {
      await verifyAgain(record.server, backup);
    } catch (error) {
      log.warn('Cannot verify a backup whose copy found it damaged', { backup, error });
    }
  }

  /** After the row was written. A backup that was deleted meanwhile gets no further event. */
  #publish({ backup }: CopyRecord, data: CopyData): void {
    const { catalogue, events } = this.#deps;
    const server = catalogue.backups.find(backup)?.server;
    if (server !== undefined) events.publish({ type: 'copy.changed', server, backup, data });
  }

  /** What is there and as long as it should be stays, unless it was found damaged. */
  async #copy(
    record: BackupRecord,
    { store: name, damagedAt }: CopyRecord,
    signal: AbortSignal,
  ): Promise<'written' | 'kept'> {
    const { stores, config, clock } = this.#deps;
    if (record.damagedAt !== null) throw isDamaged(record.id);
    const [from, to] = [stores.get(record.store), stores.get(name)];
    const { sha256 } = record;
    const room = (): SpaceGuard => new SpaceGuard(to, () => config.limits.reserveFree, clock);
    const isAsLong = async (kind: ObjectKind, size: number): Promise<boolean> =>
      damagedAt === null && (await to.stat(objectKey(record.server, record.id, kind)))?.size === size;
    const isKept = await isAsLong('tar.gz', record.size);
    if (!isKept) {
      const check = (found: string): void => {
        if (sha256 !== null && found !== sha256) throw notTheSame(record.id, found, sha256);
      };
      const key = objectKey(record.server, record.id, 'tar.gz');
      await copyObject(await openArchiveSource(from, record), to, { key, doing: DOING, check, room }, signal);
    }
    const index = objectKey(record.server, record.id, 'index');
    const indexSize = (await from.stat(index))?.size;
    if (indexSize !== undefined && !(await isAsLong('index', indexSize))) {
      await copyObject(await from.open(index), to, { key: index, doing: DOING, check: () => undefined, room }, signal);
    }
    await putManifest(
      to,
      record,
      encodeManifest(record, await readAside(from, record), await readAllocated(from, record)),
      signal,
    );
    await protectObjects(to, record);
    return isKept ? 'kept' : 'written';
  }
}

function isDamaged(backup: BackupId): Failure {
  return new Failure('archive_damaged', `${DOING}: it was found damaged`, {
    facts: { backup },
    hint: 'It is copied once a verification finds it whole. Make a new backup.',
  });
}

function notTheSame(backup: BackupId, found: string, expected: string): Failure {
  return new Failure('archive_damaged', `${DOING}: its archive has the sha256 ${found}, and had ${expected}`, {
    facts: { backup, found, expected },
    hint: 'Verify the backup: the original in its own store is damaged.',
  });
}
