/**
 * What the dialects and the HTTP side may ask of the jobs room. A dialect translates its words into these calls and
 * these answers back; it knows neither files nor SQL. Every method throws a `Failure` with a code of docs/errors.md.
 */
import type { ByteSource } from '../base/source.ts';
import type { Finding } from '../base/finding.ts';
import type { BackupId, JobId, ServerId } from '../base/ids.ts';
import type { BackupStates } from '../catalogue/contract.ts';
import type {
  BackupRecord,
  BackupStatus,
  BackupSummary,
  CopyRecord,
  DeliveryRecord,
  JobProgress,
  JobRecord,
  Origin,
  WarningRecord,
} from '../catalogue/records.ts';
import type { ServerLimits } from '../config/types.ts';
import type { KeepReason } from '../policy/retention.ts';
import type { RestorePreview, ServerStatus, VerifyOutcome } from './event-data.ts';
import type { JobFilter, SystemView } from './node-contract.ts';

export interface ServerView {
  readonly id: ServerId;
  readonly name: string;
  readonly status: ServerStatus;
  readonly suspended: boolean;
  /** False for one of which only backups are left; a restore makes its directory. */
  readonly directory: boolean;
  /** Backups that are kept, of any status. */
  readonly backups: number;
  /** Bytes of all its archives. */
  readonly bytes: number;
  readonly states?: BackupStates;
}

export interface ServerChange {
  readonly suspended?: boolean;
  /** As a panel calls it; what the config's list calls it goes before. */
  readonly name?: string;
}

/** A backup as it stands now, `RESTORING` included. */
export interface BackupView extends Omit<BackupRecord, 'status'> {
  readonly status: BackupStatus;
  /** In further stores; absent where the config names none and there are none. */
  readonly copies?: readonly Pick<CopyRecord, 'store' | 'state' | 'error' | 'updatedAt' | 'verifiedAt' | 'damagedAt'>[];
}

/** A backup in a list: without many warnings, and with the first lines of a long ignore list. */
export interface BackupSummaryView extends Omit<BackupSummary, 'status'> {
  readonly status: BackupStatus;
  readonly copies?: BackupView['copies'];
}

/** Where a page of backups begins: after the `next` of the page before, or after `offset` backups. */
export type PageStart = { readonly after?: string } | { readonly offset: number };

export interface BackupPageView {
  readonly backups: readonly BackupSummaryView[];
  /** For `after` of the next page; absent on the last. */
  readonly next?: string;
  /** Of the server: all, and those that have not failed. */
  readonly counts: { readonly all: number; readonly kept: number };
}

export interface WarningPageView {
  readonly warnings: readonly WarningRecord[];
  readonly next?: number;
}

export type JobView = JobRecord & {
  readonly progress: JobProgress | null;
  /** 1 for the next to start; null when it does not wait. */
  readonly position: number | null;
};

/**
 * What happens to a create or restore while the server already has one queued or running: the native API refuses it
 * with `server_busy` (the default), a panel expects it to wait for its turn.
 */
export type WhenBusy = 'refuse' | 'queue';

export interface CreateBackup {
  readonly server: ServerId;
  readonly whenBusy?: WhenBusy;
  /** The caller's own id; a new one is made without it. `backup_exists` when it is taken. */
  readonly id?: BackupId;
  readonly name?: string;
  /** gitignore lines. Absent or empty: the server's own ignore file counts. */
  readonly ignore?: readonly string[];
  readonly locked?: boolean;
  readonly origin?: Origin;
  /** What the caller's backups may take up besides the limits of the node. */
  readonly limits?: ServerLimits;
  /**
   * The panel keeps the archive: it is uploaded to the panel's own storage before the report, and removed here, row and
   * all, after it. Only with `report`.
   */
  readonly upload?: 'panel';
  /** The end is reported to the panel; retried until the panel has it. */
  readonly report?: true;
}

