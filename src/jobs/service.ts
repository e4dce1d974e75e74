/**
 * What dialects and the HTTP side call: the one place where a request becomes a job, or a Failure that says why not.
 *
 * Every rule that decides whether a job may begin is checked in the same turn of the event loop that stores its row, so
 * that of two requests which exclude each other one is refused, however close together they come.
 */
import type { BelievableClock } from '../base/believable-clock.ts';
import type { Clock } from '../base/clock.ts';
import { Failure } from '../base/failure.ts';
import type { Finding } from '../base/finding.ts';
import { type BackupId, type JobId, newJobId, type ServerId } from '../base/ids.ts';
import type { Log } from '../base/log/log.ts';
import { wireText } from '../base/files/paths.ts';
import type { ByteSource } from '../base/source.ts';
import type { Catalogue } from '../catalogue/contract.ts';
import type { Origin, RestoreJobRequest } from '../catalogue/records.ts';
import type { Config } from '../config/types.ts';
import { checkReserve } from '../policy/limits.ts';
import type { HeldOut } from '../servers/held-out.ts';
import type { Registry } from '../servers/registry.ts';
import { requireActive, requireCompleted, requireIdle, requireUnused } from './runner/admission.ts';
import type { ArchivePort } from './stored/archive-port.ts';
import type * as contract from './contract.ts';
import type { AdoptOnDemand } from './adopt/on-demand.ts';
import { type DeleteBackup, discardLater, stopWork } from './delete/discard.ts';
import type { EventHub } from './runner/events.ts';
import { backupsRevision, listBackups, pageOfBackups } from './look/lists.ts';
import { lendArchives } from './look/lend.ts';
import { listJobs, withResult } from './look/jobs.ts';
import { type LookDeps, Looks } from './look/looks.ts';
import { removeServer } from './delete/server-removal.ts';
import { acceptSuspect, renameBackup, setLock } from './stored/marks.ts';
import { dropDelivery, retryDeliveries, viewDeliveries } from './report/admin.ts';
import { makeRoom } from './delete/make-room.ts';
import { applyRetention, judgeServer, type RetentionDeps, viewVerdicts } from './delete/prune.ts';
import { prepareRestore, requireRestorable } from './restore/admission.ts';
import { backupOf, type RestoreDownloads } from './restore/download.ts';
import type { JobRunner, SubmittedJob } from './runner/runner.ts';
import type { FailedRows } from './backup/failed-rows.ts';
import { newBackup } from './backup/new-backup.ts';
import { checkLimits } from './stored/server-limits.ts';
import type { StoreSet } from './stored/stores.ts';
import type { KeyedMutex } from '../base/keyed-mutex.ts';
import { type SystemDeps, viewSystem } from './overview/system.ts';
import { isUnderRestore } from './restore/under-restore.ts';
import { requireKept } from './restore/previous/undo.ts';
import { setPanelName, statusOf, viewBackup, viewJob, viewLostServers, viewServers } from './views.ts';

export interface ServiceDeps extends SystemDeps, Pick<LookDeps, 'listings' | 'onDamagedCopy'> {
  readonly catalogue: Catalogue;
  readonly stores: StoreSet;
  readonly registry: Registry;
  readonly runner: JobRunner;
  readonly events: EventHub;
  readonly archive: ArchivePort;
  readonly config: Pick<Config, 'limits' | 'retention'>;
  readonly heldOut: Pick<HeldOut, 'pathsFor'>;
  readonly turns: KeyedMutex;
  readonly deleteBackup: DeleteBackup;
  readonly discard: DeleteBackup;
  /** Archives of a daemon that was here before; absent where no panel can ask for them. */
  readonly adoption?: AdoptOnDemand;
  /** Absent on a node without a panel: only panels name links. */
  readonly downloads?: Pick<RestoreDownloads, 'check' | 'withLink'>;
  readonly examine?: () => Promise<readonly Finding[]>;
  readonly clock: Clock;
  readonly believable: BelievableClock;
  readonly failedRows: Pick<FailedRows, 'checkRate'>;
  readonly log: Log;
}

export class Service implements contract.BackupService {
  readonly #deps: ServiceDeps;
  readonly #looks: Looks;
  readonly #startedAt: number;

  constructor(deps: ServiceDeps) {
    this.#deps = deps;
    this.#looks = new Looks(deps);
    this.#startedAt = deps.clock.monotonic();
  }

