/**
 * What commands need of the rooms above the command line while no daemon runs; the composition root hands it in, and
 * loads it only when such a command is run.
 */
import type { ServerId } from '../base/ids.ts';
import type { Config } from '../config/config.ts';

export interface RebuildReport {
  readonly stores: readonly {
    readonly store: string;
    readonly adopted: number;
    /** Keys of manifests that do not fit what lies beside them. */
    readonly passedOver: readonly string[];
  }[];
  /** Where the catalogue from before lies now. */
  readonly setAside?: string;
}

export interface AdoptRequest {
  /** Absolute paths: each holds archives, or directories of servers with archives. */
  readonly directories: readonly string[];
  /** Whose the archives are that lie in no server's directory; null: such archives are passed over. */
  readonly server: ServerId | null;
  /** `link`: both names lead to the same bytes, copied where that cannot be; `move`: the old name goes in the end. */
  readonly how: 'link' | 'copy' | 'move';
  /** Verify and tell, but take nothing. */
  readonly dryRun: boolean;
  readonly signal: AbortSignal;
  /** Called before each archive. */
  readonly onFile?: (path: string, number: number, total: number) => void;
}

export interface AdoptedArchive {
  readonly path: string;
  readonly server: string;
  readonly backup: string;
  readonly size: number;
  readonly files: number;
  /** `known`: it was taken over before. */
  readonly state: 'linked' | 'copied' | 'moved' | 'would be taken' | 'known';
  readonly warnings: number;
}

export interface RefusedArchive {
  readonly path: string;
  readonly code: string;
  readonly reason: string;
}

export interface AdoptReport {
  readonly adopted: readonly AdoptedArchive[];
  readonly refused: readonly RefusedArchive[];
}

export interface OfflineTools {
  /** @throws Failure `internal` while a daemon runs; `store_unreachable` before anything was changed. */
  rebuildCatalogue(config: Config): Promise<RebuildReport>;
  /** @throws Failure `internal` while a daemon runs; `store_unreachable`, `insufficient_storage`, `cancelled`. */
  adoptArchives(config: Config, request: AdoptRequest): Promise<AdoptReport>;
}

export type LoadOfflineTools = () => Promise<OfflineTools>;
