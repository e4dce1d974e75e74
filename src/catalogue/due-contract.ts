/** What is due for a verification: backups, and copies of them. Times are ms since the epoch. */
import type { BackupId, ServerId } from '../base/ids.ts';

export interface DueFor {
  /** Last read to its end before then. */
  readonly before: number;
  /** Dated later than that is due as well: a clock that was ahead wrote it, and it would put the next reading off. */
  readonly ahead: number;
  /** Passed over. */
  readonly except: readonly { readonly backup: BackupId; readonly copy?: string | undefined }[];
}

export interface DueForVerification {
  readonly backup: BackupId;
  readonly server: ServerId;
  /** The store of a copy; absent for the backup in its own store. */
  readonly copy?: string;
  /** When it was last read to its end, or written. */
  readonly since: number;
}