export interface RestoreBackup {
  readonly server: ServerId;
  readonly backup: BackupId;
  readonly whenBusy?: WhenBusy;
  readonly origin?: Origin;
  readonly truncate: boolean;
  /** Paths of the backup, as a listing shows them. */
  readonly paths?: readonly string[];
  /** As `paths`, but never tried as patterns. */
  readonly files?: readonly string[];
  /** Patterns that select besides `paths`. */
  readonly globs?: readonly string[];
  /** With `truncate`: also where the backup puts back nothing, or passes over what would be removed. */
  readonly force?: boolean;
  readonly keepIgnored?: boolean;
  readonly dryRun?: boolean;
  readonly keepPreviousHours?: number;
  /** Makes a backup of the server first; when that fails, so does the restore, and the server is untouched. */
  readonly backupFirst?: boolean;
  /** Where to fetch the archive of a backup that the node does not have. `invalid_request` for a forbidden link. */
  readonly download?: { readonly url: string };
  /** The end is reported to the panel; retried until the panel has it. */
  readonly report?: true;
}

/** A job that was accepted: it runs whether or not anybody waits for it. */
export interface Accepted {
  readonly job: JobId;
  readonly backup: BackupView;
  /** Resolves with the final state; rejects with the job's Failure. Never aborts the job. */
  readonly ended: Promise<BackupView>;
}

/** The result of a restore or an undo. */
export interface RestoreOutcome {
  /** The first warnings (bounded): what could not be restored as it was, or was passed over. */
  readonly warnings: readonly WarningRecord[];
  readonly warningCount: number;
  /** Until when the tree that was set aside can be put back; ISO date. */
  readonly undoUntil?: string;
  /** Of a dry run: what would change. */
  readonly dryRun?: RestorePreview;
  /** Absent for a dry run; of an undo, only the seconds are known. */
  readonly counts?: RestoreCounts;
}

/** What a restore did. */
export interface RestoreCounts {
  /** Files put back, hard links included, and the bytes of their content. */
  readonly files?: number;
  readonly bytes?: number;
  /** Live files and links that are gone, and that nothing replaced. */
  readonly removed?: number;
  /** Entries of the archive that were passed over. */
  readonly skipped?: number;
  readonly seconds: number;
}

/** The result of each kind of job. */
export interface JobResults {
  readonly backup: void;
  readonly restore: RestoreOutcome;
  readonly verify: VerifyOutcome;
  readonly delete: void;
}

export interface AcceptedRestore extends Accepted {
  /** The result. Call it once, after `ended` has resolved: it is not kept. */
  readonly outcome: () => RestoreOutcome;
  /** The backup that is made first; absent without `backupFirst`. */
  readonly backedUp?: BackupId;
}

export interface DirectoryItem {
  readonly name: string;
  /** Its path as a byte string (base/files/paths.ts), as `target` is: other bytes may read the same. */
  readonly raw: string;
  readonly kind: 'file' | 'directory' | 'symlink' | 'hardlink';
  readonly size: number;
  readonly mode: number;
  /** Whole seconds since the Unix epoch. */
  readonly mtime: number;
  readonly target?: string;
}

export interface DirectoryPage {
  readonly path: string;
  readonly entries: readonly DirectoryItem[];
  readonly cursor?: string;
}

export interface FileContent {
  readonly name: string;
  /** In bytes. Absent where it is known only at the end. */
  readonly size?: number;
  readonly mtime: number;
  /** Each chunk is valid until the next one is requested. */
  readonly stream: AsyncIterable<Uint8Array>;
}

/** A part of a backup, for a download. */
export interface Selection {
  /** Byte strings; a directory means what is below it. */
  readonly paths: readonly string[];
  /** The path, when exactly one file is selected: it is sent as it is. Every other selection is sent as a tar.gz. */
  readonly file?: string;
}

export interface Estimate {
  readonly files: number;
  readonly directories: number;
  readonly bytes: number;
  readonly ignoredFiles: number;
  readonly ignoredBytes: number;
  /** The largest ignored directories, largest first; paths as JSON carries them. */
  readonly largestIgnored: readonly { readonly path: string; readonly bytes: number }[];
}

/** What retention would do to a server now. */
export interface RetentionPlan {
  /** Newest first; a backup without a reason would be deleted. */
  readonly backups: readonly { readonly backup: BackupSummaryView; readonly reasons: readonly KeepReason[] }[];
}

/** What a run of retention did, and the plan afterwards. */
export interface AppliedRetention extends RetentionPlan {
  readonly removed: readonly BackupId[];
  /** Backups whose deletion failed; the next run tries again. */
  readonly failed: readonly BackupId[];
  /** Set when nothing was removed because the clock is in doubt: the time that it shows and the expected one, in ms. */
  readonly doubt: { readonly wall: number; readonly expected: number } | null;
}

