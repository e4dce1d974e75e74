/**
 * What an operator is shown beyond single backups: an overview of servers, schedules, stores, the history of attempts, and
 * what is wrong. Everything here only reads, and costs what the page of it costs, however many backups there are.
 */
import type { BackupId, JobId, ServerId } from '../base/ids.ts';
import type { BackupsOverview } from '../catalogue/contract.ts';
import type { AttemptRecord, JobKind, JobState } from '../catalogue/records.ts';
import type { RetentionConfig, ScheduleConfig } from '../config/types.ts';
import type { UnwritablePlace } from '../servers/writable.ts';

export interface SystemView {
  readonly version: string;
  readonly node: string;
  readonly engine: 'isal' | 'zlib';
  readonly uptimeSeconds: number;
  readonly servers: number;
  readonly jobs: { readonly running: number; readonly queued: number };
  readonly stores: readonly StoreView[];
  /** The disk of the state directory; while it is full, nothing but deletions is begun. */
  readonly stateDisk?: { readonly freeBytes: number | null; readonly full: boolean };
  /** Directories of servers that the daemon cannot write: restores there fail. */
  readonly unwritable?: readonly UnwritablePlace[];
  /** Reports that the panel is owed: those that wait for their turn or their next try, and those that it refused. */
  readonly deliveries?: { readonly pending: number; readonly parked: number };
}

export interface StoreView {
  readonly name: string;
  readonly type: string;
  /** Of a vault: what its files take on disk; absent before the first collection. */
  readonly vault?:
    | {
        readonly storedBytes: number;
        readonly liveBytes: number;
        readonly packs: number;
        /** The oldest of the servers' last collections, in ms. */
        readonly collectedAt: number;
      }
    | undefined;
  /** null where the store cannot say, or cannot be reached. */
  readonly freeBytes: number | null;
  /** Why it cannot be used now; null when it can. */
  readonly error: string | null;
}

/** What wants attention at a server, the worst first. Stable: pages and scripts act on the code. */
export type ProblemCode = 'failing' | 'damaged' | 'never' | 'late' | 'suspect' | 'no_directory';

export interface Problem {
  readonly code: ProblemCode;
  /** One sentence. */
  readonly message: string;
  readonly hint?: string;
  readonly backup?: BackupId;
  /** Since when, in ms. */
  readonly since?: number;
}

/** Bytes and backups that a server uses, and may use; 0 is no limit. */
export interface UsedLimits {
  readonly backups: { readonly used: number; readonly most: number };
  readonly bytes: { readonly used: number; readonly most: number };
  /** Of one archive. */
  readonly maxSize: number;
}

export interface ServerOverview extends Pick<BackupsOverview, 'newest' | 'lastFailure' | 'recent' | 'locked'> {
  readonly server: ServerId;
  readonly damaged: number;
  readonly suspect: number;
  /** When the next scheduled backup begins, in ms; null without a schedule. */
  readonly next: number | null;
  /** Seconds since the scheduled time that passed without a good backup; 0 when none has, null when there is no good one. */
  readonly lateSeconds: number | null;
  readonly limits: UsedLimits;
  /** The restore that can be undone, until that time in ms. */
  readonly undo: { readonly backup: BackupId; readonly until: number } | null;
  readonly problems: readonly Problem[];
}

export interface ScheduleView extends Pick<ScheduleConfig, 'cron' | 'timezone' | 'ignore'> {
  readonly server: ServerId | '*';
  /** Servers that it makes backups of. */
  readonly servers: readonly ServerId[];
  /** What happens when a time passes while the daemon is off. */
  readonly whenMissed: ScheduleConfig['missed'];
  /** The next times, in ms; fewer where there are no more. */
  readonly next: readonly number[];
  /** The last time that has passed and what became of it; null before the first. */
  readonly last: {
    readonly at: number;
    readonly completed: number;
    readonly failed: number;
    readonly running: number;
    /** Servers without a backup of that time. */
    readonly without: number;
  } | null;
  /** The newest times that passed without the daemon; null when there were none. */
  readonly missed: { readonly times: number; readonly since: number; readonly noticedAt: number } | null;
}

