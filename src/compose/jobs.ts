/** Builds the jobs: all verbs over one catalogue, one set of stores and one runner. */
import { join } from 'node:path';
import { OperationThreads, returnFreedMemory } from '../archive/archive.ts';
import { MEBIBYTE } from '../base/sizes.ts';
import type { BelievableClock } from '../base/believable-clock.ts';
import { type Clock, DAY_MS, MINUTE_MS } from '../base/clock.ts';
import type { Failure } from '../base/failure.ts';
import type { BackupId, JobId, ServerId } from '../base/ids.ts';
import type { Log } from '../base/log/log.ts';
import { systemTimers } from '../base/timers.ts';
import { type Catalogue, CATALOGUE_NAME } from '../catalogue/contract.ts';
import { inspectCatalogue } from '../catalogue/inspect.ts';
import type { StateReserve } from '../catalogue/state-reserve.ts';
import type { BackupRecord, JobRecord } from '../catalogue/records.ts';
import { composeNotify } from './notify.ts';
import { localDirectories } from './stores.ts';
import type { Config } from '../config/types.ts';
import { rebuildNewStores } from '../jobs/rebuild/rebuild.ts';
import { archivePortWith } from '../jobs/stored/archive-port.ts';
import { examineNode } from '../jobs/health/health.ts';
import { Housekeeping } from '../jobs/housekeeping/housekeeping.ts';
import { backupVerb } from '../jobs/backup/backup.ts';
import { AdoptOnDemand } from '../jobs/adopt/on-demand.ts';
import { CopyQueue } from '../jobs/copy/copies.ts';
import { ReportOutbox } from '../jobs/report/outbox.ts';
import { deletionSteps, type Discard } from '../jobs/report/deletion.ts';
import { discarder } from '../jobs/delete/discard.ts';
import { reportSteps } from '../jobs/report/steps.ts';
import { sendingAgain, type UploadDeps, uploadSteps } from '../jobs/report/upload.ts';
import { notingDamage } from '../jobs/stored/damage.ts';
import { EventHub } from '../jobs/runner/events.ts';
import { FailedRows } from '../jobs/backup/failed-rows.ts';
import { FailedBackupSweep } from '../jobs/backup/failed-backup-sweep.ts';
import { recoverJobs } from '../jobs/recover.ts';
import { deleteBackup } from '../jobs/delete/checked.ts';
import { deleteVerb } from '../jobs/delete/delete.ts';
import { finishRemovals } from '../jobs/delete/unfinished.ts';
import { runAgain } from '../jobs/backup/rerun.ts';
import type { PanelPort } from '../jobs/report/panel.ts';
import type { RestoreStep } from '../jobs/restore/deps.ts';
import { previousDirectories } from '../jobs/restore/previous/previous.ts';
import { sweepPrevious } from '../jobs/restore/previous/sweep.ts';
import { recoverRestores, sweepRestores } from '../jobs/restore/recovery.ts';
import { fetchArchive, RestoreDownloads, sweepSpool } from '../jobs/restore/download.ts';
import { fetchFromStores } from '../jobs/restore/source.ts';
import { restoreVerb } from '../jobs/restore/restore.ts';
import type { NotifyService } from '../jobs/notify/port.ts';
import { ListingsAhead } from '../jobs/look/listings-ahead.ts';
import { sweepUploads } from '../jobs/stored/uploads.ts';
import { Listings } from '../jobs/stored/listings.ts';
import { JobRunner } from '../jobs/runner/runner.ts';
import { Comparisons } from '../jobs/compare/compare.ts';
import type { CompareService } from '../jobs/compare-contract.ts';
import type { NodeService } from '../jobs/contract.ts';
import { NodeOverview } from '../jobs/overview/overview.ts';
import { Service } from '../jobs/service.ts';
import type { StoreSet } from '../jobs/stored/stores.ts';
import { KeyedMutex } from '../base/keyed-mutex.ts';
import { Vaults } from '../jobs/vault/vaults.ts';
import type { VaultService } from '../jobs/vault-contract.ts';
import { type LoggedRequestDeps, verifyingDamage } from '../jobs/verify/request.ts';
import { verifyVerb } from '../jobs/verify/verify.ts';
import { announceStatuses } from '../jobs/views.ts';
import { OwedPower } from '../servers/power/owed.ts';
import { openPower } from '../servers/power/power.ts';
import { wingsQuiesce } from './quiesce.ts';
import type { WingsPanel } from './panel.ts';
import { GuardedDownload } from '../storage/guarded/download.ts';
import { findUnwritable } from '../servers/writable.ts';
import { holdOut } from '../servers/held-out.ts';
import type { Registry } from '../servers/registry.ts';

