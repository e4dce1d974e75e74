/**
 * Stores whose archives share bytes, as an operator sees them: what they hold, their collection, one check of all bytes,
 * and taking plain archives in.
 *
 * Promises: damage of shared bytes is noted for every backup that has them, with events; nothing here removes a byte that
 * a backup needs. Never: decides which backups stay.
 */
import { listSegments, type StoredSegment } from '../../archive/archive.ts';
import type { Clock } from '../../base/clock.ts';
import { asFailure, Failure, throwIfAborted } from '../../base/failure.ts';
import type { BackupId, ServerId } from '../../base/ids.ts';
import { KeyedMutex } from '../../base/keyed-mutex.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import type { BackupSummary } from '../../catalogue/records.ts';
import { objectKey } from '../../storage/key.ts';
import type { Store } from '../../storage/store.ts';
import type { Vault, VaultView } from '../../storage/vault-port.ts';
import { requireCompleted } from '../runner/admission.ts';
import type { EventHub } from '../runner/events.ts';
import { backupData } from '../stored/backup-facts.ts';
import { type DamageDeps, followInManifest } from '../stored/damage.ts';
import { ownIndex } from '../stored/digests.ts';
import type {
  BackupPlaces,
  VaultAdoption,
  VaultCollection,
  VaultFault,
  VaultScope,
  VaultService,
  VaultStatus,
  VaultVerification,
} from '../vault-contract.ts';
import { healFromCopies } from './heal.ts';
import { type Provable, proveSegments } from './proof.ts';

export interface VaultsDeps extends DamageDeps {
  readonly catalogue: Pick<Catalogue, 'backups' | 'copies'>;
  readonly events: Pick<EventHub, 'publish'>;
  /** Begins a verification of a backup that is marked as damaged, although all its parts were found whole. */
  readonly verifyAgain: (server: ServerId, backup: BackupId) => Promise<unknown>;
  readonly clock: Clock;
}

/** A server's part of a store whose archives share bytes. */
interface Held {
  readonly store: Store;
  readonly vault: Vault;
  readonly server: ServerId;
}

export class Vaults implements VaultService {
  readonly #deps: VaultsDeps;
  /** One check of a server at a time. */
  readonly #checks = new KeyedMutex();
  readonly #following = new Set<Promise<void>>();
  readonly #closing = new AbortController();

  constructor(deps: VaultsDeps) {
    this.#deps = deps;
    for (const store of deps.stores.all()) this.#listen(store);
  }

  async status(scope: VaultScope = {}): Promise<readonly VaultStatus[]> {
    const held = await this.#held(scope);
    return held.map(({ store, vault, server }) => {
      const records = this.#records(store, server);
      return {
        store: store.name,
        server,
        backups: records.length,
        archiveBytes: records.reduce((sum, { size }) => sum + size, 0),
        usage: vault.usage(server) ?? null,
      };
    });
  }

