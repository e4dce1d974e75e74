/**
 * What the catalogue offers, noun by noun. All calls are synchronous and durable when they return (inside
 * `transaction`: when that returns). Every change of state is guarded: it names the state it starts from, so of two
 * that race, one happens and the other gets a `Failure`. Lists are newest first by `createdAt`, then by insertion.
 */
import type { FailureRecord } from '../base/failure.ts';
import type { BackupId, JobId, ServerId } from '../base/ids.ts';
import type { CopyTable } from './copy-contract.ts';
import type { DueFor, DueForVerification } from './due-contract.ts';
import type { NoticeTable } from './notice-contract.ts';
import type {
  AttemptRecord,
  BackupRecord,
  BackupSummary,
  DeliveryData,
  DeliveryRecord,
  DeliveryState,
  JobKind,
  JobRecord,
  JobResult,
  JobState,
  Origin,
  PlanRecord,
  PlanState,
  ServerRecord,
  ServerSettings,
  StoredBackupStatus,
  StoreFlow,
  SuspectRecord,
  WarningRecord,
  WithoutIndexDigest,
} from './records.ts';
import type { SessionTable } from './sessions.ts';

/** The catalogue's file in the state directory. */
export const CATALOGUE_NAME = 'catalogue.sqlite';

export interface Catalogue {
  readonly servers: ServerTable;
  readonly backups: BackupTable;
  readonly history: HistoryTable;
  readonly copies: CopyTable;
  readonly deliveries: DeliveryTable;
  readonly jobs: JobTable;
  readonly plans: PlanTable;
  readonly sessions: SessionTable;
  readonly notices: NoticeTable;
  readonly usedTokens: UsedTokenTable;
  readonly keys: KeyTable;
  /**
   * Runs `work` in one transaction: all of its changes are kept, or none when it throws. `work` is synchronous. May be
   * nested: the inner one can fail alone. Events go out after the outermost one returned.
   */
  transaction<Result>(work: () => Result): Result;
  /** Grows with every change of a row: two equal answers mean that nothing was changed in between. */
  revision(): number;
  /** Checkpoints and closes; nothing may be called afterwards. */
  close(): void;
}

export interface NewBackup {
  readonly id: BackupId;
  readonly server: ServerId;
  readonly name: string;
  readonly locked: boolean;
  readonly ignore: readonly string[];
  readonly store: string;
  readonly key: string;
  readonly origin?: Origin;
  readonly named?: boolean;
}

/** What is known once the archive is sealed. */
export interface CompletedBackup {
  readonly size: number;
  readonly rawSize: number;
  readonly files: number;
  readonly entries: number;
  readonly reusedBytes: number;
  readonly sha256: string;
  readonly ignore: readonly string[];
  readonly warnings: readonly WarningRecord[];
  readonly warningCount: number;
  readonly suspect: SuspectRecord | null;
  readonly indexSha256: string | null;
  /** Bytes that the archive added to the store. */
  readonly storedBytes?: number;
  readonly quiesced?: BackupRecord['quiesced'];
  /** The manifest was written before the row and carries the same time. */
  readonly completedAt: number;
}

export interface BackupFilter {
  readonly server?: ServerId;
  readonly store?: string;
  readonly status?: StoredBackupStatus;
  readonly limit?: number;
}

/** Where a page of a server's backups begins: behind the last one of the page before, before a time (ms), or after so many. */
export type PageStart = { readonly after?: string } | { readonly before: number } | { readonly offset: number };

export interface BackupPage {
  readonly backups: readonly BackupSummary[];
  /** For `after` of the next page; absent on the last. */
  readonly next?: string;
}

export interface WarningPage {
  readonly warnings: readonly WarningRecord[];
  readonly next?: number;
}

export interface BackupTotals {
  readonly backups: number;
  readonly bytes: number;
}

/** How many are completed and good, damaged, suspect (and not damaged), failed. */
export interface BackupStates {
  readonly completed: number;
  readonly damaged: number;
  readonly suspect: number;
  readonly failed: number;
}

