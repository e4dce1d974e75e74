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
import type { Collected, Vault, VaultView } from '../../storage/vault-port.ts';
import { requireCompleted } from '../runner/admission.ts';
import type { EventHub } from '../runner/events.ts';
import { backupData } from '../stored/backup-facts.ts';
import { type DamageDeps, followInManifest } from '../stored/damage.ts';
import { ownIndex } from '../stored/digests.ts';
import type {
  BackupPlaces,
  VaultAdopted,
  VaultAdoption,
  VaultAdoptions,
  VaultCollection,
  VaultFault,
  VaultOutcome,
  VaultScope,
  VaultService,
  VaultStatus,
  VaultVerification,
} from '../vault-contract.ts';
import { adoptPlain, type Held } from './adoption.ts';
import { healFromCopies } from './heal.ts';
import { OutcomeNotes } from './outcome.ts';
import { type Provable, proveSegments } from './proof.ts';

export interface VaultsDeps extends DamageDeps {
  readonly catalogue: Pick<Catalogue, 'backups' | 'copies'>;
  readonly events: Pick<EventHub, 'publish'>;
  /** Begins a verification of a backup that is marked as damaged, although all its parts were found whole. */
  readonly verifyAgain: (server: ServerId, backup: BackupId) => Promise<unknown>;
  readonly clock: Clock;
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

  async status(scope: VaultScope = {}): Promise<VaultOutcome<VaultStatus>> {
    const notes = new OutcomeNotes<VaultStatus>();
    for (const { store, vault, server } of await this.#held(scope, notes)) {
      const records = this.#records(store.name, server);
      notes.add({
        store: store.name,
        server,
        backups: records.length,
        archiveBytes: records.reduce((sum, { size }) => sum + size, 0),
        usage: vault.usage(server) ?? null,
      });
    }
    return notes.outcome;
  }

  async collect(scope: VaultScope, dryRun = false): Promise<VaultOutcome<VaultCollection>> {
    const notes = new OutcomeNotes<VaultCollection>();
    for (const { store, vault, server } of await this.#held(scope, notes)) {
      const part = { store: store.name, server };
      try {
        const collected = await vault.collect(server, dryRun);
        notes.add({ ...part, ...collected });
        if (!dryRun) this.#tellCollected(store, server, collected);
      } catch (error) {
        const failure = notes.fail(part, error, 'Cannot give back what no backup needs');
        if (failure.detail.gaveBack !== undefined) notes.add({ ...part, ...failure.detail.gaveBack });
        if (!dryRun) this.#tellFault(store, server, failure);
      }
    }
    return notes.outcome;
  }

  async verify(scope: VaultScope, signal?: AbortSignal): Promise<VaultOutcome<VaultVerification>> {
    const notes = new OutcomeNotes<VaultVerification>();
    for (const held of await this.#held(scope, notes)) {
      try {
        notes.add(await this.#verify(held, signal));
      } catch (error) {
        const failure = asFailure(error, 'Cannot verify what the server has in the vault');
        if (failure.code === 'cancelled') throw failure;
        const nothing = { readBytes: 0, whole: 0, damaged: [], healed: [], unproven: [] };
        notes.add({ store: held.store.name, server: held.server, ...nothing, faults: [faultOf(failure)] });
      }
    }
    return notes.outcome;
  }

  async adopt(scope: VaultScope, dryRun = false): Promise<VaultAdoptions> {
    const notes = new OutcomeNotes<VaultAdoption>();
    const servers: VaultAdopted[] = [];
    for (const held of await this.#held(scope, notes)) {
      const records = this.#records(held.store.name, held.server);
      const adopted = await adoptPlain(held, records, { notes, dryRun, log: this.#deps.log });
      if (adopted.backups > 0 || adopted.failures > 0) servers.push(adopted);
    }
    return { ...notes.outcome, servers };
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
      faults.push(...view.faults.map((failure) => faultOf(failure)));
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
    for (const record of this.#records(store.name, server)) {
      const ranges = view.archives.get(record.id);
      if (ranges === undefined) {
        try {
          const state = await this.#withoutRecipe(store, record);
          if (state === 'lost') damaged.push(record.id);
          else if (state === 'plain') unproven.push(record.id);
        } catch (error) {
          faults.push(faultOf(asFailure(error, 'Cannot look up the archive'), record.id));
        }
        continue;
      }
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

  /** Of a backup that had no recipe when the view was opened. */
  async #withoutRecipe(store: Store, { id, server, size }: BackupSummary): Promise<'plain' | 'lost' | 'changed since'> {
    const key = objectKey(server, id, 'tar.gz');
    const found = await store.stat(key);
    const now = this.#deps.catalogue.backups.find(id);
    if (now?.status !== 'COMPLETED' || now.removing) return 'changed since';
    if (found?.size !== size) return 'lost';
    return (await store.partsOf?.(key)) === undefined ? 'plain' : 'changed since';
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
      onFault: (server, fault) => {
        this.#tellFault(store, server, fault);
      },
    });
  }

  /** Logs a failed collection, and sends the event of what it gave back before it failed, if anything. */
  #tellFault(store: Store, server: ServerId, error: Failure): void {
    this.#deps.log.error('Cannot give back all that removed backups took', { server, store: store.name, error });
    if (error.detail.gaveBack !== undefined) this.#tellCollected(store, server, error.detail.gaveBack);
  }

  #tellCollected({ name: store }: Store, server: ServerId, collected: Collected): void {
    const { packs, freedBytes, movedBytes } = collected;
    if (packs === 0 && freedBytes === 0) return;
    this.#deps.events.publish({ type: 'vault.collected', server, data: { store, packs, freedBytes, movedBytes } });
  }

  /** Also those whose backups should be there, and of which nothing is. */
  async #serversOf(store: string, vault: Vault, notes: OutcomeNotes<unknown>): Promise<readonly ServerId[]> {
    try {
      const there = new Set(await vault.servers());
      const others = this.#deps.catalogue.backups.servers().filter((server) => !there.has(server));
      return [...there, ...others.filter((server) => this.#records(store, server).length > 0)];
    } catch (error) {
      const failure = notes.fail({ store }, error, 'Cannot list the servers of the vault');
      this.#deps.log.error('Cannot list the servers of a vault', { store, error: failure });
      return [];
    }
  }

  #records(store: string, server: ServerId): readonly BackupSummary[] {
    return this.#deps.catalogue.backups.list({ server, store, status: 'COMPLETED' });
  }

  /**
   * @param notes get why a vault cannot say which servers it has.
   * @throws Failure `invalid_request` for a store that is none, or no vault.
   */
  async #held(scope: VaultScope, notes: OutcomeNotes<unknown>): Promise<readonly Held[]> {
    const { store: name, server: only, holds = () => true } = scope;
    const held: Held[] = [];
    for (const store of this.#deps.stores.all()) {
      const { vault } = store;
      if (vault === undefined || (name !== undefined && store.name !== name)) continue;
      const servers = only === undefined ? await this.#serversOf(store.name, vault, notes) : [only];
      held.push(...servers.filter(holds).map((server) => ({ store, vault, server })));
    }
    if (held.length > 0 || name === undefined) return held;
    if (this.#deps.stores.all().some((store) => store.name === name && store.vault !== undefined)) return held;
    throw new Failure('invalid_request', `There is no vault "${name}"`, {
      hint: 'A store is one with "layout: vault" in the config (docs/vault.md).',
    });
  }
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
