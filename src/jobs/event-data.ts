/**
 * The events of jobs and what each carries. They go out after the commit of the change that they tell of; progress is
 * never stored. Wire names and keys are those of the event socket.
 */
import type { FailureCode } from '../base/failure.ts';
import type { BackupId, JobId, ServerId } from '../base/ids.ts';
import type { SuspectReason, BackupRecord, JobProgress, WarningRecord } from '../catalogue/records.ts';

export type ServerStatus = 'READY' | 'BACKING_UP' | 'RESTORING';

/** Paths as JSON carries them (bounded lists), and how many there are. A directory that both sides have is in none. */
export interface RestorePreview {
  readonly added: readonly string[];
  /** There now, and in the archive: the archive's takes its place, even when it is the same. */
  readonly replaced: readonly string[];
  readonly deleted: readonly string[];
  readonly counts: { readonly added: number; readonly replaced: number; readonly deleted: number };
}

/** A failure as events carry it. */
export interface FailureSummary {
  readonly code: FailureCode;
  readonly message: string;
  readonly hint?: string;
}

type NoData = Readonly<Record<string, never>>;
type FailureData = { readonly error: FailureSummary };

/** A backup's row in short: what a dashboard shows without asking again. */
export type BackupData = Pick<
  BackupRecord,
  'name' | 'status' | 'size' | 'rawSize' | 'sha256' | 'files' | 'reusedBytes' | 'warningCount' | 'locked' | 'store'
> & {
  /** Why a completed backup is not taken for a good one. */
  readonly suspect?: { readonly reason: SuspectReason; readonly message: string };
};

/** How a verification ended. */
export type Verdict = { readonly ok: true } | { readonly ok: false; readonly error: FailureSummary };

/** What was found of the index beside an archive that is whole. */
export interface IndexFinding {
  readonly found: 'damaged' | 'missing';
  /** The store that the right one was taken from; absent where no other has it: the archive is read through from now on. */
  readonly takenFrom?: string;
}

/** What a verification found besides that the archive is whole. */
export interface VerifyOutcome {
  readonly index?: IndexFinding;
}

/** What became of a restore: numbers of an unpacked archive, or `counts` of a dry run, or that it was an undo. */
export interface RestoreData {
  readonly entries?: number;
  readonly files?: number;
  readonly bytes?: number;
  readonly hostile?: number;
  /** As in `RestoreCounts`. */
  readonly removed?: number;
  readonly skipped?: number;
  readonly warnings?: readonly WarningRecord[];
  readonly warningCount?: number;
  /** Unix time in ms until which the tree that was set aside can be put back. */
  readonly undoUntil?: number;
  readonly undo?: boolean;
  readonly dryRun?: boolean;
  readonly counts?: RestorePreview['counts'];
}

export interface MissedSchedule {
  readonly cron: string;
  /** Times that passed without a backup. */
  readonly missed: number;
  /** Whether a backup was begun to make up for them. */
  readonly run: boolean;
  /** Why a backup was refused. */
  readonly error?: FailureSummary;
}

/** What a collection of a vault did; bytes. */
export interface CollectedData {
  readonly store: string;
  readonly packs: number;
  readonly freedBytes: number;
  readonly movedBytes: number;
}

/** What became of a copy in a further store. */
export interface CopyData {
  readonly store: string;
  readonly state: 'completed' | 'failed';
  /** Why it failed; it is tried again. */
  readonly error?: FailureSummary;
}

/** What the events of each type carry. */
export interface EventData {
  readonly 'backup.started': NoData;
  readonly 'backup.progress': JobProgress;
  readonly 'backup.completed': BackupData;
  readonly 'backup.failed': FailureData;
  readonly 'backup.cancelled': FailureData;
  readonly 'backup.deleted': BackupData;
  readonly 'backup.locked': BackupData;
  readonly 'backup.verified': BackupData & Verdict;
  readonly 'verify.started': NoData;
  readonly 'verify.progress': JobProgress;
  /** `backup.verified` carries the verdict; this one says that the job is over. `copy`: the store whose copy was read. */
  readonly 'verify.completed': { readonly copy?: string } & VerifyOutcome;
  readonly 'verify.failed': FailureData & { readonly copy?: string };
  readonly 'copy.changed': CopyData;
  readonly 'restore.started': NoData;
  readonly 'restore.progress': JobProgress;
  readonly 'restore.completed': RestoreData;
  readonly 'restore.failed': FailureData;
  /** Bytes of a vault that nothing needed were given back. */
  readonly 'vault.collected': CollectedData;
  /** Bytes of a vault are damaged: all backups that have them, and were not marked before. */
  readonly 'vault.damaged': { readonly store: string; readonly backups: readonly BackupId[] };
  readonly 'schedule.missed': MissedSchedule;
  /** `suspended` and `power` only where that changed; `power` as Wings names it, or `unknown`. */
  readonly 'server.status': { readonly status: ServerStatus; readonly suspended?: boolean; readonly power?: string };
}

export type EventType = keyof EventData;

/** Everything that happens, after it was committed. `jobs/runner/events.ts` delivers it to sockets and metrics. */
export type RoostEvent<Type extends EventType = EventType> = {
  [T in Type]: {
    /** Grows by one with each event of this daemon's run. */
    readonly seq: number;
    readonly at: number;
    readonly type: T;
    readonly server: ServerId;
    readonly backup?: BackupId;
    readonly job?: JobId;
    readonly data: EventData[T];
  };
}[Type];

export interface EventSource {
  /** Calls back for each event from now on; the returned function ends it. */
  subscribe(listener: (event: RoostEvent) => void): () => void;
  /** The number of the newest event, for a snapshot's own `seq`. */
  readonly lastSeq: number;
}