/** A backup as an overview shows it. */
export interface ShownBackup extends Pick<
  BackupRecord,
  | 'id'
  | 'name'
  | 'status'
  | 'locked'
  | 'size'
  | 'rawSize'
  | 'files'
  | 'reusedBytes'
  | 'error'
  | 'origin'
  | 'createdAt'
  | 'completedAt'
> {
  readonly damaged: boolean;
  /** Not accepted as good. */
  readonly suspect: boolean;
  /** False when the node chose the name. */
  readonly named: boolean;
  readonly startedAt: number | null;
}

/** What an overview shows of a server's backups. */
export interface BackupsOverview extends BackupTotals {
  readonly states: BackupStates;
  readonly locked: number;
  /** By the name of the store. */
  readonly stores: ReadonlyMap<string, BackupTotals>;
  /** The newest good one, by sequence. */
  readonly newest: ShownBackup | null;
  /** Of the attempts after the newest good one: the last that failed, and how many did. Cancelled ones do not count. */
  readonly lastFailure: (ShownBackup & { readonly failures: number }) | null;
  /** The newest fourteen of any status, newest first. */
  readonly recent: readonly ShownBackup[];
}

export interface BackupTable {
  /** A row `IN_PROGRESS`, created now, last in its server's sequence. `backup_exists` when the id is taken. */
  insert(backup: NewBackup): BackupRecord;
  /** Takes a record as it is, from a manifest. `backup_exists` when the id is taken. */
  adopt(record: BackupRecord): BackupRecord;
  find(id: BackupId): BackupRecord | undefined;
  /** `backup_not_found` when there is none, and when `server` is given and does not own it. */
  get(id: BackupId, server?: ServerId): BackupRecord;
  /** As `get`, with the first page of warnings only. */
  details(id: BackupId, server: ServerId): BackupRecord;
  /** All at once, without the fields that a server's owner can make large; `get` has the whole record. */
  list(filter?: BackupFilter): BackupSummary[];
  /**
   * One page of a server's backups, newest first, without the fields that the server's owner can make large.
   *
   * @throws Failure `invalid_request` for an `after` that no page had.
   */
  page(server: ServerId, limit: number, start?: PageStart): BackupPage;
  /** Backups of a server: all rows, and those that have not failed. */
  counts(server: ServerId): { readonly all: number; readonly kept: number };
  /** One page of the warnings that are kept of a backup, from 0; empty beyond the last. */
  warningPage(id: BackupId, page: number): WarningPage;
  /**
   * The newest good backup by sequence (`isGood`), in that store or in any: what unchanged bytes may be copied from, and
   * what a new one is compared with.
   */
  newestGood(server: ServerId, store?: string): BackupRecord | undefined;
  /** When any backup of the server was last verified to its end; null when none was. */
  lastVerified(server: ServerId): number | null;
  /** Of completed, undamaged backups the one that is due the longest; it was last verified, or completed, then. */
  dueForVerification(due: DueFor): DueForVerification | undefined;
  /**
   * Completed, undamaged backups whose index has no recorded sha256 (there is none, or version 0.1.0 made it), by row: of
   * so many rows after that one (0: from the first), whatever they are, since of a million few are such.
   */
  withoutIndexDigest(after: number, rows: number): WithoutIndexDigest;
  /** How many count against a limit: all but failed ones. Suspect ones that were not accepted are counted apart. */
  countKept(server: ServerId): { readonly good: number; readonly suspect: number };
  /** How many are dated later than that. */
  countCreatedAfter(time: number): number;
  /** Rows of any status and bytes of archives, by server. */
  totals(): Map<ServerId, BackupTotals>;
  /** By server. */
  states(): Map<ServerId, BackupStates>;
  /** Servers with rows, by id. */
  servers(): readonly ServerId[];
  /** Counted once for each change of a backup of the server. */
  overview(server: ServerId): BackupsOverview;

