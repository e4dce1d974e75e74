/** What the catalogue keeps for notifications. Times are ms since the epoch. */
import type { FailureRecord } from '../base/failure.ts';
import type { BackupId, JobId, ServerId } from '../base/ids.ts';

/** Something that was committed and has not been looked at yet. */
export interface OccurrenceRecord {
  readonly id: number;
  /** `damage`: an archive was found damaged, by whatever read it. */
  readonly kind: 'backup' | 'restore' | 'damage';
  readonly state: 'done' | 'failed' | 'cancelled';
  readonly server: ServerId;
  readonly backup: BackupId;
  readonly job: JobId | null;
  readonly error: FailureRecord | null;
  readonly at: number;
}

export interface ConditionRecord {
  readonly state: string;
  readonly since: number;
}

/** A message that a channel has not taken yet. */
export interface NoticeRecord {
  readonly id: number;
  readonly channel: string;
  readonly message: unknown;
  readonly createdAt: number;
  readonly dueAt: number;
  /** Failed ones. */
  readonly attempts: number;
}

export interface NoticeTable {
  /**
   * Removes and returns occurrences, oldest first, some hundreds at a time. Call it in the transaction that writes what
   * follows from them: a crash keeps both or neither.
   */
  take(): OccurrenceRecord[];
  /** The last known state of a subject, and since when. */
  condition(subject: string): ConditionRecord | undefined;
  /** Stores a state; an unchanged state keeps its `since`. */
  setCondition(subject: string, state: string): void;
  /** Appends a notice to its channel, due now. @param message any JSON value. */
  insert(channel: string, message: unknown): void;
  /** The oldest notice of a channel, the only one that may be sent; undefined when none waits. */
  next(channel: string): NoticeRecord | undefined;
  /** By channel, those with any: how many wait, since when, and why the first does. */
  counts(): ReadonlyMap<string, { readonly waiting: number; readonly oldest: number; readonly error: string | null }>;
  /** A try failed. */
  postpone(id: number, error: unknown, dueAt: number): void;
  /** All are due now. */
  hasten(): void;
  delete(id: number): void;
  /** Removes those written before then; returns how many. */
  forget(before: number): number;
  /** Removes the oldest of a channel beyond so many; returns how many. */
  trim(channel: string, most: number): number;
}
