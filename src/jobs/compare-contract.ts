/**
 * Looking without a job at what a restore would do, at what differs between two backups or a backup and its server, and at
 * where a name is. Nothing is locked, told or changed.
 */
import type { BackupId, ServerId } from '../base/ids.ts';
import type { AcceptedRestore, DirectoryItem, RestoreBackup } from './contract.ts';

export type ChangeClass = 'added' | 'changed' | 'deleted' | 'same' | 'kept';

export interface ClassTotal {
  readonly files: number;
  readonly directories: number;
  readonly bytes: number;
}

export type ChangeTotals = { readonly [Class in ChangeClass]: ClassTotal };

export interface Change {
  readonly class: ChangeClass;
  readonly path: string;
  readonly directory: boolean;
  readonly size: number;
  readonly before?: number;
}

export interface ComparisonView {
  /** Under which its pages are asked for, and that a restore takes as `preview`. */
  readonly id: string;
  readonly totals: ChangeTotals;
  readonly folders: readonly { readonly path: string; readonly totals: ChangeTotals }[];
  /** Asked paths that are none of the backup; a few. */
  readonly missing: readonly string[];
  readonly changes: readonly Change[];
  readonly cursor?: string;
}

export interface ChangePage {
  readonly changes: readonly Change[];
  readonly cursor?: string;
}

export interface FoundEntry {
  readonly path: string;
  readonly kind: 'file' | 'directory' | 'symlink' | 'hardlink';
  readonly size: number;
  readonly mtime: number;
}

export interface FoundPage {
  readonly entries: readonly FoundEntry[];
  readonly cursor?: string;
}

export interface FoundVersions {
  /** By path; of each its versions in the backups that were searched for this page, newest first. */
  readonly paths: readonly {
    readonly path: string;
    readonly versions: readonly (Omit<FoundEntry, 'path'> & { readonly backups: readonly BackupId[] })[];
  }[];
  /** Backups that were searched for this page, newest first. */
  readonly searched: readonly BackupId[];
  /** Backups of this page with more names than were kept. */
  readonly cut: readonly BackupId[];
  /** There are older backups to search. */
  readonly cursor?: string;
}

/** What is known of an entry of a directory level besides. */
export interface LevelFacts {
  /** Of a directory: files and bytes below it. */
  readonly files?: number;
  readonly bytes?: number;
  /** What is there on the server now. */
  readonly live?: 'same' | 'changed' | 'gone';
}

export interface CompareService {
  /** `path_not_found` when the request selects nothing. */
  preview(request: RestoreBackup, signal: AbortSignal): Promise<ComparisonView>;
  /** From a backup to another of the same server, or to its directory now. */
  compare(server: ServerId, backup: BackupId, to: BackupId | 'live', signal: AbortSignal): Promise<ComparisonView>;
  /** `path_not_found` for a comparison that is not kept (any more), `invalid_request` for a cursor that no page had. */
  changes(
    server: ServerId,
    id: string,
    page: { readonly class?: ChangeClass; readonly cursor?: string; readonly limit: number },
  ): ChangePage;
  /**
   * A restore by its preview: what was previewed is what is asked for. `preview_outdated` when it would do something else
   * by now.
   */
  restorePreviewed(
    request: Pick<RestoreBackup, 'server' | 'backup' | 'origin' | 'force' | 'keepPreviousHours'>,
    preview: string,
    signal: AbortSignal,
    options: { readonly backupFirst: boolean },
  ): Promise<AcceptedRestore>;
  find(
    server: ServerId,
    backup: BackupId,
    query: { readonly text: string; readonly cursor?: string; readonly limit: number },
    signal: AbortSignal,
  ): Promise<FoundPage>;
  findVersions(
    server: ServerId,
    query: { readonly text: string; readonly cursor?: string },
    signal: AbortSignal,
  ): Promise<FoundVersions>;
  /** Of the names of one directory level; by name. */
  levelFacts(
    server: ServerId,
    backup: BackupId,
    level: { readonly path: string; readonly entries: readonly DirectoryItem[] },
    wanted: { readonly totals: boolean; readonly live: boolean },
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, LevelFacts>>;
}