  /** IN_PROGRESS -> COMPLETED; `not_running` when it has ended already. */
  complete(id: BackupId, facts: CompletedBackup): BackupRecord;
  /** IN_PROGRESS -> FAILED; `not_running` when it has ended already. */
  fail(id: BackupId, error: FailureRecord): BackupRecord;
  setLocked(id: BackupId, locked: boolean): BackupRecord;
  /** Sets a name chosen by a caller; it no longer counts as a default name. */
  rename(id: BackupId, name: string): BackupRecord;
  /** COMPLETED only, else `backup_not_ready`. Also forgets an earlier finding of damage. */
  markVerified(id: BackupId): BackupRecord;
  /** COMPLETED only, else `backup_not_ready`. */
  markDamaged(id: BackupId): BackupRecord;
  /** A suspect one counts as good from now on; others stay as they are. COMPLETED only, else `backup_not_ready`. */
  markAccepted(id: BackupId): BackupRecord;
  /** Notes that its objects are being removed. From then on it is no longer used for anything. */
  markRemoving(id: BackupId): BackupRecord;
  /** Those that are marked so. */
  removing(): BackupRecord[];
  /** Removes the row, and returns it as it was. `backup_locked`; `server_busy` while IN_PROGRESS. */
  delete(id: BackupId): BackupRecord;
}

/** A row of every attempt at a backup that has ended, kept when its backup is gone. Written with the backup's own row. */
export interface HistoryTable {
  find(backup: BackupId): AttemptRecord | undefined;
  /** Of a server, begun since then, newest first. */
  list(server: ServerId, since: number, limit: number): AttemptRecord[];
  /** What came into each store, and went out of it, since then. */
  flows(since: number): StoreFlow[];
  /** Forgets attempts before then whose backups are gone, and the oldest of a server with very many; returns how many. */
  forget(before: number): number;
}

/** `step` is the first one. */
export type NewDelivery = Pick<
  DeliveryRecord,
  | 'job'
  | 'kind'
  | 'server'
  | 'backup'
  | 'successful'
  | 'sha256'
  | 'size'
  | 'files'
  | 'step'
  | 'data'
  | 'askedAt'
  | 'dueAt'
  | 'giveUpAt'
>;

/** Reports that the panel is owed. Changes of one that is gone do nothing: it arrived, or was given up. */
export interface DeliveryTable {
  /** A row `pending`. Call it in the transaction that ends the job; a job has at most one. */
  insert(delivery: NewDelivery): DeliveryRecord;
  find(id: number): DeliveryRecord | undefined;
  /** Oldest first. */
  list(filter?: { readonly state?: DeliveryState; readonly backup?: BackupId }): DeliveryRecord[];
  counts(): { readonly [State in DeliveryState]: number };
  /** Pending ones at that step whose time has come, the longest due first; of each backup at most its oldest. */
  due(step: string, now: number, limit: number): DeliveryRecord[];
  /** When the next one that is not yet due comes due, of any step; undefined when there is none. */
  nextDue(after: number): number | undefined;

  /** Goes on to a step; `data` is added to what is there. Its tries count from zero again. */
  advance(id: number, step: string, data: DeliveryData, dueAt: number): void;
  /** A try failed: the next comes then, at `step` when one is named. */
  postpone(id: number, error: FailureRecord, dueAt: number, step?: string): void;
  /** pending -> parked. */
  park(id: number, error: FailureRecord): void;
  /** parked -> pending, due now, and given up no sooner than then; returns how many. One, or all. */
  retryParked(giveUpAt: number, id?: number): number;
  /**
   * Pending ones that failed are due now: the panel may be back. So are those due after `latest`: the clock was set
   * back. Returns how many.
   */
  hasten(latest: number): number;
  /**
   * The backup is being removed: its report continues at that step, is due now, and says that the backup was not
   * successful. A report at the step `arrived` was already accepted by the panel and stays as it is.
   */
  withdraw(backup: BackupId, step: string, arrived: string): void;
  /** The last step: it has arrived, or is not wanted any more. */
  delete(id: number): void;
}

