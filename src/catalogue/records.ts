/**
 * What the catalogue holds, as the rooms above see it. Times are milliseconds since the Unix epoch, sizes bytes.
 * These shapes are also what a backup's manifest stores, so that the catalogue can be rebuilt from manifests alone.
 */
import type { FailureCode, FailureRecord } from '../base/failure.ts';
import type { BackupId, JobId, ServerId } from '../base/ids.ts';
import type { ServerLimits } from '../config/types.ts';

/** `RESTORING` is not stored: a backup shows it while a restore job of it is queued or runs. */
export type StoredBackupStatus = 'IN_PROGRESS' | 'COMPLETED' | 'FAILED';
export type BackupStatus = StoredBackupStatus | 'RESTORING';

/**
 * Who asked for a backup or another job: a schedule, the panel, a rule of the node itself, or the holder of a token by its
 * id in the config.
 */
export type Origin = 'schedule' | 'panel' | 'retention' | 'verification' | `token:${string}`;

const ORIGIN = /^(?:schedule|panel|retention|verification|token:[^]+)$/;

/** An origin that was stored as text; undefined for none, and for what is none. */
export function originOf(stored: string | null | undefined): Origin | undefined {
  return typeof stored === 'string' && ORIGIN.test(stored) ? (stored as Origin) : undefined;
}

export interface WarningRecord {
  /** As JSON carries it: text, or `\xNN` escapes where the bytes are no text. */
  readonly path: string;
  readonly code: string;
  readonly message: string;
}

/** Why a completed backup is not taken for a good one. Also on the wire. */
export type SuspectReason = 'empty' | 'shrunken_files' | 'shrunken_bytes' | 'unreadable';

/** A completed backup that lost more than is plausible, or read too little. */
export interface SuspectRecord {
  readonly reason: SuspectReason;
  /** One sentence for people. */
  readonly message: string;
  readonly files: number;
  /** Uncompressed. */
  readonly bytes: number;
  /** The good backup it was compared with; null when there was none. */
  readonly baseline: { readonly id: BackupId; readonly files: number; readonly bytes: number } | null;
}

export interface BackupRecord {
  readonly id: BackupId;
  readonly server: ServerId;
  readonly name: string;
  readonly status: StoredBackupStatus;
  readonly locked: boolean;
  /** The effective ignore list, line by line. */
  readonly ignore: readonly string[];
  /** The store's name in the config. */
  readonly store: string;
  /** The archive's key in that store: `<server>/<backup>.tar.gz`. */
  readonly key: string;
  readonly size: number;
  readonly rawSize: number;
  readonly files: number;
  readonly entries: number;
  readonly reusedBytes: number;
  /** Lower-case hex; null until completed. */
  readonly sha256: string | null;
  /** The first warnings (bounded); `warningCount` counts them all. */
  readonly warnings: readonly WarningRecord[];
  readonly warningCount: number;
  readonly error: FailureRecord | null;
  /** Set when a verification found the archive damaged; such a backup is never reused from and refuses restore. */
  readonly damagedAt: number | null;
  readonly verifiedAt: number | null;
  /**
   * The order in which this server's backups were made, whatever the clock said. 0 for one made elsewhere: those come
   * before all others, by time among themselves.
   */
  readonly sequence: number;
  /** Set when it completed; stays after it was accepted. */
  readonly suspect: SuspectRecord | null;
  /** When an operator accepted a suspect backup as good. */
  readonly acceptedAt: number | null;
  /** Lower-case hex of the index's bytes; null where it is not known. */
  readonly indexSha256: string | null;
  /** A removal has begun and not ended: no longer a backup to rely on. */
  readonly removing: boolean;
  /** Absent where it is not known: made elsewhere, or by an earlier version. */
  readonly origin?: Origin;
  /** False when the node chose the name; absent where that is not known. */
  readonly named?: boolean;
  /** When its job began to run; absent before, and where it is not known. */
  readonly startedAt?: number;
  /** Bytes that its archive added to the store; absent where that is not known. */
  readonly storedBytes?: number;
  /** How its files were kept still while they were read; absent where they were not, and where that is not known. */
  readonly quiesced?: QuiescedRecord | undefined;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly completedAt: number | null;
}

export interface QuiescedRecord {
  /** By a game's own commands (`minecraft_java`, `minecraft_bedrock`), `config`, `program` or `rcon`. */
  readonly how: string;
  /** What the game said, one printable line; absent where nothing was listened for. */
  readonly heard?: string | undefined;
}

