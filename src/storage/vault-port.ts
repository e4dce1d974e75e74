/**
 * What a vault offers beyond every store: usage, collection and verification of bytes that archives share.
 *
 * For: the jobs of vaults, by `Store.vault`, which is absent where each archive has a file of its own.
 */
import type { Failure } from '../base/failure.ts';
import type { BackupId, ServerId } from '../base/ids.ts';

export interface Collected {
  /** Packs that were removed, or would be. */
  readonly packs: number;
  /** Bytes given back by removed packs and by holes. */
  readonly freedBytes: number;
  /** Bytes that were moved into a new pack. */
  readonly movedBytes: number;
}

/** The disk usage of one server: as the last collection found it, plus what was written since. */
export interface VaultUsage {
  readonly packs: number;
  /** Bytes on disk of packs, and of plain archives beside them. */
  readonly storedBytes: number;
  /** The part of `storedBytes` that backups need, in blocks of 4 KiB. */
  readonly liveBytes: number;
  /** When it was collected last, in ms. */
  readonly collectedAt: number;
}

/** How one archive lies in its packs. */
export interface ArchivePlaces {
  readonly ranges: number;
  readonly packs: readonly { readonly id: string; readonly ranges: number; readonly bytes: number }[];
  /** Bytes that its removal gives back. */
  readonly exclusiveBytes: number;
}

/** A stretch of a pack. */
export interface PackRange {
  readonly pack: string;
  readonly start: number;
  readonly length: number;
}

/** Proven bytes of a range. */
export interface HealedPiece {
  readonly range: PackRange;
  /** As many as the range is long. */
  readonly bytes: Uint8Array;
}

/** The bytes of a server as they lie, kept from collections until it is closed. */
export interface VaultView {
  /** Backups whose bytes can be found; of one that cannot be read, why. */
  readonly archives: ReadonlyMap<BackupId, ArchiveRanges | Failure>;
  /** Maps that cannot be read: bytes that only they could find read as damaged. */
  readonly faults: readonly Failure[];
  /** Bytes by the place where they were written first. @throws Failure `archive_damaged`, `store_unreachable`. */
  read(range: PackRange): Promise<Uint8Array>;
  close(): Promise<void>;
}

export interface ArchiveRanges {
  readonly size: number;
  /** Where a stretch of the archive was written first, in order. */
  find(offset: number, length: number): Iterable<PackRange>;
}

export interface VaultListener {
  onCollected(server: ServerId, collected: Collected): void;
  onFault(server: ServerId, fault: Failure): void;
}

export interface Vault {
  /** Sets the listener, which is called after each collection from now on. */
  listen(listener: VaultListener): void;
  /** Servers that have objects in it. */
  servers(): Promise<readonly ServerId[]>;
  /** Undefined before the first collection of a run. */
  usage(server: ServerId): VaultUsage | undefined;
  /** The sum over all collected servers, with their oldest `collectedAt`; undefined before the first collection. */
  total(): VaultUsage | undefined;
  /**
   * Runs one collection: removes bytes that no backup of the server needs.
   *
   * @throws Failure as `collectServer`; `gaveBack` of its detail says what was given back before it.
   */
  collect(server: ServerId, dryRun?: boolean): Promise<Collected>;
  /** Undefined for a plain archive, or when there is none. @throws Failure `archive_damaged`. */
  placesOf(server: ServerId, backup: BackupId): Promise<ArchivePlaces | undefined>;
  /** Turns a plain archive into a pack, by a hard link. False when there is no such archive. @param sha256 of its bytes. */
  takeIn(server: ServerId, backup: BackupId, sha256: string): Promise<boolean>;
  /**
   * Stores bytes again that are damaged or missing where they lie; every archive that has their ranges reads the new ones
   * from then on. What lies there stays.
   *
   * @throws Failure `store_unreachable`, `insufficient_storage`.
   */
  heal(server: ServerId, pieces: readonly HealedPiece[]): Promise<void>;
  /** @throws Failure `store_unreachable`. */
  view(server: ServerId): Promise<VaultView>;
}
