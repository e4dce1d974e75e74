/**
 * Previews of restores, differences between two backups or a backup and its server, and searches for names. No job is
 * made, nothing is locked, reported or changed.
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
  /** Names the comparison when its pages are requested; a restore takes it as `preview`. */
  readonly id: string;
  readonly totals: ChangeTotals;
  readonly folders: readonly { readonly path: string; readonly totals: ChangeTotals }[];
  /** Requested paths that the backup does not have; the first few. */
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
  /** In the order of paths; each with its versions in the backups searched for this page, newest first. */
  readonly paths: readonly {
    readonly path: string;
    readonly versions: readonly (Omit<FoundEntry, 'path'> & { readonly backups: readonly BackupId[] })[];
  }[];
  /** Backups that were searched for this page, newest first. */
  readonly searched: readonly BackupId[];
  /** Those with more matching names than are kept. */
  readonly cut: readonly BackupId[];
  /** Set while there are older backups to search. */
  readonly cursor?: string;
}

/** Further facts about an entry in a listing of one directory. */
export interface LevelFacts {
  /** Of a directory: files and bytes below it. */
  readonly files?: number;
  readonly bytes?: number;
  /** What the server has at that path now. */
  readonly live?: 'same' | 'changed' | 'gone';
}

export interface CompareService {
  /** `path_not_found` when the request selects nothing. */
  preview(request: RestoreBackup, signal: AbortSignal): Promise<ComparisonView>;
  /** The changes from a backup to another one of the same server, or to the server's directory as it is now. */
  compare(server: ServerId, backup: BackupId, to: BackupId | 'live', signal: AbortSignal): Promise<ComparisonView>;
  /** `path_not_found` for a comparison that is not kept (any more), `invalid_request` for a cursor that no page had. */
  changes(
    server: ServerId,
    id: string,
    page: { readonly class?: ChangeClass; readonly cursor?: string; readonly limit: number },
  ): ChangePage;
  /**
   * Restores exactly what a preview has shown. `preview_outdated` when a restore would do something else now;
   * `path_not_found` when the preview is not kept any more, `invalid_request` when it is of another backup.
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
  /** Facts about the entries of one directory. @param entries as a listing of it returned them. */
  levelFacts(
    server: ServerId,
    backup: BackupId,
    entries: readonly DirectoryItem[],
    wanted: { readonly totals: boolean; readonly live: boolean },
    signal: AbortSignal,
  ): Promise<ReadonlyMap<DirectoryItem, LevelFacts>>;
}
