/**
 * A BackupService in memory whose jobs end when the test says so. Every call is recorded; any method can be scripted
 * to fail. It keeps the contract's rules on ids, and no others.
 */
import type { Finding } from '../../src/base/finding.ts';
import { Failure, type FailureCode } from '../../src/base/failure.ts';
import { newBackupId, newJobId, type BackupId, type JobId, type ServerId } from '../../src/base/ids.ts';
import type { ByteSource } from '../../src/base/source.ts';
import type * as contract from '../../src/jobs/contract.ts';
import { FAILURE_DATA } from './events.ts';

export const SERVER = '0b6b9c2e-6d39-4f6e-9d0e-6f5a6c1d2e3f' as ServerId;
export const OTHER_SERVER = '7a1c7b52-1f0a-4a7e-8f8e-2d9b7f6c5a41' as ServerId;
export const UNKNOWN = 'ffffffff-0000-4000-8000-000000000000';

function backupView(change: Partial<contract.BackupView> = {}): contract.BackupView {
  const id = change.id ?? newBackupId();
  const server = change.server ?? SERVER;
  return {
    id,
    server,
    name: 'Nightly',
    status: 'COMPLETED',
    locked: false,
    ignore: ['*.log'],
    store: 'local',
    key: `${server}/${id}.tar.gz`,
    size: 1000,
    rawSize: 4000,
    files: 3,
    entries: 5,
    reusedBytes: 0,
    sha256: 'ab'.repeat(32),
    warnings: [{ path: 'world/level.dat', code: 'file_changed', message: 'It changed while it was read' }],
    warningCount: 1,
    error: null,
    damagedAt: null,
    verifiedAt: null,
    sequence: 0,
    suspect: null,
    acceptedAt: null,
    indexSha256: null,
    removing: false,
    createdAt: Date.UTC(2024, 0, 15, 11, 55),
    updatedAt: Date.UTC(2024, 0, 15, 12),
    completedAt: Date.UTC(2024, 0, 15, 12),
    ...change,
  };
}

/** A job that was accepted, and the two ways in which the test may end it. */
export interface RunningJob {
  readonly accepted: contract.Accepted;
  complete(view?: contract.BackupView): void;
  fail(failure: Failure): void;
}

type Method = Exclude<keyof contract.BackupService, 'jobs' | 'job' | 'isUnderRestore'>;

export class ScriptedService implements contract.BackupService {
  readonly calls: { readonly method: string; readonly args: readonly unknown[] }[] = [];
  readonly running: RunningJob[] = [];
  /** Who asked for each create and restore. */
  readonly origins: contract.CreateBackup['origin'][] = [];
  readonly serverViews = new Map<string, contract.ServerView>();
  readonly backupViews = new Map<string, contract.BackupView>();
  /** Servers that are being restored. */
  readonly underRestore = new Set<string>();
  jobViews: contract.JobView[] = [];
  findings: readonly Finding[] = [{ check: 'jobs', level: 'ok', message: '0 running, 0 waiting' }];
  deliveryViews: contract.DeliveryView[] = [];
  /** Jobs end at once, unless a test wants to end them itself. */
  holdJobs = false;
  /** What verifications found besides. */
  verifyResult: contract.JobView['result'];
  /** What restores and undos have to tell. */
  restoreOutcome: contract.RestoreOutcome = { warnings: [], warningCount: 0 };
  /** Where downloads are sent, as a store with presigned URLs does. */
  elsewhere: string | undefined;
  sourceOf: (backup: contract.BackupView) => ByteSource = () => memorySource(Buffer.from('archive'));
  contentOf: (path: string, signal: AbortSignal) => contract.FileContent = (path) => memoryContent(path, 'content');
  readonly #failures = new Map<Method, unknown>();
  #onJob: (() => void)[] = [];

  constructor() {
    for (const id of [SERVER, OTHER_SERVER]) {
      this.serverViews.set(id, {
        id,
        name: 'survival',
        status: 'READY',
        suspended: false,
        directory: true,
        backups: 0,
        bytes: 0,
      });
    }
  }

