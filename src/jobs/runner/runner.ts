/**
 * Runs jobs. Promises: a job is a durable row from the moment it is accepted; it runs whether or not anybody waits for
 * it; jobs that need the same server or backup never overlap; at most `concurrent` run at a time; each ends in exactly
 * one final state. Knows nothing of what its verbs do.
 */
import type { Clock } from '../../base/clock.ts';
import { Failure } from '../../base/failure.ts';
import type { BackupId, JobId, ServerId } from '../../base/ids.ts';
import type { Log } from '../../base/log/log.ts';
import type { Catalogue, NewJob } from '../../catalogue/contract.ts';
import type { StateReserve } from '../../catalogue/state-reserve.ts';
import type { JobKind, JobProgress, JobRecord } from '../../catalogue/records.ts';
import type { JobRates, JobResults } from '../contract.ts';
import type { EventHub } from './events.ts';
import type { EndDeps } from './job-end.ts';
import { backupBefore, Locks, locksOf } from './locks.ts';
import { JobQueue, needsSlot } from './queue.ts';
import { ActiveJob, type JobDeps, storeFailure } from './running-job.ts';
import type { Verb } from './verb.ts';

export interface RunnerDeps {
  readonly catalogue: Pick<Catalogue, 'transaction'> & EndDeps['catalogue'];
  /** Room on the disk of the catalogue for its worst time. */
  readonly reserve?: Pick<StateReserve, 'requireRoom' | 'retryWithRoom'>;
  readonly verbs: readonly Verb[];
  readonly events: EventHub;
  readonly clock: Clock;
  readonly log: Log;
  /** `backups.concurrent`: how many run at a time on this node, removals aside. */
  readonly concurrent: number;
  /** How many may wait; `server_busy` beyond. */
  readonly maxQueued: number;
  /** True for jobs that a drain leaves as they are, for the next start to begin again. None without it. */
  readonly handsOver?: (job: JobRecord) => boolean;
}

export interface SubmittedJob<Kind extends JobKind = JobKind> {
  readonly record: JobRecord;
  /** Resolves when the job is done and its locks are free; rejects with its Failure. May be left unobserved. */
  readonly ended: Promise<JobResults[Kind]>;
}

/** A job that is queued, or runs and has not ended yet. */
export interface OpenJob {
  readonly record: JobRecord;
  readonly state: 'queued' | 'running';
}

interface Entry {
  readonly record: JobRecord;
  readonly verb: Verb;
  readonly ending: PromiseWithResolvers<JobResults[JobKind]>;
  active: ActiveJob | undefined;
  rates: JobRates;
}

