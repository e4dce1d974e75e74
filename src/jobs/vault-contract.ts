/** What an operator may ask of stores whose archives share bytes (docs/vault.md). */
import type { Failure, FailureCode } from '../base/failure.ts';
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
  /** Backups without an index that proves their parts, or in files of their own: to be verified one by one. */
  readonly unproven: readonly BackupId[];
  /** What could not be looked at. */
  readonly faults: readonly VaultFault[];
}

export interface VaultFault {
  /** Absent where it is no single backup: all of the server, or a map. */
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

/** What is taken in of one server. */
export interface VaultAdopted {
  readonly store: string;
  readonly server: ServerId;
  readonly backups: number;
  /** Of their archives. */
  readonly bytes: number;
  /** Backups that could not be taken in. */
  readonly failures: number;
}

/** Why a part of the work was not done, or not to its end. */
export interface VaultFailure {
  readonly store: string;
  /** Absent where the vault could not say which servers it has. */
  readonly server?: ServerId;
  /** Absent where it is all of the server. */
  readonly backup?: BackupId;
  readonly failure: Failure;
}

/** Work on many parts, which goes on behind one that fails: what was done, and all that failed. */
export interface VaultOutcome<Done> {
  readonly done: readonly Done[];
  /** The first twenty. */
  readonly failures: readonly VaultFailure[];
  /** Of all of them. */
  readonly failureCount: number;
}

export interface VaultAdoptions extends VaultOutcome<VaultAdoption> {
  /** Servers of which something was taken in, or could not be. */
  readonly servers: readonly VaultAdopted[];
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
  /** A vault that cannot say which servers it has is among the failures. */
  status(scope?: VaultScope): Promise<VaultOutcome<VaultStatus>>;
  /**
   * Gives back what no backup needs, of each server. One that fails is among the failures, and among what was done as well
   * where something of it had been given back before. @throws Failure `invalid_request` for a store that is no vault.
   */
  collect(scope: VaultScope, dryRun?: boolean): Promise<VaultOutcome<VaultCollection>>;
  /**
   * Reads each needed byte once; marks what is damaged, and heals it from whole copies in further stores. What cannot be
   * looked at of a server is among its faults, a vault that cannot say which it has among the failures, and the others are
   * verified all the same. @throws Failure `cancelled`, `invalid_request`.
   */
  verify(scope: VaultScope, signal?: AbortSignal): Promise<VaultOutcome<VaultVerification>>;
  /** Makes plain archives of vaults packs, without copying them. @throws as `collect`. */
  adopt(scope: VaultScope, dryRun?: boolean): Promise<VaultAdoptions>;
  /** @throws Failure `backup_not_found`, `backup_not_ready`. */
  places(server: ServerId, backup: BackupId): Promise<BackupPlaces>;
}
