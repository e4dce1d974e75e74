/**
 * What commands need of the rooms above the command line while no daemon runs; the composition root hands it in, and
 * loads it only when such a command is run.
 */
import type { AdoptReport, AdoptRequest } from '../base/adopt-report.ts';
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

export interface OfflineTools {
  /** @throws Failure `internal` while a daemon runs; `store_unreachable` before anything was changed. */
  rebuildCatalogue(config: Config): Promise<RebuildReport>;
  /** @throws Failure `internal` while a daemon runs; `store_unreachable`, `insufficient_storage`, `cancelled`. */
  adoptArchives(config: Config, request: AdoptRequest): Promise<AdoptReport>;
}

export type LoadOfflineTools = () => Promise<OfflineTools>;