export class JobRunner {
  readonly #deps: RunnerDeps;
  readonly #around: JobDeps;
  readonly #watchers: ((server: ServerId) => void)[] = [];
  readonly #queueWatchers: ((job: JobRecord) => void)[] = [];
  readonly #verbs: ReadonlyMap<JobKind, Verb>;
  readonly #queue = new JobQueue();
  readonly #locks = new Locks();
  /** Every job that is queued or whose verb has not returned, in the order of acceptance. */
  readonly #entries = new Map<JobId, Entry>();
  /** Why a job ends here and now, while its row does not. */
  readonly #handedOver = new Failure(
    'interrupted',
    'Cannot finish the job: the daemon was shut down, and begins it again when it is started',
    { hint: 'Nothing is to be done: the backup goes on under its own id.' },
  );
  /** Ends that could not be stored, such as on a full disk; the rows say meanwhile that the jobs run. */
  readonly #unsaved = new Map<JobId, () => void>();
  /** Jobs of the last run that are being ended beside the runner. */
  readonly #recovering = new Map<JobId, { readonly record: JobRecord; readonly ending: PromiseWithResolvers<void> }>();
  #draining = false;

  constructor(deps: RunnerDeps) {
    this.#deps = deps;
    const { catalogue, events, clock, reserve } = deps;
    this.#around = {
      catalogue,
      events,
      clock,
      withRoom: (work) => (reserve === undefined ? work() : reserve.retryWithRoom(work)),
      changed: (server) => this.#notifyWatchers(server),
      ratesOf: (job) => this.#entries.get(job)?.rates ?? {},
      sharing: () => Math.max(1, this.#slotsUsed()),
    };
    this.#verbs = new Map(deps.verbs.map((verb) => [verb.kind, verb]));
  }

  /**
   * Accepts a job: its row and what `alongside` writes are one transaction. Starts it at once when it may.
   *
   * @throws Failure `draining`; `server_busy` when too many wait already; `insufficient_storage` while the disk of the
   *   catalogue is full, but for a deletion; whatever `alongside` throws.
   */
  submit<Kind extends JobKind>(job: NewJob<Kind>, alongside: () => void = () => undefined): SubmittedJob<Kind> {
    this.checkAccepting();
    const verb = this.#verbs.get(job.kind);
    if (verb === undefined) throw new Failure('internal', `Cannot run a ${job.kind} job: this daemon has no such verb`);
    const insert = (): JobRecord =>
      this.#deps.catalogue.transaction(() => {
        alongside();
        return this.#deps.catalogue.jobs.insert(job as NewJob);
      });
    // On a full disk only what makes room may take what is left.
    const { reserve } = this.#deps;
    if (job.kind !== 'delete') reserve?.requireRoom('Cannot start a job');
    const record = job.kind === 'delete' ? this.#around.withRoom(insert) : insert();
    const entry: Entry = { record, verb, ending: Promise.withResolvers(), active: undefined, rates: {} };
    // A job need not be waited for; without this an unobserved failure would end the process.
    entry.ending.promise.catch(() => undefined);
    this.#entries.set(record.id, entry);
    const { id, kind } = record;
    this.#queue.add({ id, kind, locks: locksOf(record), after: backupBefore(record) });
    this.#notifyWatchers(record.server);
    this.#startWhatMay();
    if (this.#queue.position(record.id) !== null) for (const watcher of this.#queueWatchers) watcher(record);
    // The verb of a kind commits a result of that kind; the entries of all kinds lie in one map.
    return { record, ended: entry.ending.promise as Promise<JobResults[Kind]> };
  }

  /** @throws Failure `draining` or `server_busy` when no further job is accepted now. */
  checkAccepting(): void {
    this.saveEnds();
    if (this.#draining) {
      throw new Failure('draining', 'Cannot start a job: the daemon is shutting down', {
        hint: 'Try again once it has been started again.',
        retry: true,
      });
    }
    if (this.#queue.length < this.#deps.maxQueued) return;
    throw new Failure('server_busy', `Cannot queue a job: ${this.#queue.length} jobs wait already`, {
      facts: { queued: this.#queue.length },
      hint: 'Try again when some of them have ended.',
      retry: true,
    });
  }

  /** Calls back whenever what is queued or runs on a server has changed. For the life of the runner. */
  watch(listener: (server: ServerId) => void): void {
    this.#watchers.push(listener);
  }

  /** Calls back with each job that has to wait. The listener must not throw. */
  watchQueue(listener: (job: JobRecord) => void): void {
    this.#queueWatchers.push(listener);
  }

  /**
   * Stores ends that could not be stored when they came; never throws. To be called every few seconds: until then a
   * backup that failed stands in the way of the next one, and a panel waits for its report.
   */
  saveEnds(): void {
    for (const [id, store] of Array.from(this.#unsaved)) {
      try {
        store();
      } catch (error) {
        this.#deps.log.debug('Still cannot store how a job ended', { job: id, error });
        return;
      }
      this.#unsaved.delete(id);
      this.#deps.log.info('Stored how a job ended', { job: id });
    }
  }

  /**
   * Counts a job of the last run as open on its backup, so that nothing is answered that it would undo. Its server may be
   * used: an end in a store that does not answer can take long.
   *
   * @returns to be called when it has ended.
   */
  holdRecovering(record: JobRecord): () => void {
    const ending = Promise.withResolvers<void>();
    this.#recovering.set(record.id, { record, ending });
    return () => {
      this.#recovering.delete(record.id);
      ending.resolve();
    };
  }

  /** Jobs without a final state, in the order of acceptance. With a backup in the filter, those of the last run too. */
  open(filter: { readonly server?: ServerId; readonly backup?: BackupId } = {}): OpenJob[] {
    const last = filter.backup === undefined ? [] : Array.from(this.#recovering.values());
    return [
      ...last
        .filter(({ record }) => concerns(record, filter))
        .map(({ record }) => ({ record, state: 'running' as const })),
      ...Array.from(this.#entries.values())
        .filter(({ record, active }) => concerns(record, filter) && active?.ended !== true)
        .map(({ record, active }): OpenJob => ({ record, state: active === undefined ? 'queued' : 'running' })),
    ];
  }

  /** Resolves when no job is left of those that are queued or run on that server or backup now, however each ended. */
  async settled(filter: { readonly server?: ServerId; readonly backup?: BackupId }): Promise<void> {
    const all = [...this.#entries.values(), ...this.#recovering.values()];
    const there = all.filter(({ record }) => concerns(record, filter));
    await Promise.allSettled(there.map(({ ending }): Promise<unknown> => ending.promise));
  }

  /** The newest progress of a running job; null when it does not run. */
  progress(id: JobId): JobProgress | null {
    return this.#entries.get(id)?.active?.progressNow ?? null;
  }

  /** 1 for the next to start; null when it does not wait. */
  position(id: JobId): number | null {
    return this.#queue.position(id);
  }

  /** Paces a job from now on; what is not named stays. Throws `not_running` when it has ended. */
  setRates(id: JobId, rates: JobRates): void {
    const entry = this.#entries.get(id);
    if (entry === undefined || entry.active?.ended === true) {
      throw new Failure('not_running', 'Cannot set the rates of the job: it has ended');
    }
    entry.rates = { ...entry.rates, ...rates };
  }

  /**
   * Cancels a job: one that waits is over at once, one that runs within two seconds.
   *
   * @throws Failure `not_running` when it has ended, or has passed its point of no return.
   */
  cancel(id: JobId): void {
    const cancelled = new Failure('cancelled', 'Cannot finish the job: it was cancelled');
    const entry = this.#entries.get(id);
    if (entry?.active === undefined && this.#queue.remove(id)) this.#abandon(entry, cancelled);
    else if (entry?.active?.abort(cancelled) !== true) {
      throw new Failure('not_running', 'Cannot cancel: nothing runs that could still be cancelled');
    }
  }

  /** The process stood still for so long: no running job is stalled for that. */
  excuse(milliseconds: number): void {
    for (const { active } of this.#entries.values()) active?.excuse(milliseconds);
  }

  /**
   * Aborts running jobs whose progress has not changed for that time (`interrupted`), and returns them. Jobs past their
   * point of no return are not aborted: stopping half-way could lose data.
   */
  abortStalled(milliseconds: number): readonly JobRecord[] {
    const stalled = Array.from(this.#entries.values()).filter(
      ({ active }) => active !== undefined && !active.signal.aborted && active.stillFor >= milliseconds,
    );
    const aborted = stalled.filter(({ active }) => {
      const minutes = Math.round(milliseconds / 60_000);
      const { phase = '' } = active?.progressNow ?? {};
      const failure = new Failure(
        'interrupted',
        `Cannot finish the job: it has come no further for ${minutes} minutes (${phase})`,
        {
          facts: { minutes, phase },
          hint: 'See whether its store and disk answer (roost doctor), then start it again.',
          retry: true,
        },
      );
      return active?.abort(failure) === true;
    });
    return aborted.map(({ record }) => record);
  }

  /**
   * Stops for good: accepts nothing more, ends what waits as `interrupted`, lets what runs go on until `deadline`
   * fires, and aborts the rest then. Resolves when no verb runs any more. Of jobs that are handed over, callers hear the
   * same, but their rows stay queued or running.
   */
  async drain(deadline: AbortSignal): Promise<void> {
    this.#draining = true;
    const interrupted = new Failure('interrupted', 'Cannot finish the job: the daemon was shut down', {
      hint: 'Start it again.',
      retry: true,
    });
    const reasonFor = (job: JobRecord): Failure =>
      this.#deps.handsOver?.(job) === true ? this.#handedOver : interrupted;
    for (const waiting of this.#queue.waiting()) {
      const entry = this.#entries.get(waiting.id);
      this.#queue.remove(waiting.id);
      if (entry !== undefined) this.#abandon(entry, reasonFor(entry.record));
    }
    const running = Array.from(this.#entries.values());
    const abortAll = (): void => {
      for (const { active, record } of running) active?.abort(reasonFor(record));
    };
    if (deadline.aborted) abortAll();
    else deadline.addEventListener('abort', abortAll, { once: true });
    await Promise.allSettled(running.map(({ ending }) => ending.promise));
    deadline.removeEventListener('abort', abortAll);
  }

  #notifyWatchers(server: ServerId): void {
    for (const watcher of this.#watchers) watcher(server);
  }

  #startWhatMay(): void {
    for (;;) {
      const next = this.#queue.takeNext((names) => this.#locks.free(names), this.#slotsUsed() < this.#deps.concurrent);
      const entry = next === undefined ? undefined : this.#entries.get(next.id);
      if (next === undefined || entry === undefined) return;
      this.#locks.take(next.locks, next.id);
      void this.#run(entry);
    }
  }

  #slotsUsed(): number {
    let used = 0;
    for (const { record, active } of this.#entries.values()) if (active !== undefined && needsSlot(record.kind)) used++;
    return used;
  }

  /** Never rejects: whatever goes wrong is the job's own end. */
  async #run(entry: Entry): Promise<void> {
    const { verb } = entry;
    const active = new ActiveJob(entry.record, verb, this.#around);
    entry.active = active;
    let failure: Failure | undefined;
    try {
      const { id, server, backup } = this.#deps.catalogue.jobs.start(entry.record.id, 'starting');
      if (verb.events !== undefined) {
        this.#deps.events.publish({ type: verb.events.started, server, backup, job: id, data: {} });
      }
      await verb.run(active);
      if (!active.ended) throw new Failure('internal', 'Cannot finish the job: its verb ended without a result');
    } catch (error) {
      failure = this.#endFailed(active, error);
    }
    this.#leave(entry, failure);
  }

  #endFailed(active: ActiveJob, error: unknown): Failure | undefined {
    const facts = { job: active.record.id, kind: active.record.kind, error };
    if (active.ended) {
      this.#deps.log.error('A job was done, but cleaning up after it failed', facts);
      return undefined;
    }
    const failure = active.failureOf(error);
    if (failure === this.#handedOver) return failure;
    try {
      active.fail(failure);
    } catch (storing) {
      // Tried again until it succeeds; if the daemon ends before, the next start ends the row as interrupted.
      this.#unsaved.set(active.record.id, () => active.fail(failure));
      this.#deps.log.error('Cannot store how a job ended', { ...facts, storing });
    }
    return failure;
  }

  /** Ends a job that never started. */
  #abandon(entry: Entry | undefined, failure: Failure): void {
    if (entry === undefined) return;
    if (failure === this.#handedOver) {
      this.#leave(entry, failure);
      return;
    }
    try {
      storeFailure(entry.record, entry.verb, failure, this.#around);
    } catch (error) {
      this.#unsaved.set(entry.record.id, () => storeFailure(entry.record, entry.verb, failure, this.#around));
      this.#deps.log.error('Cannot store how a job ended', { job: entry.record.id, error });
    }
    this.#leave(entry, failure);
  }

  /** Locks go before the caller hears of the end: its next request must find the server free. */
  #leave(entry: Entry, failure: Failure | undefined): void {
    this.#logEnd(entry, failure);
    this.#locks.release(entry.record.id);
    this.#entries.delete(entry.record.id);
    if (failure === undefined) entry.ending.resolve(entry.active?.result);
    else entry.ending.reject(failure);
    this.#startWhatMay();
  }

  /** Writes one log line for the end of a job, with its failure if there is one. */
  #logEnd({ record, active }: Entry, failure: Failure | undefined): void {
    const { id: job, kind, server, backup } = record;
    const seconds = active === undefined ? 0 : Math.round(active.seconds * 10) / 10;
    const facts = { job, kind, server, backup, seconds };
    if (failure === undefined) this.#deps.log.info('A job is done', facts);
    else if (failure === this.#handedOver) this.#deps.log.info('A job is left to the next start', facts);
    else if (failure.code === 'cancelled') this.#deps.log.info('A job was cancelled', facts);
    else this.#deps.log.warn('A job failed', { ...facts, error: failure });
  }
}

function concerns(record: JobRecord, filter: { readonly server?: ServerId; readonly backup?: BackupId }): boolean {
  if (filter.server !== undefined && record.server !== filter.server) return false;
  return filter.backup === undefined || record.backup === filter.backup;
}