  async collect(scope: VaultScope, dryRun = false): Promise<readonly VaultCollection[]> {
    const done: VaultCollection[] = [];
    await tryEach(await this.#held(scope), async ({ store, vault, server }) => {
      const collected = await vault.collect(server, dryRun);
      if (!dryRun) this.#tellCollected(store, server, collected);
      done.push({ store: store.name, server, ...collected });
    });
    return done;
  }

  async verify(scope: VaultScope, signal?: AbortSignal): Promise<readonly VaultVerification[]> {
    const done: VaultVerification[] = [];
    for (const held of await this.#held(scope)) {
      try {
        done.push(await this.#verify(held, signal));
      } catch (error) {
        const failure = asFailure(error, 'Cannot verify what the server has in the vault');
        if (failure.code === 'cancelled') throw failure;
        const nothing = { readBytes: 0, whole: 0, damaged: [], healed: [], unproven: [] };
        done.push({ store: held.store.name, server: held.server, ...nothing, faults: [faultOf(failure)] });
      }
    }
    return done;
  }

  async adopt(scope: VaultScope, dryRun = false): Promise<readonly VaultAdoption[]> {
    const done: VaultAdoption[] = [];
    await tryEach(await this.#held(scope), ({ store, vault, server }) =>
      tryEach(this.#records(store, server), async ({ id: backup, size, sha256 }) => {
        const path = store.localPath === undefined ? undefined : await store.stat(objectKey(server, backup, 'tar.gz'));
        const isPlain =
          path?.size === size && (await store.partsOf?.(objectKey(server, backup, 'tar.gz'))) === undefined;
        if (!isPlain || sha256 === null) return;
        if (dryRun || (await vault.takeIn(server, backup, sha256)))
          done.push({ store: store.name, server, backup, size });
      }),
    );
    return done;
  }

  async places(server: ServerId, backup: BackupId): Promise<BackupPlaces> {
    const { catalogue, stores } = this.#deps;
    const record = catalogue.backups.get(backup, server);
    requireCompleted(record, 'Cannot say where the backup lies');
    const found = await stores.get(record.store).vault?.placesOf(server, backup);
    const storedBytes = record.storedBytes ?? null;
    return found === undefined ? { storedBytes, exclusiveBytes: record.size } : { storedBytes, ...found };
  }

  /** Bytes of this server were found damaged in a store: notes it for all backups that have them, in the background. */
  noteDamage(server: ServerId, storeName: string): void {
    const store = this.#deps.stores.all().find(({ name }) => name === storeName);
    if (store?.vault === undefined) return;
    const following = this.#verify({ store, vault: store.vault, server })
      .then(
        () => undefined,
        (error: unknown) => {
          // A look that is cut short is not lost: the damage is found again where it is met again.
          const level = this.#closing.signal.aborted ? 'warn' : 'error';
          this.#deps.log[level]('Cannot look which backups share damaged bytes', { server, store: storeName, error });
        },
      )
      .finally(() => this.#following.delete(following));
    this.#following.add(following);
  }

  /** Ends looks and checks that run: they read whole vaults, and copies from far away. What they have marked stays. */
  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#following);
  }

  #verify(held: Held, asked?: AbortSignal): Promise<VaultVerification> {
    const closing = this.#closing.signal;
    const signal = asked === undefined ? closing : AbortSignal.any([asked, closing]);
    return this.#checks.run(`${held.store.name} ${held.server}`, () => this.#check(held, signal));
  }

  async #check({ store, vault, server }: Held, signal: AbortSignal): Promise<VaultVerification> {
    throwIfAborted(signal, 'Cannot verify the vault');
    const view = await vault.view(server);
    try {
      const { provable, damaged, unproven, faults } = await this.#provable(store, server, view, signal);
      const proof = await proveSegments(view, provable, signal);
      for (const [id, failure] of proof.unlisted) faults.push(faultOf(failure, id));
      await this.#mark(store, server, [...damaged, ...proof.damaged.keys()]);
      const { left, fault } = await healFromCopies(proof.damaged, { ...this.#deps, vault, server, signal });
      if (fault !== undefined) for (const id of left.keys()) faults.push(faultOf(fault, id));
      const whole = provable.filter(({ id }) => !proof.damaged.has(id) && !proof.unlisted.has(id));
      const healed = Array.from(proof.damaged.keys()).filter((id) => !left.has(id));
      await this.#verifyHealed([...whole.map(({ id }) => id), ...healed]);
      const found = { readBytes: proof.readBytes, whole: whole.length, damaged: [...damaged, ...left.keys()], healed };
      return { store: store.name, server, ...found, unproven, faults };
    } finally {
      await view.close();
    }
  }

  async #provable(store: Store, server: ServerId, view: VaultView, signal: AbortSignal) {
    const provable: Provable<BackupId>[] = [];
    const damaged: BackupId[] = [];
    const unproven: BackupId[] = [];
    const faults: VaultFault[] = [];
    for (const record of this.#records(store, server)) {
      const ranges = view.archives.get(record.id);
      if (ranges === undefined) continue;
      if (ranges instanceof Failure || ranges.size !== record.size) {
        // A recipe that cannot be reached says nothing about what it would say.
        if (ranges instanceof Failure && ranges.code !== 'archive_damaged') faults.push(faultOf(ranges, record.id));
        else damaged.push(record.id);
        continue;
      }
      try {
        const index = await ownIndex(store, record, signal);
        if (index === undefined) unproven.push(record.id);
        else provable.push({ id: record.id, ranges, segments: () => segmentsOf(store, record) });
        await index?.close();
      } catch (error) {
        const failure = asFailure(error, 'Cannot read the index of the backup');
        if (failure.code === 'cancelled') throw failure;
        faults.push(faultOf(failure, record.id));
      }
    }
    return { provable, damaged, unproven, faults };
  }

  /** Marks backups whose bytes are damaged, in row and manifest, and publishes an event for those not marked before. */
  async #mark(store: Store, server: ServerId, ids: readonly BackupId[]): Promise<void> {
    const { catalogue, clock, events } = this.#deps;
    const fresh: BackupId[] = [];
    for (const id of ids) {
      const found = catalogue.backups.find(id);
      if (found?.status !== 'COMPLETED' || found.damagedAt !== null) continue;
      await followInManifest(id, this.#deps, { damagedAt: clock.now() });
      if (catalogue.backups.find(id)?.status !== 'COMPLETED') continue;
      const record = catalogue.backups.markDamaged(id);
      const error = {
        code: 'archive_damaged',
        message: 'Bytes that it shares with other backups are damaged',
      } as const;
      events.publish({
        type: 'backup.verified',
        server,
        backup: id,
        data: { ...backupData(record), ok: false, error },
      });
      fresh.push(id);
    }
    if (fresh.length > 0)
      events.publish({ type: 'vault.damaged', server, data: { store: store.name, backups: fresh } });
  }

  /** A mark goes when the whole archive was read and has its sha256. */
  async #verifyHealed(whole: readonly BackupId[]): Promise<void> {
    const { catalogue, log, verifyAgain } = this.#deps;
    for (const backup of whole) {
      const found = catalogue.backups.find(backup);
      if (found === undefined || found.damagedAt === null) continue;
      await verifyAgain(found.server, backup).catch((error: unknown) => {
        log.warn('Cannot begin a verification of a backup whose damage is healed', { backup, error });
      });
    }
  }

  #listen(store: Store): void {
    const { log } = this.#deps;
    store.vault?.listen({
      onCollected: (server, collected) => {
        log.info('Gave back what removed backups took', { store: store.name, server, ...collected });
        this.#tellCollected(store, server, collected);
      },
      onFault: (server, error) => {
        log.error('Cannot give back all that removed backups took', { store: store.name, server, error });
      },
    });
  }

  #tellCollected({ name: store }: Store, server: ServerId, collected: Omit<VaultCollection, 'store' | 'server'>): void {
    const { packs, freedBytes, movedBytes } = collected;
    if (packs === 0 && freedBytes === 0) return;
    this.#deps.events.publish({ type: 'vault.collected', server, data: { store, packs, freedBytes, movedBytes } });
  }

  #records(store: Store, server: ServerId): readonly BackupSummary[] {
    return this.#deps.catalogue.backups.list({ server, store: store.name, status: 'COMPLETED' });
  }

  /** @throws Failure `invalid_request` for a store that is none, or no vault. */
  async #held({ store: name, server: only, holds = () => true }: VaultScope): Promise<readonly Held[]> {
    const held: Held[] = [];
    for (const store of this.#deps.stores.all()) {
      const { vault } = store;
      if (vault === undefined || (name !== undefined && store.name !== name)) continue;
      const servers = only === undefined ? await vault.servers() : [only];
      held.push(...servers.filter(holds).map((server) => ({ store, vault, server })));
    }
    if (held.length > 0 || name === undefined) return held;
    if (this.#deps.stores.all().some((store) => store.name === name && store.vault !== undefined)) return held;
    throw new Failure('invalid_request', `There is no vault "${name}"`, {
      hint: 'A store is one with "layout: vault" in the config (docs/vault.md).',
    });
  }
}

/** Does work for each, also behind one for which it fails. @throws the first failure, when all were tried. */
async function tryEach<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const failures: unknown[] = [];
  for (const item of items) await work(item).catch((error: unknown) => void failures.push(error));
  if (failures.length > 0) throw failures[0];
}

function faultOf({ code, message }: Failure, backup?: BackupId): VaultFault {
  return { ...(backup === undefined ? {} : { backup }), code, message };
}

/** Opened for each pass: of thousands of backups not all can be open at a time. */
async function* segmentsOf(store: Store, record: BackupSummary): AsyncGenerator<StoredSegment, void, void> {
  const index = await ownIndex(store, record);
  if (index === undefined) return;
  try {
    yield* listSegments(index);
  } finally {
    await index.close();
  }
}
