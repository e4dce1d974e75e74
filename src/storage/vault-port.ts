/**
 * What can be told of, and done with, archives that share bytes, beyond what every store does.
 *
 * For: jobs that count, collect and check; `Store.vault` is absent where each archive has a file of its own.
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

/** What the files of one server take, as the last collection found them, and what was written since. */
export interface VaultUsage {
  readonly packs: number;
  /** Of the disk, by packs and by plain archives that lie beside them. */
  readonly storedBytes: number;
  /** Of both what a backup needs, in blocks of 4 KiB. */
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

/** The bytes of a server as they lie, kept from collections until it is closed. */
export interface VaultView {
  /** Backups whose bytes can be found; of one that cannot be read, why. */
  readonly archives: ReadonlyMap<BackupId, ArchiveRanges | Failure>;
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
  /** Tells one listener of collections from now on. */
  listen(listener: VaultListener): void;
  /** Servers that have objects in it. */
  servers(): Promise<readonly ServerId[]>;
  /** Undefined before the first collection of a run. */
  usage(server: ServerId): VaultUsage | undefined;
  /** Of all servers that were collected, with the oldest time; undefined before the first. */
  total(): VaultUsage | undefined;
  /** Gives back what no backup of the server needs, once. @throws Failure as `collectServer`. */
  collect(server: ServerId, dryRun?: boolean): Promise<Collected>;
  /** Undefined for an archive that has a file of its own, or none. @throws Failure `archive_damaged`. */
  placesOf(server: ServerId, backup: BackupId): Promise<ArchivePlaces | undefined>;
  /** Makes a plain archive a pack by a second name. False when there is none. @param sha256 of it. */
  takeIn(server: ServerId, backup: BackupId, sha256: string): Promise<boolean>;
  /** @throws Failure `archive_damaged` for a map that cannot be read. */
  view(server: ServerId): Promise<VaultView>;
}