/** More than one schedule queues on a node of thousands of servers; bounds a client that calls in a loop. */
const MAX_QUEUED = 2000;
/** Under `keys`: starts and console lines that servers are owed, as JSON. */
const OWED_POWER = 'owed-power';

/** In the state directory: listings of archives that were taken over. */
const LISTINGS = 'listings';

/** How long the threads of archives stay after a job: a night's backups of many small servers start them once. */
const THREADS_STAY_MS = MINUTE_MS;

export type OnRestoreStep = (step: RestoreStep) => void;

export interface JobsDeps {
  readonly config: Config;
  readonly catalogue: Catalogue;
  readonly reserve: StateReserve;
  readonly stores: StoreSet;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly believable: BelievableClock;
  readonly log: Log;
  readonly version: string;
  readonly engine: 'isal' | 'zlib';
  readonly onRestoreStep: OnRestoreStep | undefined;
  /** Receives the results of jobs that the panel requested. */
  readonly panel: PanelPort | undefined;
  /** The same, of the Wings family: it says which game a server runs. */
  readonly wingsPanel: WingsPanel | undefined;
}

export interface Jobs {
  readonly service: Service;
  readonly node: NodeService;
  readonly notify: NotifyService;
  readonly comparisons: CompareService;
  readonly vaults: VaultService;
  readonly events: EventHub;
  readonly runner: JobRunner;
  /** Undefined on a node without a panel. */
  readonly reports: ReportOutbox | undefined;
  /** Finishes interrupted restores. Must resolve before anything else touches a server. */
  recoverServers(): Promise<void>;
  /** Finishes all other interrupted jobs and reads new stores. Slow while a remote store is unreachable. */
  recoverStores(): Promise<void>;
  /** Starts schedules and housekeeping; close the result before the runner drains. */
  automate(): Housekeeping;
  /** Removes expired undo trees, and retries failed copies and removals. */
  sweep(): Promise<void>;
  /** Stops the copy and the reports in progress. */
  close(): Promise<void>;
}