/** What becomes of the backups of a server that is given up. */
export interface RemoveServer {
  readonly backups: 'keep' | 'delete';
  /** Days until they are deleted; without it they are deleted at once. */
  readonly graceDays?: number;
  /** Cancels the server's jobs first. Without it, a queued or running job refuses the call with `server_busy`. */
  readonly cancel?: true;
}

export interface RemovedServer {
  /** Backups that are gone now. */
  readonly deleted: number;
  /** Those that stay: all that are kept or wait for their day, and the locked ones. */
  readonly kept: number;
  /** When the unlocked ones of now will be deleted; null: only when it is asked to. */
  readonly deleteAt: number | null;
}

/** MiB per second, 0 for none; null: the job's share of what the config says. */
export interface JobRates {
  readonly readLimit?: number | null;
  readonly writeLimit?: number | null;
}

export interface BackupService {
  /** Those with a directory, and those of which only backups are left; by id. */
  servers(): Promise<readonly ServerView[]>;
  server(id: ServerId): Promise<ServerView>;
  setServer(id: ServerId, change: ServerChange): Promise<ServerView>;
  /**
   * A server that a panel has made: its directory is made under `servers.root`, empty, unless it is there already.
   * `config_invalid` when there is no root.
   */
  addServer(id: ServerId): Promise<ServerView>;
  /**
   * Decides about the backups of a server that its owner gave up; a later call replaces the decision. Never touches
   * the server's directory. `server_busy` while a backup or restore of it is queued or runs.
   */
  removeServer(id: ServerId, decision: RemoveServer): Promise<RemovedServer>;
  /** What the rules of retention would let go now, and why the rest stays. Changes nothing. */
  retention(server: ServerId): Promise<RetentionPlan>;
  /** Removes all that the rules release; nothing while the clock is in doubt, unless it is said to be right. */
  applyRetention(server: ServerId, clockIsRight?: boolean): Promise<AppliedRetention>;

  /** All, newest first. Thousands are read piece by piece, so that other requests are answered meanwhile. */
  backups(server: ServerId): Promise<readonly BackupSummaryView[]>;
  /** Some, newest first; `invalid_request` for an `after` that no page had. */
  backupPage(server: ServerId, limit: number, start?: PageStart): Promise<BackupPageView>;
  /**
   * What `backups` would answer changes only when this does: for answers that are kept. Cheap.
   *
   * @throws nothing, also for a server that is not known.
   */
  backupsRevision(server: ServerId): string;
  /** One page of the warnings that are kept of a backup, from 0. `backup_not_found`; `invalid_request` beyond the last. */
  warnings(server: ServerId, backup: BackupId, page: number): Promise<WarningPageView>;
  /** With the first page of its warnings. `backup_not_found` when the server does not own it. */
  backup(server: ServerId, backup: BackupId): Promise<BackupView>;
  /** By its id alone, for callers who hold all servers. `backup_not_found`. */
  findBackup(backup: BackupId): Promise<BackupView>;
  create(request: CreateBackup): Promise<Accepted>;
  restore(request: RestoreBackup): Promise<AcceptedRestore>;
  /**
   * Puts back what the newest restore of this backup set aside. No job is made of one that is refused: `path_not_found` when
   * nothing is kept, `invalid_request` when a later restore changed the server.
   */
  undo(server: ServerId, backup: BackupId, origin?: Origin): Promise<AcceptedRestore>;
  verify(server: ServerId, backup: BackupId, origin?: Origin): Promise<Accepted>;
  remove(server: ServerId, backup: BackupId, origin?: Origin): Promise<void>;
  /**
   * As `remove`, for a panel that has forgotten the backup already: also of a suspended server, and of a backup that is
   * being made or verified, which is cancelled first. `backup_locked`; `server_busy` while it is being restored.
   */
  discard(server: ServerId, backup: BackupId): Promise<void>;
  /**
   * Takes on to discard a backup, durably, and to report the end to the panel.
   *
   * @throws Failure `backup_not_found`, `backup_locked`; `server_busy` while it is being restored.
   */
  discardLater(server: ServerId, backup: BackupId): Promise<void>;
  /**
   * Makes a backup of what another daemon left under that id, which a panel says is this server's. The archive is read to
   * its end first. False when there is none; `archive_damaged` when it was cut off, `invalid_request` when it is in a
   * format of no use. `restore` and `discard` also search for such archives.
   */
  claim(server: ServerId, backup: BackupId, signal: AbortSignal): Promise<boolean>;
  /** Removes what another daemon left of the server's backups, as far as it lies in a directory of the server's own. */
  deleteForeignArchives(server: ServerId): Promise<void>;
  setLocked(server: ServerId, backup: BackupId, locked: boolean): Promise<BackupView>;
  rename(server: ServerId, backup: BackupId, name: string): Promise<BackupView>;
  /** A suspect backup counts as good from now on; others stay as they are. `backup_not_ready` unless completed. */
  accept(server: ServerId, backup: BackupId): Promise<BackupView>;
  /** True from the acceptance of a restore of the server to its end, over restarts. */
  isUnderRestore(server: ServerId): boolean;
  /** Cancels what is queued or runs on a server, and resolves once that has ended. */
  cancelWork(server: ServerId): Promise<void>;
  /** Resolves once the cancellation was accepted; `not_running` when nothing runs on that backup. */
  cancel(server: ServerId, backup: BackupId): Promise<void>;
  /** @param signal of a caller that may go: `cancelled` then. */
  estimate(server: ServerId, ignore: readonly string[] | undefined, signal: AbortSignal): Promise<Estimate>;

