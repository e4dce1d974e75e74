/** Copies of backups in further stores, as the catalogue keeps them. */
import type { FailureRecord } from '../base/failure.ts';
import type { BackupId } from '../base/ids.ts';
import type { DueFor, DueForVerification } from './due-contract.ts';
import type { CopyRecord, CopyState } from './records.ts';

/** Rows go with their backup; writing one of a backup that is gone does nothing. */
export interface CopyTable {
  /** Longest unchanged first. */
  list(filter?: { readonly backup?: BackupId; readonly state?: CopyState }): CopyRecord[];
  find(backup: BackupId, store: string): CopyRecord | undefined;
  /** Those of some backups, by backup. */
  ofBackups(backups: readonly BackupId[]): ReadonlyMap<BackupId, readonly CopyRecord[]>;
  /** By store. */
  counts(): ReadonlyMap<string, { readonly [State in CopyState]?: number }>;
  /** Copies that are not there, by why: found damaged and not made again yet, otherwise failed, or to be made. */
  missing(): { readonly pending: number; readonly failed: number; readonly damaged: number };
  /** By store: when the oldest backup was completed whose copy is not there. A store that lacks none is not named. */
  oldestOwed(): ReadonlyMap<string, number>;
  /**
   * Of completed copies in these stores the one that is due the longest, whether or not its backup is damaged; it was last
   * verified, or written, then.
   */
  dueForVerification(due: DueFor, stores: readonly string[]): DueForVerification | undefined;
  /** The copy is to be made, or made again; whatever it was before. Damage that was found stays noted. */
  plan(backup: BackupId, store: string): void;
  /**
   * @param archive `written` now, which ends damage that was found; `kept` where what lay there stays. Nothing happens
   *   to a copy that was found damaged and is kept.
   */
  complete(backup: BackupId, store: string, archive: 'written' | 'kept'): void;
  fail(backup: BackupId, store: string, error: FailureRecord): void;
  /** Read to its end now, and whole. Nothing happens when another archive was written since then (`madeAt`). */
  markVerified(backup: BackupId, store: string, madeAt: number | null): void;
  /** -> failed, until another archive is written. */
  markDamaged(backup: BackupId, store: string, error: FailureRecord): void;
  /** failed -> pending; returns how many. */
  retryFailed(): number;
}