export function composeJobs(deps: JobsDeps): Jobs {
  const { config, catalogue, reserve, stores, registry, clock, believable, log, version, engine, onRestoreStep } = deps;
  const path = join(config.stateDirectory, CATALOGUE_NAME);
  const events = new EventHub(clock, (error, { type }) => log.error('A listener of events failed', { type, error }));
  const heldOut = holdOut(ownDirectories(config), registry);
  const power = new OwedPower({
    power: openPower(config.power, clock, wingsQuiesce(deps), config.front !== null),
    memory: {
      load: () => catalogue.keys.getText(OWED_POWER),
      save: (text) => catalogue.keys.setText(OWED_POWER, text),
    },
    startsLater: config.power.driver === 'wings',
    isBusy: ({ id }) => catalogue.jobs.active({ server: id }).length > 0,
    clock,
    timers: systemTimers,
    log,
  });
  const threads = new OperationThreads({ idleMs: THREADS_STAY_MS, onEnded: returnFreedMemory });
  const archive = archivePortWith(threads);
  const downloads = restoreDownloads(deps);
  const turns = new KeyedMutex();
  const adoption = panelAdoption(deps, turns);
  const failedBackups = new FailedBackupSweep({ catalogue, stores, log });
  const noting = { catalogue, stores, turns, clock, log };
  const verifyAgain = (server: ServerId, backup: BackupId): Promise<unknown> =>
    service.verify(server, backup, 'verification');
  const copies = new CopyQueue({ catalogue, stores, events, config, clock, log, verifyAgain });
  const vaults = new Vaults({ ...noting, events, verifyAgain });
  const noteDamage = ({ server, store }: BackupRecord): void => {
    vaults.noteDamage(server, store);
  };
  // After the transaction that marks it.
  const makeAnew = (): void => queueMicrotask(() => copies.retry());
  const damage = { ...noting, onDamaged: noteDamage, onDamagedCopy: makeAnew };
  const reading = {
    catalogue,
    stores,
    archive,
    registry,
    config,
    heldOut,
    log,
    onDamagedCopy: verifyingDamage((): LoggedRequestDeps => ({ catalogue, runner, log })),
  };
  const restoring = {
    catalogue,
    registry,
    archive,
    power,
    heldOut,
    running: new Set<JobId>(),
    config,
    fetch: fetchArchive(fetchFromStores(reading), downloads, adoption),
    clock,
    log,
    events,
    onStep: onRestoreStep,
    canDelete: () => believable.canDelete(),
  };
  const verbs = [
    backupVerb({ ...reading, quiesce: power, turns, failedBackups, clock, onDamagedBase: noteDamage }),
    notingDamage(restoreVerb(restoring), damage),
    verifyVerb({ ...damage, archive, config }),
    deleteVerb({ catalogue, stores, copies, turns }),
  ];
  const { concurrent } = config.backups;
  const handsOver = ({ kind }: JobRecord): boolean => kind === 'backup' && config.jobs.rerunInterrupted;
  const runner = new JobRunner({
    catalogue,
    reserve,
    verbs,
    events,
    clock,
    log,
    concurrent,
    maxQueued: MAX_QUEUED,
    handsOver,
  });
  announceStatuses(runner, events);
  const failedRows = new FailedRows({ catalogue, events, runner, failedBackups, believable, clock, log });
  const deleting = deleteBackup({ catalogue, runner, adoption });
  const discard = discarder({ catalogue, runner, adoption, deleteBackup: deleting });
  const reports = reportOutbox(deps, events, { remove: deleting, discard });
  const listings = new Listings({ directory: join(config.stateDirectory, LISTINGS), archive, log });
  const listingsAhead = new ListingsAhead({ catalogue, stores, runner, listings, clock, log });
  const service = new Service({
    ...reading,
    listings,
    runner,
    events,
    turns,
    deleteBackup: deleting,
    discard,
    adoption,
    downloads,
    reports,
    unwritable: () => findUnwritable(config.servers),
    reserve,
    examine: () =>
      examineNode({
        ...reading,
        reserve,
        runner,
        believable,
        clock,
        inspect: () => inspectCatalogue(path),
        panelAway: () => deps.wingsPanel?.client.away,
      }),
    clock,
    believable,
    failedRows,
    version,
    engine,
  });
  const comparisons = new Comparisons({ ...reading, runner, service, listings, clock });
  const node = new NodeOverview({ ...reading, runner, clock, timers: systemTimers });
  const notifying = composeNotify(deps, events);
  const stopCounting = new AbortController();
  let counting = Promise.resolve();
  return {
    service,
    node,
    notify: notifying.service,
    comparisons,
    vaults,
    events,
    runner,
    reports,
    async recoverServers() {
      await sweepSpool(config, log);
      await recoverRestores(restoring);
    },
    async recoverStores() {
      const again = (job: JobRecord<'backup'>, failure: Failure): boolean =>
        config.jobs.rerunInterrupted && runAgain(job, failure, { catalogue, runner });
      const ending = {
        catalogue,
        stores,
        turns,
        runner,
        copies,
        registry,
        quiesce: power,
        events,
        failedBackups,
        clock,
        log,
      };
      await recoverJobs({ ...ending, runAgain: again });
      await rebuildNewStores({ catalogue, stores, log });
      await failedBackups.sweep();
      await failedRows.sweep();
      const ahead = catalogue.backups.countCreatedAfter(believable.now() + DAY_MS);
      if (ahead > 0) log.warn('Some backups are dated in the future: they are set aside', { backups: ahead });
      await finishRemovals({ catalogue, runner, deleteBackup: deleting, log });
      copies.start();
      await collectLeft(stores, log);
    },
    automate() {
      notifying.start();
      counting = node.countAhead(stopCounting.signal);
      const shown = { catalogue, stores, registry, runner, service, events, turns };
      return Housekeeping.open({ ...shown, listingsAhead, deleteBackup: deleting, config, clock, believable, log });
    },
    async sweep() {
      listingsAhead.sweep();
      copies.retry();
      await failedBackups.sweep();
      await sweepUploads(stores, log);
      await failedRows.sweep();
      await finishRemovals({ catalogue, runner, deleteBackup: deleting, log });
      await sweepRestores(restoring);
      if (believable.canDelete()) await sweepPrevious(restoring);
    },
    async close() {
      stopCounting.abort();
      await Promise.all([counting, copies.close(), vaults.close(), reports?.close(), notifying.close(), power.close()]);
      await threads.close();
    },
  };
}

