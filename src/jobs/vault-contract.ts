/** What an operator may ask of stores whose archives share bytes (docs/vault.md). */
import type { FailureCode } from '../base/failure.ts';
import type { BackupId, ServerId } from '../base/ids.ts';

/** The servers that are meant: all, those of one store, or one. */
export interface VaultScope {
  readonly store?: string | undefined;
  readonly server?: ServerId | undefined;
  /** Servers that the caller may know of; all without it. */
  readonly holds?: (server: ServerId) => boolean;
}

export interface VaultStatus {
  readonly store: string;
  readonly server: ServerId;
  readonly backups: number;
  /** Bytes of their archives. */
  readonly archiveBytes: number;
  /** As the last collection found it; null before the first of a run. */
  readonly usage: {
    readonly packs: number;
    /** Of the disk. */
    readonly storedBytes: number;
    readonly liveBytes: number;
    readonly collectedAt: number;
  } | null;
}

export interface VaultCollection {
  readonly store: string;
  readonly server: ServerId;
  readonly packs: number;
  readonly freedBytes: number;
  readonly movedBytes: number;
}

export interface VaultVerification {
  readonly store: string;
  readonly server: ServerId;
  /** Bytes read: each once, however many backups have it. */
  readonly readBytes: number;
  /** Backups of which every segment was proven. */
  readonly whole: number;
  /** Backups that have damaged bytes still. */
  readonly damaged: readonly BackupId[];
  /** Backups that had damaged bytes, which were taken from a copy. Each is verified now, and loses its mark by that. */
  readonly healed: readonly BackupId[];
  /** Backups without an index that proves their parts: to be verified one by one. */
  readonly unproven: readonly BackupId[];
  /** What could not be looked at. */
  readonly faults: readonly VaultFault[];
}

export interface VaultFault {
  /** Absent where it is all of the server. */
  readonly backup?: BackupId;
  readonly code: FailureCode;
  readonly message: string;
}

export interface VaultAdoption {
  readonly store: string;
  readonly server: ServerId;
  readonly backup: BackupId;
  readonly size: number;
}

export interface BackupPlaces {
  /** Bytes that it added to its store; null where that is not known. */
  readonly storedBytes: number | null;
  /** Bytes that its removal gives back. */
  readonly exclusiveBytes: number;
  /** Of a vault: the ranges that make up the archive, and the packs that hold them. */
  readonly ranges?: number;
  readonly packs?: readonly { readonly id: string; readonly ranges: number; readonly bytes: number }[];
}

export interface VaultService {
  status(scope?: VaultScope): Promise<readonly VaultStatus[]>;
  /** @throws Failure `archive_damaged`, the first, when all were tried: nothing of a server with one was removed. */
  collect(scope: VaultScope, dryRun?: boolean): Promise<readonly VaultCollection[]>;
  /**
   * Reads each needed byte once; marks what is damaged, and heals it from whole copies in further stores. What cannot be
   * looked at is among the faults, and the others are verified all the same. @throws Failure `cancelled`, `invalid_request`.
   */
  verify(scope: VaultScope, signal?: AbortSignal): Promise<readonly VaultVerification[]>;
  /** Makes plain archives of vaults packs, without copying them. @throws as `collect`: those that could be taken in were. */
  adopt(scope: VaultScope, dryRun?: boolean): Promise<readonly VaultAdoption[]>;
  /** @throws Failure `backup_not_found`, `backup_not_ready`. */
  places(server: ServerId, backup: BackupId): Promise<BackupPlaces>;
}
