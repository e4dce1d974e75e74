/** The jobs room put together as the daemon does, over doubles: a memory store, a double of the archive room, a scratch catalogue. */
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { BelievableClock } from '../../src/base/believable-clock.ts';
import { Failure } from '../../src/base/failure.ts';
import type { BackupId, ServerId } from '../../src/base/ids.ts';
import { silentLog } from '../../src/base/log/log.ts';
import { openCatalogue } from '../../src/catalogue/catalogue.ts';
import type { Catalogue } from '../../src/catalogue/contract.ts';
import type { JobRecord } from '../../src/catalogue/records.ts';
import type { StateReserve } from '../../src/catalogue/state-reserve.ts';
import type { BackupsConfig, LimitsConfig, RetentionConfig } from '../../src/config/types.ts';
import { backupVerb } from '../../src/jobs/backup/backup.ts';
import type { RoostEvent } from '../../src/jobs/contract.ts';
import { EventHub } from '../../src/jobs/runner/events.ts';
import { FailedRows } from '../../src/jobs/backup/failed-rows.ts';
import { FailedBackupSweep } from '../../src/jobs/backup/failed-backup-sweep.ts';
import { recoverJobs } from '../../src/jobs/recover.ts';
import { deleteBackup } from '../../src/jobs/delete/checked.ts';
import { discarder } from '../../src/jobs/delete/discard.ts';
import { deleteVerb } from '../../src/jobs/delete/delete.ts';
import { JobRunner } from '../../src/jobs/runner/runner.ts';
import { Service } from '../../src/jobs/service.ts';
import type { DamageDeps } from '../../src/jobs/stored/damage.ts';
import { StoreSet } from '../../src/jobs/stored/stores.ts';
import { KeyedMutex } from '../../src/base/keyed-mutex.ts';
import type { Verb } from '../../src/jobs/runner/verb.ts';
import { verifyVerb } from '../../src/jobs/verify/verify.ts';
import { announceStatuses } from '../../src/jobs/views.ts';
import { holdOut } from '../../src/servers/held-out.ts';
import type { Prepared } from '../../src/servers/quiesce/hold.ts';
import type { GameServer, Registry, ServerPlace } from '../../src/servers/registry.ts';
import type { Store } from '../../src/storage/store.ts';
import { ArchiveDouble } from './archive-double.ts';
import { MemoryStore } from './memory-store.ts';
import { scratchDirectory } from './scratch.ts';
import { StillClock } from './still-clock.ts';

export const SERVER = serverId(1);

/** The nth of as many servers as a test likes; every one of them exists. */
export function serverId(number: number): ServerId {
  return `00000000-0000-4000-8000-${number.toString(16).padStart(12, '0')}` as ServerId;
}

export function backupId(number: number): BackupId {
  return `bbbbbbbb-0000-4000-8000-${number.toString(16).padStart(12, '0')}` as BackupId;
}

export interface NodeOptions {
  readonly store?: Store;
  readonly stores?: readonly Store[];
  readonly catalogue?: Catalogue;
  readonly concurrent?: number;
  readonly maxQueued?: number;
  readonly limits?: Partial<LimitsConfig>;
  readonly backups?: Partial<BackupsConfig>;
  readonly retention?: Partial<RetentionConfig>;
  readonly restore?: Verb;
  readonly clock?: StillClock;
  readonly handsOver?: (job: JobRecord) => boolean;
  readonly reserve?: StateReserve;
  readonly onDamaged?: DamageDeps['onDamaged'];
  readonly onDamagedCopy?: DamageDeps['onDamagedCopy'];
}

export type TestNode = Awaited<ReturnType<typeof testNode>>;

export async function scratchCatalogue(clock = new StillClock()): Promise<Catalogue> {
  const catalogue = openCatalogue(join(await scratchDirectory(), 'catalogue.sqlite'), clock);
  onTestFinished(() => catalogue.close());
  return catalogue;
}

export async function testNode(options: NodeOptions = {}) {
  const clock = options.clock ?? new StillClock();
  const log = silentLog();
  const catalogue = options.catalogue ?? (await scratchCatalogue(clock));
  const memory = new MemoryStore();
  const store = options.store ?? memory;
  const stores = new StoreSet(options.stores ?? [store], (options.stores?.[0] ?? store).name);
  const archive = new ArchiveDouble();
  const registry = new RegistryDouble();
  const quiesce = new QuiesceDouble();
  const turns = new KeyedMutex();
  const events = new EventHub(clock, () => undefined);
  const told: RoostEvent[] = [];
  events.subscribe((event) => told.push(event));
  const config = {
    backups: { ...BACKUPS, ...options.backups },
    limits: { ...LIMITS, ...options.limits },
    retention: { ...NO_RETENTION, ...options.retention },
  };
  const heldOut = holdOut(['/var/lib/roost'], registry);
  const believable = new BelievableClock(clock, { load: () => undefined, save: () => undefined });
  const failedBackups = new FailedBackupSweep({ catalogue, stores, log });
  const shared = {
    catalogue,
    stores,
    failedBackups,
    archive,
    registry,
    quiesce,
    turns,
    events,
    config,
    heldOut,
    believable,
    clock,
    log,
  };
  const { onDamaged, onDamagedCopy } = options;
  const hooks = {
    ...(onDamaged === undefined ? {} : { onDamaged }),
    ...(onDamagedCopy === undefined ? {} : { onDamagedCopy }),
  };
  const verifying = { ...shared, ...hooks };
  const verbs = [backupVerb(shared), deleteVerb(shared), verifyVerb(verifying), options.restore ?? quickRestore()];
  const { concurrent = 2, maxQueued = 100, handsOver, reserve } = options;
  const runner = new JobRunner({
    catalogue,
    verbs,
    events,
    clock,
    log,
    concurrent,
    maxQueued,
    ...(handsOver === undefined ? {} : { handsOver }),
    ...(reserve === undefined ? {} : { reserve }),
  });
  announceStatuses(runner, events);
  const deleting = deleteBackup({ catalogue, runner });
  const failedRows = new FailedRows({ ...shared, runner });
  const discard = discarder({ catalogue, runner, deleteBackup: deleting });
  const service = new Service({
    ...shared,
    runner,
    deleteBackup: deleting,
    failedRows,
    discard,
    version: '0.0.0',
    engine: 'zlib',
  });
  const recover = (): Promise<void> => recoverJobs({ ...shared, runner });
  return { ...shared, memory, runner, deleteBackup: deleting, discard, failedRows, service, recover, told };
}