/** The directories of Roost and of a former daemon. Backups leave them out, and restores never touch them. */
function ownDirectories(config: Config): string[] {
  const { stateDirectory, storage, panel } = config;
  return [stateDirectory, ...localDirectories(storage), ...previousDirectories(config), ...panel.backupDirectories];
}

function reportOutbox(
  { catalogue, clock, config, log, panel, stores }: JobsDeps,
  events: EventHub,
  { remove, discard }: Pick<UploadDeps, 'remove'> & { readonly discard: Discard },
): ReportOutbox | undefined {
  if (panel === undefined) return undefined;
  // Read at each use, because a reload may change it.
  const uploadRate = (): number => config.backups.uploadLimit * MEBIBYTE;
  const steps = [
    ...uploadSteps({ panel, catalogue, stores, events, clock, uploadRate, remove }),
    ...reportSteps({ panel, catalogue, clock, sendAgain: sendingAgain({ catalogue, stores, clock, uploadRate }) }),
    ...deletionSteps(discard),
  ];
  return new ReportOutbox({ catalogue, steps, events, clock, timers: systemTimers, random: Math.random, log });
}

/** Only a panel can name the server that an old archive belongs to. */
function panelAdoption({ panel, config, ...rest }: JobsDeps, turns: KeyedMutex): AdoptOnDemand | undefined {
  if (panel === undefined) return undefined;
  const { backupDirectories: directories } = config.panel;
  const reserveFree = (): number => config.limits.reserveFree;
  return new AdoptOnDemand({ ...rest, turns, directories, workers: config.backups.workers, reserveFree });
}

function restoreDownloads({ config, clock, log, panel, version }: JobsDeps): RestoreDownloads | undefined {
  if (panel === undefined) return undefined;
  const { restoreHostAllowlist: allowlist } = config.panel;
  const download = new GuardedDownload({ allowlist, userAgent: `Roost/${version}` });
  return new RestoreDownloads({ download, config, clock, log });
}

/** Gives back what killed backups left in stores that share bytes. A store that is away is collected after its next removal. */
async function collectLeft(stores: StoreSet, log: Log): Promise<void> {
  for (const store of stores.all()) {
    try {
      await store.collectAll?.();
    } catch (error) {
      log.warn('Cannot look for bytes that nothing needs', { store: store.name, error });
    }
  }
}