/** One attempt at a backup, which may be gone by now. */
export interface AttemptRecord {
  readonly backup: BackupId;
  readonly server: ServerId;
  readonly store: string;
  readonly status: 'COMPLETED' | 'FAILED';
  /** Why it failed. */
  readonly code: FailureCode | null;
  readonly size: number;
  readonly rawSize: number;
  readonly files: number;
  readonly reusedBytes: number;
  readonly origin?: Origin;
  readonly createdAt: number;
  readonly startedAt: number | null;
  readonly endedAt: number;
  /** When its backup was removed; null while it is there. */
  readonly goneAt: number | null;
}

/** What came into a store and went out of it within some time, in bytes of archives. */
export interface StoreFlow {
  readonly store: string;
  readonly added: number;
  readonly removed: number;
  /** When the first of what came was made; null when nothing came. */
  readonly first: number | null;
}

/** A backup as lists have it: small, whatever its server's owner put into it. */
export interface BackupSummary extends Omit<BackupRecord, 'warnings'> {
  /** The first lines of the effective ignore list. */
  readonly ignore: readonly string[];
  /** How many lines there are in all; set where `ignore` is not the whole list. */
  readonly ignoreCount?: number;
  /** Absent where there are many, or long ones; `warningCount` counts them all the same. */
  readonly warnings?: readonly WarningRecord[];
}

/** True for a suspect backup that was not accepted: it takes the place of no good one. */
export function isSuspect({ suspect, acceptedAt }: Pick<BackupRecord, 'suspect' | 'acceptedAt'>): boolean {
  return suspect !== null && acceptedAt === null;
}

/** `pending`: to be made, or to be brought up to date; `failed` is tried again later. */
export type CopyState = 'pending' | 'completed' | 'failed';

/** A copy of a completed backup in a further store. */
export interface CopyRecord {
  readonly backup: BackupId;
  /** The store's name in the config. */
  readonly store: string;
  readonly state: CopyState;
  readonly error: FailureRecord | null;
  readonly updatedAt: number;
  /** When its archive was written, or first found there; null before. */
  readonly madeAt: number | null;
  /** When it was last read to its end and found whole, since it was written. */
  readonly verifiedAt: number | null;
  /** When it was found damaged; null once it was written again. */
  readonly damagedAt: number | null;
}

export type JobKind = 'backup' | 'restore' | 'verify' | 'delete';
export type JobState = 'queued' | 'running' | 'done' | 'failed' | 'cancelled';

export interface JobProgress {
  readonly phase: string;
  readonly bytesDone: number;
  readonly bytesTotal: number;
  readonly filesDone: number;
  readonly filesTotal: number;
  readonly bytesPerSecond: number;
  readonly etaSeconds: number | null;
}

/** What a backup job was asked for; absent fields were not asked for. */
export interface BackupJobRequest {
  /** The caller's limits, besides those of the node; 0 for none. */
  readonly limits?: ServerLimits;
  /** The panel gets a report of how the job ended. */
  readonly report?: boolean;
  /** The archive goes to the panel's storage before the report, and is removed here after it. */
  readonly upload?: 'panel';
  /** The job continues one that was interrupted while it ran; it is not begun a third time. */
  readonly runAgain?: boolean;
}

/** What a restore job was asked for; absent fields were not asked for. */
export interface RestoreJobRequest {
  /** The tree becomes exactly the archive; without it, what the archive lacks stays. */
  readonly truncate?: boolean;
  /** Paths of the backup, as callers spell them; only what is selected is restored, and truncating removes only of that. */
  readonly paths?: readonly string[];
  /** As `paths`, but never tried as patterns. */
  readonly files?: readonly string[];
  /** Patterns that select besides `paths`. */
  readonly globs?: readonly string[];
  /** Truncates although that removes more than the backup can put back. */
  readonly force?: boolean;
  /** With `truncate`: what the backup's ignore list covers stays. */
  readonly keepIgnored?: boolean;
  /** Reports what would change, and changes nothing. */
  readonly dryRun?: boolean;
  /** Keeps what was set aside for so many hours, for an undo. */
  readonly keepPreviousHours?: number;
  /** Puts back what the last restore of this backup set aside; all else has no meaning then. */
  readonly undo?: boolean;
  /** The archive is not in the catalogue: it is fetched from a link that only the process knows. */
  readonly download?: boolean;
  /** The archive is not in the catalogue: another daemon left it, and it is adopted first. */
  readonly claim?: boolean;
  /** The backup that must have been completed before; its job was queued before this one. */
  readonly after?: string;
  /** The panel gets a report of how the job ended. */
  readonly report?: boolean;
}

/** What a verification was asked for; absent fields were not asked for. */
export interface VerifyJobRequest {
  /** The copy in that further store is read, and not the backup in its own. */
  readonly copy?: string;
}