/** The types of events so far, progress and status aside: those are many. */
export function milestones({ told }: Pick<TestNode, 'told'>): string[] {
  return told.map(({ type }) => type).filter((type) => !type.endsWith('.progress') && type !== 'server.status');
}

/** Creates a backup and waits for its end, which has to be a success. */
export async function backUp(
  { service }: Pick<TestNode, 'service'>,
  server = SERVER,
  id?: BackupId,
): Promise<BackupId> {
  const accepted = await service.create({ server, ...(id === undefined ? {} : { id }) });
  return (await accepted.ended).id;
}

/** How a job ended: `done`, or the code of its failure. */
export async function outcome({ ended }: { readonly ended: Promise<unknown> }): Promise<string> {
  return ended.then(
    () => 'done',
    (error: unknown) => (error instanceof Failure ? error.code : String(error)),
  );
}

/** A gate that tests open, and the promise that somebody has come to it. */
export function gate(): {
  readonly reached: Promise<void>;
  readonly open: () => void;
  readonly pass: () => Promise<void>;
} {
  const reached = Promise.withResolvers<void>();
  const opened = Promise.withResolvers<void>();
  const pass = (): Promise<void> => {
    reached.resolve();
    return opened.promise;
  };
  return { reached: reached.promise, open: opened.resolve, pass };
}

class RegistryDouble implements Registry {
  readonly missing = new Set<ServerId>();
  readonly seen = new Set<ServerId>();

  async get(id: ServerId): Promise<GameServer> {
    if (this.missing.has(id)) throw new Failure('server_not_found', 'There is no such server');
    this.seen.add(id);
    return { id, name: id.slice(0, 8), path: `/srv/${id}` };
  }

  async place(id: ServerId): Promise<ServerPlace> {
    return { server: { id, name: id.slice(0, 8), path: `/srv/${id}` }, present: !this.missing.has(id) };
  }

  async add(id: ServerId): Promise<GameServer> {
    this.missing.delete(id);
    return this.get(id);
  }

  async list(): Promise<readonly GameServer[]> {
    return Promise.all([...this.seen].sort().map((id) => this.get(id)));
  }

  async check(): Promise<readonly string[]> {
    return [];
  }
}

class QuiesceDouble {
  readonly calls: string[] = [];
  refuse: 'prepare' | 'resume' | undefined;
  prepared: Prepared;
  /** What `resume` says of what was prepared. */
  doubt: (prepared: Prepared) => string | undefined = () => undefined;

  async prepare(): Promise<Prepared> {
    this.calls.push('prepare');
    if (this.refuse === 'prepare') throw new Failure('internal', 'Cannot run save-off: it exited with 1');
    return this.prepared;
  }

  async resume(_server: GameServer, prepared?: Prepared): Promise<string | undefined> {
    this.calls.push('resume');
    if (this.refuse === 'resume') throw new Failure('internal', 'Cannot run save-on: it exited with 1');
    return this.doubt(prepared);
  }
}

/** A restore that does nothing: what a restore really does has its own tests. */
function quickRestore(): Verb<'restore'> {
  return {
    kind: 'restore',
    events: { started: 'restore.started', progress: 'restore.progress' },
    run: async (job) => job.commit(() => [], { warnings: [], warningCount: 0 }),
    failed: () => [],
  };
}

const LIMITS: LimitsConfig = { perServer: 0, maxSize: 0, serverBytes: 0, servers: {}, reserveFree: 0 };

const NO_RETENTION: RetentionConfig = { keepLast: 0, keepDays: 0, keepDaily: 0, keepWeekly: 0, keepMonthly: 0 };

const BACKUPS: BackupsConfig = {
  compression: 'fast',
  engine: 'auto',
  workers: 'auto',
  nice: 0,
  concurrent: 2,
  readLimit: 0,
  writeLimit: 0,
  uploadLimit: 0,
  wingsReadable: false,
  suspect: { lostFiles: 50, lostBytes: 50, unreadable: 10 },
};