  /** One directory level of a backup; `path` as JSON carries it, '' for the root. */
  files(
    server: ServerId,
    backup: BackupId,
    path: string,
    cursor: string | undefined,
    signal: AbortSignal,
  ): Promise<DirectoryPage>;
  content(server: ServerId, backup: BackupId, path: string, signal: AbortSignal): Promise<FileContent>;
  /** Looks for paths, as a listing shows them, in a backup. `path_not_found` names the first that it does not hold. */
  select(server: ServerId, backup: BackupId, paths: readonly string[], signal: AbortSignal): Promise<Selection>;
  /** What `select` found. Memory of the stream is valid until its next step. */
  selected(server: ServerId, backup: BackupId, selection: Selection, signal: AbortSignal): Promise<FileContent>;
  /** The archive's bytes for a download; the caller closes the source. `backup_not_ready` unless completed. */
  download(server: ServerId, backup: BackupId): Promise<{ readonly backup: BackupView; readonly source: ByteSource }>;

  /**
   * Lends archives to the Wings beside, in its own backup directory, for a transfer to another node; what is not here,
   * not completed, or there already is left out. @returns how many lie there now.
   */
  lendArchives(server: ServerId, backups: readonly BackupId[], directory: string): Promise<number>;

  /**
   * A URL of the storage itself that gives the archive to any holder of the URL, for so many seconds; undefined where
   * downloads go through the agent. Throws like `download`.
   *
   * @param fileName ASCII without quotes, under which a browser saves it; by default `<backup>.tar.gz`.
   */
  downloadUrl(
    server: ServerId,
    backup: BackupId,
    expiresSeconds: number,
    fileName?: string,
  ): Promise<string | undefined>;

  /** Newest first; all that are queued or run, and of the ended ones as many as fit. */
  jobs(filter?: JobFilter): readonly JobView[];
  job(id: JobId): JobView;
  /** Paces a queued or running job from now on; `not_running` when it has ended. */
  setRates(id: JobId, rates: JobRates): JobView;
  /** Reports that the panel is owed, oldest first. */
  deliveries(): readonly DeliveryView[];
  /**
   * Retries waiting and refused reports at once (all, or the one with that id); returns how many of them were refused.
   * `invalid_request` on a node without a panel that takes reports.
   */
  retryDeliveries(id?: number): number;
  /** Drops a report: the panel never gets it. `invalid_request` when there is no such report. */
  dropDelivery(id: number): void;
  /** Asks the stores and the disk. A store that does not answer has an `error`; the call does not reject. */
  system(): Promise<SystemView>;
  /** What is wrong on this node, check by check; never rejects. */
  doctor(): Promise<readonly Finding[]>;
}

/** A report without the private data of its steps. */
export type DeliveryView = Omit<DeliveryRecord, 'data'>;

export type * from './event-data.ts';
export type * from './node-contract.ts';