/** What each kind of job is asked for; stored with the job, so that a restart can continue it. */
export interface JobRequests {
  readonly backup: BackupJobRequest;
  readonly restore: RestoreJobRequest;
  readonly verify: VerifyJobRequest;
  readonly delete: Readonly<Record<string, never>>;
}

interface JobBase {
  readonly id: JobId;
  readonly server: ServerId;
  readonly backup: BackupId;
  readonly state: JobState;
  readonly phase: string;
  readonly error: FailureRecord | null;
  readonly createdAt: number;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  /** Absent where it is not known. */
  readonly origin?: Origin;
  /** Its result; absent for kinds without one. */
  readonly result?: JobResult;
}

/** The part of a job's result that is kept. Plain data, a few hundred bytes. */
export type JobResult = Readonly<Record<string, number | string | boolean | undefined>>;

/** A job of one of these kinds; `kind` tells what its `request` holds. */
export type JobRecord<Kind extends JobKind = JobKind> = {
  [K in Kind]: JobBase & { readonly kind: K; readonly request: JobRequests[K] };
}[Kind];

/** What was decided about the backups of a server that was removed. */
export interface RemovalDecision {
  readonly decidedAt: number;
  /** The last backup's place in the order of making; absent in decisions of older versions. */
  readonly sequence?: number;
  /** Ids of those that had no place in it; absent in decisions of older versions. */
  readonly unnumbered?: readonly string[] | undefined;
  readonly deleteAt: number;
}

/** What is kept of a server besides its state; absent fields were never set. */
export interface ServerSettings {
  /** What the panel calls it. */
  readonly panelName?: string;
  readonly givenUp?: RemovalDecision;
}

/** What the catalogue knows of a server; its directory and name are the registry's. */
export interface ServerRecord {
  readonly id: ServerId;
  readonly suspended: boolean;
  readonly settings: ServerSettings;
  readonly updatedAt: number | null;
}

/**
 * `swapping`: the point of no return is passed, a restart replays the renames. `kept`: done, the previous tree is kept
 * for an undo. `cleaning`: done, what was set aside is being removed.
 */
export type PlanState = 'swapping' | 'kept' | 'cleaning';

/** A restore's durable list of renames; what is in `plan` is the restore's own. */
export interface PlanRecord {
  readonly job: JobId;
  readonly server: ServerId;
  readonly state: PlanState;
  readonly plan: unknown;
  readonly createdAt: number;
  readonly updatedAt: number;
}

export type DeliveryKind = 'backup' | 'restore' | 'deletion';

/** `parked`: it is tried again at the next start, or on request. A report that arrived has no row. */
export type DeliveryState = 'pending' | 'parked';

/** A part of an archive that the panel's storage has taken. */
export interface UploadedPart {
  /** From 1. */
  readonly partNumber: number;
  /** As the storage gave it, with its quotes. */
  readonly etag: string;
}

/** What was asked for, and what earlier steps leave for later ones; absent fields were never set. */
export interface DeliveryData {
  /** The archive goes to the panel's storage first. */
  readonly upload?: boolean;
  readonly parts?: readonly UploadedPart[];
  /** Bytes of all parts but the last. */
  readonly partSize?: number;
  /** A report with these parts was begun: the upload may be complete. */
  readonly reporting?: boolean;
  /** The deletion was refused, since the backup was locked meanwhile. */
  readonly refused?: boolean;
}

/** A report that the panel is still owed: how a backup, a restore or a deletion that it asked for has ended. */
export interface DeliveryRecord {
  /** Grows with each new one: the order of the reports of one backup. */
  readonly id: number;
  readonly job: JobId;
  readonly kind: DeliveryKind;
  readonly server: ServerId;
  readonly backup: BackupId;
  readonly successful: boolean;
  /** Lower-case hex, of a backup that was successful; null otherwise. */
  readonly sha256: string | null;
  readonly size: number;
  readonly files: number;
  /** The backup was removed before its report arrived: `successful` is false now, whatever it was. */
  readonly withdrawn: boolean;
  /** The name of the step that comes next. */
  readonly step: string;
  readonly data: DeliveryData;
  readonly state: DeliveryState;
  /** Tries of this step that failed, since it was last begun or asked for again. */
  readonly attempts: number;
  /** Why the last try failed; null before the first. */
  readonly error: FailureRecord | null;
  /** When the job was accepted: the panel may not have committed its own side for some seconds after. */
  readonly askedAt: number;
  readonly createdAt: number;
  /** Not tried before. */
  readonly dueAt: number;
  /** A try that fails after this parks it. */
  readonly giveUpAt: number;
}

/** Backups among so many rows whose index has no recorded sha256. */
export interface WithoutIndexDigest {
  readonly found: readonly { readonly row: number; readonly backup: BackupRecord }[];
  /** The row up to which was looked. */
  readonly seen: number;
}