/** A job to be queued; `request` is the one of its kind. */
export type NewJob<Kind extends JobKind = JobKind> = {
  [K in Kind]: Pick<JobRecord<K>, 'id' | 'kind' | 'server' | 'backup' | 'request' | 'origin'>;
}[Kind];

export interface JobFilter {
  readonly server?: ServerId;
  readonly backup?: BackupId;
  readonly kind?: JobKind;
  readonly state?: JobState;
  readonly limit?: number;
  /** Older than the job of that id; `job_not_found` when there is none. */
  readonly before?: JobId;
}

export interface JobTable {
  /** A row `queued`, created now. */
  insert(job: NewJob): JobRecord;
  find(id: JobId): JobRecord | undefined;
  /** `job_not_found` when there is none. */
  get(id: JobId): JobRecord;
  list(filter?: JobFilter): JobRecord[];
  /** Queued and running jobs, oldest first: the order in which they may start. */
  active(filter?: { readonly server?: ServerId; readonly backup?: BackupId }): JobRecord[];

  /** queued -> running, noted at its backup too when it makes one; `not_running` otherwise. */
  start(id: JobId, phase: string): JobRecord;
  /**
   * running only; `not_running` otherwise. A phase is only shown, so this is the one change that a power cut may undo.
   */
  setPhase(id: JobId, phase: string): JobRecord;
  /** running -> queued: a restart lets it begin again. `not_running` otherwise. */
  requeue(id: JobId): JobRecord;
  /** queued or running -> done, failed, cancelled; `done` from running only. `not_running` when it has ended already. */
  finish(id: JobId, state: 'done', error?: null, result?: JobResult): JobRecord;
  finish(id: JobId, state: 'failed' | 'cancelled', error: FailureRecord): JobRecord;
  /** Removes jobs that ended before then and have no plan left; returns how many. */
  forgetEnded(before: number): number;
}

export interface ServerTable {
  /** The row of a server; one that was never written has the defaults. */
  get(id: ServerId): ServerRecord;
  /** All rows ever written, by id. */
  list(): ServerRecord[];
  setSuspended(id: ServerId, suspended: boolean): ServerRecord;
  /** Replaces the settings. */
  setSettings(id: ServerId, settings: ServerSettings): ServerRecord;
  /** Forgets the server's row; its backups stay. */
  delete(id: ServerId): void;
}

export interface PlanTable {
  /** Stores a plan; this call's return is a restore's point of no return. */
  insert(job: JobId, server: ServerId, plan: unknown): PlanRecord;
  find(job: JobId): PlanRecord | undefined;
  /** Oldest first: the order in which they are replayed after a crash. */
  list(filter?: { readonly server?: ServerId; readonly state?: PlanState }): PlanRecord[];
  /** `not_running` unless it is in `from`. A new `plan` replaces the old one. */
  advance(job: JobId, from: PlanState, to: PlanState, plan?: unknown): PlanRecord;
  /** The last step, when nothing of it lies on the disk any more. Resolves too when there is none. */
  delete(job: JobId): void;
}

export interface UsedTokenTable {
  /**
   * True for the first call with this token, false for each further one until it expires.
   * @param token as it was presented; only its SHA-256 is stored.
   * @param expiresAt in ms; the row is kept no longer than that.
   */
  use(token: string, expiresAt: number): boolean;
  isUsed(token: string): boolean;
  /** Removes expired rows; returns how many. */
  sweep(): number;
}

export interface KeyTable {
  get(name: string): Uint8Array | undefined;
  set(name: string, value: Uint8Array): void;
  /** The value, made once and never changed. */
  ensure(name: string, make: () => Uint8Array): Uint8Array;
  getText(name: string): string | undefined;
  setText(name: string, value: string): void;
}