export interface StoreUsage extends StoreView {
  /** True for the store of new backups. */
  readonly isDefault: boolean;
  /** Of the file system that it lies on; null where there is none. */
  readonly totalBytes: number | null;
  /** Bytes of the archives in it. */
  readonly usedBytes: number;

  readonly backups: number;
  /** Bytes that are kept free on it. */
  readonly reserveBytes: number;
  /** Bytes by which it grows in a day, after what was removed; null before a day has passed. */
  readonly growthPerDay: number | null;
  /** When it is full at that growth, in ms; null when never, or not known. */
  readonly fullAt: number | null;
  /** Copies of backups in it. */
  readonly copies: { readonly completed: number; readonly pending: number; readonly failed: number };
}

export interface NodeView {
  readonly name: string;
  readonly stores: readonly StoreUsage[];
  readonly retention: RetentionConfig;
  readonly limits: { readonly perServer: number; readonly maxSize: number; readonly serverBytes: number };
  readonly verification: { readonly everyDays: number };
}

/** How well the node is protected, in figures. Times in ms. */
export interface NodeReport {
  /** Of the host. */
  readonly name: string;
  readonly at: number;
  /** False when a server has a problem, or a store or a copy cannot be used. */
  readonly healthy: boolean;
  readonly servers: readonly {
    readonly server: ServerId;
    readonly name: string;
    /** The newest good backup. */
    readonly newest: { readonly id: BackupId; readonly createdAt: number } | null;
    readonly ageSeconds: number | null;
    readonly next: number | null;
    readonly lateSeconds: number | null;
    /** When a backup of it was last verified to its end. */
    readonly verifiedAt: number | null;
    readonly problems: readonly ProblemCode[];
  }[];
  readonly stores: readonly (Pick<StoreUsage, 'name' | 'freeBytes' | 'growthPerDay' | 'error'> & {
    /** Whole days; null when never, or not known. */
    readonly daysUntilFull: number | null;
    /** null for a store that takes no copies. `lagSeconds`: age of the oldest backup without a copy there. */
    readonly copies: (StoreUsage['copies'] & { readonly lagSeconds: number }) | null;
  })[];
}

export interface HistoryView {
  /** Newest first. */
  readonly attempts: readonly AttemptRecord[];
  /** True when there are more attempts than shown. */
  readonly more: boolean;
}

export interface JobFilter {
  readonly server?: ServerId;
  readonly kind?: JobKind;
  readonly state?: JobState;
  readonly limit?: number;
  /** Only older ones than that job; `job_not_found` when there is none. */
  readonly before?: JobId;
}

/** `full`: less is free than is to be kept free. */
export type StoreState = 'up' | 'full' | 'away';

/** Events sent only to clients that ask for them, so that older clients see nothing new. */
export type ExtraEvent =
  /** A job has to wait; one that starts at once has none. */
  | {
      readonly type: 'job.queued';
      readonly server: ServerId;
      readonly backup: BackupId;
      readonly job: JobId;
      readonly data: { readonly kind: JobKind };
    }
  | {
      readonly type: 'store.changed';
      readonly data: {
        readonly store: string;
        readonly state: StoreState;
        readonly freeBytes: number | null;
        /** Why it is away. */
        readonly reason?: string;
      };
    };

export type ExtraEvents = 'queue' | 'stores';

/** What a page of the whole node is made of. */
export interface NodeService {
  /** One for each of these servers, in that order; a server that is not known gets the values of one without backups. */
  overviews(servers: readonly ServerId[]): Promise<readonly ServerOverview[]>;
  schedules(): Promise<readonly ScheduleView[]>;
  node(): Promise<NodeView>;
  /** Covers the servers that the node has, or has backups of, and that are held by who asks, in the order of ids. */
  report(holds: (server: ServerId) => boolean): Promise<NodeReport>;
  /** Calls back for each event of that sort from now on; the returned function ends it. Stores: at most once a minute. */
  follow(which: ExtraEvents, listener: (event: ExtraEvent) => void): () => void;
  /** `server_not_found` for one that has neither directory, backups nor history. */
  history(server: ServerId, days: number): Promise<HistoryView>;
}