  async servers(): Promise<readonly contract.ServerView[]> {
    const present = await this.#deps.registry.list();
    const all = [...viewServers(present, this.#deps), ...viewLostServers(present, this.#deps)];
    return all.sort((one, other) => (one.id < other.id ? -1 : 1));
  }

  async server(id: ServerId): Promise<contract.ServerView> {
    const present = await this.#deps.registry.get(id).catch((error: unknown) => this.#unlessLost(id, error));
    const views = present === undefined ? viewLostServers([], this.#deps) : viewServers([present], this.#deps);
    const view = views.find((each) => each.id === id);
    if (view !== undefined) return view;
    throw new Failure('server_not_found', 'There is no such server');
  }

  /** Undefined when the server's directory is missing but backups of it are left. @throws the error otherwise. */
  #unlessLost(id: ServerId, error: unknown): undefined {
    const isMissing = error instanceof Failure && error.code === 'server_not_found';
    if (!isMissing || this.#deps.catalogue.backups.list({ server: id, limit: 1 }).length === 0) throw error;
    return undefined;
  }

  async setServer(id: ServerId, change: contract.ServerChange): Promise<contract.ServerView> {
    await this.server(id);
    if (change.name !== undefined) setPanelName(id, change.name, this.#deps.catalogue);
    if (change.suspended !== undefined) {
      const { suspended } = this.#deps.catalogue.servers.setSuspended(id, change.suspended);
      const status = statusOf(id, this.#deps.runner);
      this.#deps.events.publish({ type: 'server.status', server: id, data: { status, suspended } });
    }
    return this.server(id);
  }

  async addServer(id: ServerId): Promise<contract.ServerView> {
    await this.#deps.registry.add(id);
    return this.server(id);
  }

  async removeServer(id: ServerId, decision: contract.RemoveServer): Promise<contract.RemovedServer> {
    const { catalogue, registry, runner } = this.#deps;
    if (catalogue.backups.list({ server: id, limit: 1 }).length === 0) await registry.get(id);
    if (decision.cancel === true) await stopWork(runner, { server: id }, ['backup', 'restore', 'verify']);
    requireIdle(runner, id, 'refuse', 'Cannot give up the server');
    return removeServer(id, decision, { ...this.#deps, deleteBackup: (each) => this.#deps.deleteBackup(id, each) });
  }

  isUnderRestore(server: ServerId): boolean {
    return isUnderRestore(server, this.#deps);
  }

  async cancelWork(server: ServerId): Promise<void> {
    await stopWork(this.#deps.runner, { server }, ['backup', 'restore', 'verify']);
  }

  async retention(server: ServerId): Promise<contract.RetentionPlan> {
    const verdicts = judgeServer(server, this.#deps);
    if (verdicts.length === 0) await this.#deps.registry.get(server);
    return { backups: viewVerdicts(verdicts, this.#deps) };
  }

  async applyRetention(server: ServerId, clockIsRight = false): Promise<contract.AppliedRetention> {
    const { believable, catalogue } = this.#deps;
    if (catalogue.backups.list({ server, limit: 1 }).length === 0) await this.#deps.registry.get(server);
    requireActive(catalogue, server, 'Cannot apply retention');
    if (clockIsRight) believable.confirm();
    const { removed, failed, doubt } = await applyRetention(server, this.#retention(), { all: true });
    return { removed, failed, doubt, ...(await this.retention(server)) };
  }

  backups(server: ServerId): Promise<readonly contract.BackupSummaryView[]> {
    return listBackups(server, this.#deps);
  }

  backupPage(server: ServerId, limit: number, start?: contract.PageStart): Promise<contract.BackupPageView> {
    return pageOfBackups(server, limit, start, this.#deps);
  }

  backupsRevision(server: ServerId): string {
    return backupsRevision(server, this.#deps);
  }

  async warnings(server: ServerId, backup: BackupId, page: number): Promise<contract.WarningPageView> {
    const { backups } = this.#deps.catalogue;
    backups.details(backup, server);
    const found = backups.warningPage(backup, page);
    if (page === 0 || found.warnings.length > 0) return found;
    throw new Failure('invalid_request', 'Cannot list from there: the cursor is none that a page had');
  }

  async backup(server: ServerId, backup: BackupId): Promise<contract.BackupView> {
    return viewBackup(this.#deps.catalogue.backups.details(backup, server), this.#deps);
  }

  async findBackup(backup: BackupId): Promise<contract.BackupView> {
    return viewBackup(this.#deps.catalogue.backups.get(backup), this.#deps);
  }

  /** @param spared a backup that must not make room for this one. */
  async create(request: contract.CreateBackup, spared?: BackupId): Promise<contract.Accepted> {
    const { catalogue, stores, registry, runner, config } = this.#deps;
    const ignore = this.#deps.archive.ignoreLines(request.ignore ?? []);
    const store = stores.default;
    await registry.get(request.server);
    // Checked before the store is asked, to refuse a busy server at once, and after, because other requests run meanwhile.
    this.#checkCreate(request);
    await makeRoom(request.server, { limits: request.limits, store, spared }, this.#retention());
    this.#checkLimits(request);
    checkReserve((await store.freeSpace(config.limits.reserveFree))?.bytes ?? null, config.limits.reserveFree);
    this.#checkCreate(request);
    this.#checkLimits(request);
    const backup = newBackup({ ...request, ignore }, store.name, this.#deps.clock.now(), catalogue);
    const { id, server } = backup;
    const { limits, report, upload, origin } = request;
    const asked = { limits, report, upload };
    const job = { id: newJobId(), kind: 'backup' as const, server, backup: id, request: asked, origin };
    return this.#accepted(runner.submit(job, () => void catalogue.backups.insert(backup)));
  }

  async restore(request: contract.RestoreBackup): Promise<contract.AcceptedRestore> {
    const prepared = await prepareRestore(request, this.#deps);
    requireRestorable(request, prepared, this.#deps);
    const { server, backup, origin } = request;
    const about = { server, backup, origin };
    if (request.backupFirst !== true) return this.#submitRestore(about, prepared.asked, prepared.link);
    const first = await this.create({ server, origin }, backup);
    // The restore queues behind the backup, and checks its result before it begins.
    requireRestorable({ ...request, whenBusy: 'queue' }, prepared, this.#deps);
    const after = first.backup.id;
    return { ...this.#submitRestore(about, { ...prepared.asked, after }, prepared.link), backedUp: after };
  }

  async undo(server: ServerId, backup: BackupId, origin?: Origin): Promise<contract.AcceptedRestore> {
    const { catalogue, registry, runner } = this.#deps;
    const doing = 'Cannot undo the restore';
    catalogue.backups.get(backup, server);
    await registry.get(server);
    requireActive(catalogue, server, doing);
    requireIdle(runner, server, 'refuse', doing);
    requireUnused(runner, backup, ['delete'], doing);
    requireKept(server, backup, this.#deps);
    return this.#submitRestore({ server, backup, origin }, { undo: true });
  }

  #submitRestore(
    about: { readonly server: ServerId; readonly backup: BackupId; readonly origin?: Origin | undefined },
    request: RestoreJobRequest,
    link?: string,
  ): contract.AcceptedRestore {
    const { runner, downloads } = this.#deps;
    const id = newJobId();
    const submit = () => runner.submit({ id, kind: 'restore', ...about, request });
    const { record, ended } =
      link === undefined || downloads === undefined ? submit() : downloads.withLink(id, link, submit);
    let outcome: contract.RestoreOutcome = { warnings: [], warningCount: 0 };
    const done = ended.then((result) => void (outcome = result));
    return { ...this.#accepted({ record, ended: done }), outcome: () => outcome };
  }

  async verify(server: ServerId, backup: BackupId, origin?: Origin): Promise<contract.Accepted> {
    const { catalogue, runner } = this.#deps;
    const doing = 'Cannot verify the backup';
    requireCompleted(catalogue.backups.get(backup, server), doing);
    requireUnused(runner, backup, ['verify', 'delete'], doing);
    return this.#accepted(runner.submit({ id: newJobId(), kind: 'verify', server, backup, request: {}, origin }));
  }

  async remove(server: ServerId, backup: BackupId, origin?: Origin): Promise<void> {
    this.#deps.catalogue.backups.get(backup, server);
    requireActive(this.#deps.catalogue, server, 'Cannot delete the backup');
    await this.#deps.deleteBackup(server, backup, origin);
  }

  async claim(server: ServerId, backup: BackupId, signal: AbortSignal): Promise<boolean> {
    try {
      return (await this.#deps.adoption?.adopt(server, backup, signal)) !== undefined;
    } catch (error) {
      if (error instanceof Failure && error.code === 'backup_not_found') return false;
      throw error;
    }
  }

  async deleteForeignArchives(server: ServerId): Promise<void> {
    await this.#deps.adoption?.deleteAll(server);
  }

  discard(server: ServerId, backup: BackupId): Promise<void> {
    return this.#deps.discard(server, backup);
  }

  discardLater(server: ServerId, backup: BackupId): Promise<void> {
    return discardLater(server, backup, this.#deps);
  }

  async setLocked(server: ServerId, backup: BackupId, locked: boolean): Promise<contract.BackupView> {
    await setLock(server, backup, locked, this.#deps);
    return this.backup(server, backup);
  }

  async rename(server: ServerId, backup: BackupId, name: string): Promise<contract.BackupView> {
    await renameBackup(server, backup, wireText(name), this.#deps);
    return this.backup(server, backup);
  }

  async accept(server: ServerId, backup: BackupId): Promise<contract.BackupView> {
    await acceptSuspect(server, backup, this.#deps);
    return this.backup(server, backup);
  }

  async cancel(server: ServerId, backup: BackupId): Promise<void> {
    const { catalogue, runner } = this.#deps;
    const open = runner.open({ server, backup }).find(({ record }) => record.kind !== 'delete');
    if (open === undefined) {
      catalogue.backups.get(backup, server);
      throw new Failure('not_running', 'Cannot cancel: nothing is queued or runs on that backup');
    }
    runner.cancel(open.record.id);
  }

  estimate(server: ServerId, ignore: readonly string[] | undefined, signal: AbortSignal): Promise<contract.Estimate> {
    return this.#looks.estimate(server, ignore, signal);
  }

  files(...asked: Parameters<contract.BackupService['files']>): Promise<contract.DirectoryPage> {
    return this.#looks.files(...asked);
  }

  content(...asked: Parameters<contract.BackupService['content']>): Promise<contract.FileContent> {
    return this.#looks.content(...asked);
  }

  select(...asked: Parameters<contract.BackupService['select']>): Promise<contract.Selection> {
    return this.#looks.select(...asked);
  }

  selected(...asked: Parameters<contract.BackupService['selected']>): Promise<contract.FileContent> {
    return this.#looks.selected(...asked);
  }

  async download(
    server: ServerId,
    backup: BackupId,
  ): Promise<{ readonly backup: contract.BackupView; readonly source: ByteSource }> {
    const { record, source } = await this.#looks.download(server, backup);
    return { backup: viewBackup(record, this.#deps), source };
  }

  lendArchives(server: ServerId, backups: readonly BackupId[], directory: string): Promise<number> {
    return lendArchives({ server, backups, directory, looks: this.#looks }, this.#deps);
  }

  downloadUrl(...asked: Parameters<contract.BackupService['downloadUrl']>): Promise<string | undefined> {
    return this.#looks.downloadUrl(...asked);
  }

  jobs(filter: contract.JobFilter = {}): readonly contract.JobView[] {
    return listJobs(filter, this.#deps);
  }

  job(id: JobId): contract.JobView {
    const { catalogue, runner } = this.#deps;
    return withResult(viewJob(catalogue.jobs.get(id), runner), catalogue);
  }

  setRates(id: JobId, rates: contract.JobRates): contract.JobView {
    const { catalogue, runner } = this.#deps;
    const record = catalogue.jobs.get(id);
    runner.setRates(id, rates);
    return viewJob(record, runner);
  }

  deliveries(): readonly contract.DeliveryView[] {
    return viewDeliveries(this.#deps);
  }

  retryDeliveries(id?: number): number {
    return retryDeliveries(this.#deps, id);
  }

  dropDelivery(id: number): void {
    dropDelivery(this.#deps, id);
  }

  system(): Promise<contract.SystemView> {
    return viewSystem(this.#startedAt, this.#deps);
  }

  async doctor(): Promise<readonly Finding[]> {
    return (await this.#deps.examine?.()) ?? [];
  }

  /** The checks of a create that do not depend on free space or limits. */
  #checkCreate({ server, id, whenBusy }: contract.CreateBackup): void {
    const { catalogue, runner } = this.#deps;
    const doing = 'Cannot create a backup';
    runner.checkAccepting();
    requireActive(catalogue, server, doing);
    if (id !== undefined && catalogue.backups.find(id) !== undefined) {
      throw new Failure('backup_exists', `${doing}: the id ${id} is taken`, { hint: 'Use another id, or none.' });
    }
    requireIdle(runner, server, whenBusy, doing);
    this.#deps.failedRows.checkRate(server);
  }

  #checkLimits({ server, limits }: contract.CreateBackup): void {
    checkLimits(server, limits, this.#deps);
  }

  #retention(): RetentionDeps & ServiceDeps {
    return { ...this.#deps, deleteBackup: (server, backup) => this.remove(server, backup, 'retention') };
  }

  #accepted({ record, ended }: SubmittedJob<'backup' | 'verify'>): contract.Accepted {
    const view = (): contract.BackupView => viewBackup(backupOf(record, this.#deps.catalogue), this.#deps);
    const outcome = ended.then(view);
    // A caller that hangs up leaves this unobserved; a failed job must not end the process then.
    outcome.catch(() => undefined);
    return { job: record.id, backup: view(), ended: outcome };
  }
}