  add(change: Partial<contract.BackupView> = {}): contract.BackupView {
    const view = backupView(change);
    this.backupViews.set(view.id, view);
    return view;
  }

  /** The next calls of a method throw this. */
  failWith(method: Method, error: unknown): void {
    this.#failures.set(method, error);
  }

  failWithCode(method: Method, code: FailureCode): void {
    this.failWith(method, new Failure(code, `Cannot do it: ${code}`, { hint: 'Do something else.' }));
  }

  /** The next job that is accepted from now on. */
  nextJob(): Promise<RunningJob> {
    const before = this.running.length;
    return new Promise((resolve) => {
      this.#onJob.push(() => {
        const job = this.running[before];
        if (job !== undefined) resolve(job);
      });
    });
  }

  lastCall(method: string): readonly unknown[] | undefined {
    return this.calls.findLast((call) => call.method === method)?.args;
  }

  async servers(): Promise<readonly contract.ServerView[]> {
    this.#enter('servers');
    return [...this.serverViews.values()];
  }

  async server(id: ServerId): Promise<contract.ServerView> {
    this.#enter('server', id);
    return this.#known(id);
  }

  async setServer(id: ServerId, change: { readonly suspended?: boolean }): Promise<contract.ServerView> {
    this.#enter('setServer', id, change);
    const view = { ...this.#known(id), ...change };
    this.serverViews.set(id, view);
    return view;
  }

  async addServer(id: ServerId): Promise<contract.ServerView> {
    this.#enter('addServer', id);
    const view: contract.ServerView = {
      id,
      name: id.slice(0, 8),
      status: 'READY',
      suspended: false,
      directory: true,
      backups: 0,
      bytes: 0,
    };
    this.serverViews.set(id, this.serverViews.get(id) ?? view);
    return this.#known(id);
  }

  async removeServer(id: ServerId, decision: contract.RemoveServer): Promise<contract.RemovedServer> {
    this.#enter('removeServer', id, decision);
    this.#known(id);
    const deleteAt = decision.graceDays === undefined ? null : Date.UTC(2026, 0, 1 + decision.graceDays);
    return { deleted: 0, kept: 2, deleteAt };
  }

  async accept(server: ServerId, backup: BackupId): Promise<contract.BackupView> {
    this.#enter('accept', server, backup);
    return this.backup(server, backup);
  }

  async applyRetention(server: ServerId, clockIsRight?: boolean): Promise<contract.AppliedRetention> {
    this.#enter('applyRetention', server, clockIsRight);
    this.#known(server);
    return { removed: [], failed: [], doubt: null, backups: [] };
  }

  async retention(server: ServerId): Promise<contract.RetentionPlan> {
    this.#enter('retention', server);
    this.#known(server);
    const held = [...this.backupViews.values()].filter((view) => view.server === server);
    return { backups: held.map((backup, at) => ({ backup, reasons: at === 0 ? ['newest_good', 'last'] : [] })) };
  }

  async backups(server: ServerId): Promise<readonly contract.BackupView[]> {
    this.#enter('backups', server);
    this.#known(server);
    return [...this.backupViews.values()].filter((view) => view.server === server);
  }

  async backupPage(server: ServerId, limit: number, start: contract.PageStart = {}): Promise<contract.BackupPageView> {
    this.#enter('backupPage', server, limit, start);
    this.#known(server);
    const all = [...this.backupViews.values()].filter((view) => view.server === server);
    const from = 'offset' in start ? start.offset : Number(start.after ?? 0);
    const kept = all.filter(({ status }) => status !== 'FAILED').length;
    const next = from + limit < all.length ? String(from + limit) : undefined;
    return { backups: all.slice(from, from + limit), next, counts: { all: all.length, kept } };
  }

  backupsRevision(): string {
    return [...this.backupViews.values()].map(({ id, updatedAt }) => `${id} ${updatedAt}`).join(' ');
  }

  async warnings(server: ServerId, backup: BackupId, page: number): Promise<contract.WarningPageView> {
    this.#enter('warnings', server, backup, page);
    const { warnings } = this.#owned(server, backup);
    return { warnings: page === 0 ? warnings : [] };
  }

  async backup(server: ServerId, backup: BackupId): Promise<contract.BackupView> {
    this.#enter('backup', server, backup);
    return this.#owned(server, backup);
  }

  async findBackup(backup: BackupId): Promise<contract.BackupView> {
    this.#enter('findBackup', backup);
    const view = this.backupViews.get(backup);
    if (view === undefined) throw new Failure('backup_not_found', `No record of ${backup}`);
    return view;
  }

  async create(request: contract.CreateBackup): Promise<contract.Accepted> {
    const { origin, ...asked } = request;
    this.origins.push(origin);
    this.#enter('create', asked);
    this.#known(request.server);
    const begun = this.add({
      server: request.server,
      ...(request.id === undefined ? {} : { id: request.id }),
      ...(request.name === undefined ? {} : { name: request.name }),
      status: 'IN_PROGRESS',
      ignore: request.ignore ?? [],
      locked: request.locked ?? false,
      size: 0,
      sha256: null,
      completedAt: null,
    });
    return this.#accept(begun, {
      ...begun,
      status: 'COMPLETED',
      size: 1000,
      sha256: 'cd'.repeat(32),
      completedAt: begun.updatedAt,
    });
  }

  async restore(request: contract.RestoreBackup): Promise<contract.AcceptedRestore> {
    const { origin, ...asked } = request;
    this.origins.push(origin);
    this.#enter('restore', asked);
    this.#known(request.server);
    return this.#acceptRestore(this.#owned(request.server, request.backup));
  }

  async undo(server: ServerId, backup: BackupId): Promise<contract.AcceptedRestore> {
    this.#enter('undo', server, backup);
    return this.#acceptRestore(this.#owned(server, backup));
  }

  async verify(server: ServerId, backup: BackupId): Promise<contract.Accepted> {
    this.#enter('verify', server, backup);
    const view = this.#owned(server, backup);
    const accepted = this.#accept(view, { ...view, verifiedAt: Date.UTC(2024, 1, 1) });
    const at = { createdAt: 0, startedAt: 0, endedAt: 0, progress: null, position: null, error: null };
    const job = {
      id: accepted.job,
      kind: 'verify',
      server,
      backup,
      state: 'done',
      phase: 'verifying',
      request: {},
    } as const;
    this.jobViews.push({ ...job, ...at, ...(this.verifyResult === undefined ? {} : { result: this.verifyResult }) });
    return accepted;
  }

  async remove(server: ServerId, backup: BackupId): Promise<void> {
    this.#enter('remove', server, backup);
    this.backupViews.delete(this.#owned(server, backup).id);
  }

  async claim(server: ServerId, backup: BackupId): Promise<boolean> {
    this.#enter('claim', server, backup);
    return false;
  }

  isUnderRestore(server: ServerId): boolean {
    return this.underRestore.has(server);
  }

  async cancelWork(server: ServerId): Promise<void> {
    this.#enter('cancelWork', server);
  }

  async deleteForeignArchives(server: ServerId): Promise<void> {
    this.#enter('deleteForeignArchives', server);
  }

  async lendArchives(server: ServerId, backups: readonly BackupId[], directory: string): Promise<number> {
    this.#enter('lendArchives', server, backups, directory);
    return backups.length;
  }

  async discardLater(server: ServerId, backup: BackupId): Promise<void> {
    await this.discard(server, backup);
  }

  async discard(server: ServerId, backup: BackupId): Promise<void> {
    this.#enter('discard', server, backup);
    this.backupViews.delete(this.#owned(server, backup).id);
  }

  async setLocked(server: ServerId, backup: BackupId, locked: boolean): Promise<contract.BackupView> {
    this.#enter('setLocked', server, backup, locked);
    return this.add({ ...this.#owned(server, backup), locked });
  }

  async rename(server: ServerId, backup: BackupId, name: string): Promise<contract.BackupView> {
    this.#enter('rename', server, backup, name);
    return this.add({ ...this.#owned(server, backup), name, named: true });
  }

  async cancel(server: ServerId, backup: BackupId): Promise<void> {
    this.#enter('cancel', server, backup);
    this.#owned(server, backup);
  }

  async estimate(server: ServerId, ignore: readonly string[] | undefined): Promise<contract.Estimate> {
    this.#enter('estimate', server, ignore);
    this.#known(server);
    const largestIgnored = [{ path: 'cache', bytes: 70 }];
    return { files: 3, directories: 2, bytes: 4000, ignoredFiles: 1, ignoredBytes: 70, largestIgnored };
  }

  async files(server: ServerId, backup: BackupId, path: string, cursor?: string): Promise<contract.DirectoryPage> {
    this.#enter('files', server, backup, path, cursor);
    this.#owned(server, backup);
    const entries = [
      { name: 'region', raw: 'region', kind: 'directory' as const, size: 0, mode: 0o755, mtime: 1_700_000_000 },
      { name: 'now', raw: 'now', kind: 'symlink' as const, size: 0, mode: 0o777, mtime: -5, target: 'region' },
    ];
    return { path, entries, ...(cursor === undefined ? { cursor: 'next' } : {}) };
  }

  async content(server: ServerId, backup: BackupId, path: string, signal: AbortSignal): Promise<contract.FileContent> {
    this.#enter('content', server, backup, path);
    this.#owned(server, backup);
    return this.contentOf(path, signal);
  }

  async select(server: ServerId, backup: BackupId, paths: readonly string[]): Promise<contract.Selection> {
    this.#enter('select', server, backup, paths);
    this.#owned(server, backup);
    return paths.length === 1 ? { paths, file: paths[0] ?? '' } : { paths };
  }

  async selected(
    server: ServerId,
    backup: BackupId,
    { paths, file }: contract.Selection,
    signal: AbortSignal,
  ): Promise<contract.FileContent> {
    this.#enter('selected', server, backup, paths);
    this.#owned(server, backup);
    const { size, ...content } = this.contentOf(file ?? 'selection.tar.gz', signal);
    return { ...content, ...(file === undefined ? {} : { size: size ?? 0 }) };
  }

  async download(server: ServerId, backup: BackupId): Promise<{ backup: contract.BackupView; source: ByteSource }> {
    this.#enter('download', server, backup);
    const view = this.#owned(server, backup);
    return { backup: view, source: this.sourceOf(view) };
  }

  async downloadUrl(
    server: ServerId,
    backup: BackupId,
    expiresSeconds: number,
    ...fileName: string[]
  ): Promise<string | undefined> {
    this.#enter('downloadUrl', server, backup, expiresSeconds, ...fileName);
    this.#owned(server, backup);
    return this.elsewhere;
  }

  jobs({ server, kind, state, limit, before }: contract.JobFilter = {}): contract.JobView[] {
    const from = before === undefined ? 0 : this.jobViews.findIndex(({ id }) => id === before) + 1;
    const fits = this.jobViews
      .slice(from)
      .filter(
        (job) =>
          (server === undefined || server === job.server) &&
          (kind === undefined || kind === job.kind) &&
          (state === undefined || state === job.state),
      );
    return fits.slice(0, limit);
  }

  job(id: JobId): contract.JobView {
    const found = this.jobViews.find((job) => job.id === id);
    if (found === undefined) throw new Failure('job_not_found', 'No job has that id');
    return found;
  }

  setRates(id: JobId, rates: contract.JobRates): contract.JobView {
    this.#enter('setRates', id, rates);
    return this.job(id);
  }

  deliveries(): readonly contract.DeliveryView[] {
    this.#enter('deliveries');
    return this.deliveryViews;
  }

  retryDeliveries(id?: number): number {
    this.#enter('retryDeliveries', id);
    return this.deliveryViews.filter((view) => view.state === 'parked' && (id === undefined || view.id === id)).length;
  }

  dropDelivery(id: number): void {
    this.#enter('dropDelivery', id);
  }

  async doctor(): Promise<readonly Finding[]> {
    this.#enter('doctor');
    return this.findings;
  }

  async system(): Promise<contract.SystemView> {
    this.#enter('system');
    return {
      version: '1.2.3',
      node: 'v24.0.0',
      engine: 'zlib',
      uptimeSeconds: 60,
      servers: 2,
      jobs: { running: 0, queued: 0 },
      stores: [{ name: 'local', type: 'local', freeBytes: null, error: null }],
    };
  }

  #enter(method: Method, ...args: unknown[]): void {
    this.calls.push({ method, args });
    const failure = this.#failures.get(method);
    if (failure !== undefined) throw failure;
  }

  #known(id: ServerId): contract.ServerView {
    const view = this.serverViews.get(id);
    // In other words than the API's on purpose: it must not show which of two ways led to a 404.
    if (view === undefined) throw new Failure('server_not_found', `No directory is named ${id}`);
    return view;
  }

  #owned(server: ServerId, backup: BackupId): contract.BackupView {
    const view = this.backupViews.get(backup);
    if (view?.server !== server) throw new Failure('backup_not_found', `No record of ${backup}`);
    return view;
  }

  #acceptRestore(view: contract.BackupView): contract.AcceptedRestore {
    return { ...this.#accept({ ...view, status: 'RESTORING' }, view), outcome: () => this.restoreOutcome };
  }

  #accept(begun: contract.BackupView, final: contract.BackupView): contract.Accepted {
    const { promise: ended, resolve, reject } = Promise.withResolvers<contract.BackupView>();
    const accepted = { job: newJobId(), backup: begun, ended };
    const complete = (view = final): void => {
      this.backupViews.set(view.id, view);
      resolve(view);
    };
    this.running.push({ accepted, complete, fail: reject });
    if (!this.holdJobs) complete();
    for (const tell of this.#onJob.splice(0)) tell();
    return accepted;
  }
}

export class ManualEvents implements contract.EventSource {
  lastSeq = 0;
  readonly #listeners = new Set<(event: contract.RoostEvent) => void>();

  get listeners(): number {
    return this.#listeners.size;
  }

  subscribe(listener: (event: contract.RoostEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Tests give the data that their readers look at; failures and progress always carry something. */
  emit(event: Omit<contract.RoostEvent, 'seq' | 'at' | 'data'> & { readonly data: object }): void {
    const failed = /\.(?:failed|cancelled)$/.test(event.type) ? FAILURE_DATA : {};
    const always = event.type.endsWith('.progress') ? { bytesDone: 0, bytesTotal: 0 } : failed;
    const data = { ...always, ...event.data };
    const full = { ...event, data, seq: ++this.lastSeq, at: Date.UTC(2026, 0, 1) } as contract.RoostEvent;
    for (const listener of this.#listeners) listener(full);
  }
}

/** A source over bytes that remembers what was asked of it. */
export function memorySource(bytes: Uint8Array): ByteSource & { readonly reads: number[]; closes: number } {
  const source = {
    size: bytes.byteLength,
    reads: [] as number[],
    closes: 0,
    async read(offset: number, length: number) {
      if (source.closes > 0) throw new Error('read after close');
      source.reads.push(length);
      return Uint8Array.from(bytes.subarray(offset, offset + length));
    },
    async close() {
      source.closes++;
    },
  };
  return source;
}

export function memoryContent(name: string, text: string): contract.FileContent {
  const bytes = Buffer.from(text);
  return {
    name: name.slice(name.lastIndexOf('/') + 1),
    size: bytes.byteLength,
    mtime: 0,
    stream: (async function* () {
      yield bytes;
    })(),
  };
}
