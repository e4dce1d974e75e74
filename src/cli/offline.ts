/** Work on a node's state while no daemon runs; compose/ implements it, and it is loaded on demand. */
import type { AdoptReport, AdoptRequest } from '../base/adopt-report.ts';
import type { Config } from '../config/config.ts';

export interface RebuildReport {
  readonly stores: readonly {
    readonly store: string;
    readonly adopted: number;
    /** Keys of manifests that do not match their archive. */
    readonly passedOver: readonly string[];
  }[];
  /** Path of the former catalogue. */
  readonly setAside?: string;
}

export interface OfflineTools {
  /** @throws Failure `internal` while a daemon runs; `store_unreachable` before any change. */
  rebuildCatalogue(config: Config): Promise<RebuildReport>;
  /** @throws Failure `internal` while a daemon runs; `store_unreachable`, `insufficient_storage`, `cancelled`. */
  adoptArchives(config: Config, request: AdoptRequest): Promise<AdoptReport>;
}

export type LoadOfflineTools = () => Promise<OfflineTools>;
