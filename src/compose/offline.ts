/**
 * Commands on a node's state while no daemon runs: catalogue and stores under the daemon's lock, without jobs and HTTP.
 */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock } from '../base/clock.ts';
import { silentLog } from '../base/log/log.ts';
import { openCatalogue } from '../catalogue/catalogue.ts';
import { openOrRenewCatalogue, renewCatalogue } from '../catalogue/salvage.ts';
import { lockStateDirectory } from '../catalogue/state-lock.ts';
import type { AdoptReport, AdoptRequest } from '../base/adopt-report.ts';
import type { OfflineTools, RebuildReport } from '../cli/offline.ts';
import { giveToDaemon } from './daemon-files.ts';
import { openStores } from './stores.ts';
import { type Catalogue, CATALOGUE_NAME } from '../catalogue/contract.ts';
import type { Config } from '../config/types.ts';
import { rebuildFromStores, requireReachable } from '../jobs/rebuild/rebuild.ts';
import type { StoreSet } from '../jobs/stored/stores.ts';
import { adopt } from '../jobs/adopt/adopt.ts';

export const offlineTools: OfflineTools = { rebuildCatalogue, adoptArchives };

interface OfflineDeps {
  readonly catalogue: Catalogue;
  readonly stores: StoreSet;
}

const clock = systemClock;
/** Commands print their own results; the log is for journald. */
const log = silentLog();

async function rebuildCatalogue(config: Config): Promise<RebuildReport> {
  const path = join(config.stateDirectory, CATALOGUE_NAME);
  const lock = lockStateDirectory(config.stateDirectory);
  try {
    const existed = existsSync(path);
    const found = openOrRenewCatalogue(path, clock);
    const renewed = !existed || found.damage !== undefined;
    if (!renewed) await withStores(config, found.catalogue, ({ stores }) => requireReachable(stores));
    const { catalogue, setAside } = renewed ? found : renewCatalogue(path, clock);
    const stores = await withStores(config, catalogue, (deps) => rebuildFromStores({ ...deps, log }));
    return { stores, setAside };
  } finally {
    lock.release();
    giveToDaemon(config);
  }
}

async function adoptArchives(config: Config, request: AdoptRequest): Promise<AdoptReport> {
  const lock = lockStateDirectory(config.stateDirectory);
  try {
    const catalogue = openCatalogue(join(config.stateDirectory, CATALOGUE_NAME), clock);
    return await withStores(config, catalogue, (deps) =>
      adopt(request, {
        ...deps,
        clock,
        workers: config.backups.workers,
        reserveFree: () => config.limits.reserveFree,
      }),
    );
  } finally {
    lock.release();
    giveToDaemon(config);
  }
}

/** Closes stores and catalogue, also after an error. */
async function withStores<Result>(
  config: Config,
  catalogue: Catalogue,
  work: (deps: OfflineDeps) => Promise<Result>,
): Promise<Result> {
  try {
    const stores = await openStores(config, catalogue, clock, log);
    try {
      return await work({ catalogue, stores });
    } finally {
      for (const store of stores.all()) await store.close();
    }
  } finally {
    catalogue.close();
  }
}
