/**
 * One job between its start and its final state: what its verb may call, and what the runner asks about it. Sees to it
 * that a success is written once, and never after a cancellation that was accepted.
 */
import type { ArchiveProgress } from '../../archive/entry.ts';
import type { Clock } from '../../base/clock.ts';
import { asFailure, Failure, throwIfAborted } from '../../base/failure.ts';
import type { JobId, ServerId } from '../../base/ids.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import type { JobKind, JobProgress, JobRecord, JobResult } from '../../catalogue/records.ts';
import type { JobRates, JobResults } from '../contract.ts';
import type { EventHub } from './events.ts';
import { endJob, type EndDeps } from './job-end.ts';
import { ProgressMeter } from './progress.ts';
import type { PendingEvent, RunningJob, Verb } from './verb.ts';

export interface JobDeps {
  readonly catalogue: Pick<Catalogue, 'transaction'> & EndDeps['catalogue'];
  readonly events: EventHub;
  readonly clock: Clock;
  /** Does what writes to the catalogue, and once more with the reserve of its disk given up when that is full. */
  readonly withRoom: <Result>(work: () => Result) => Result;
  /** Called after each change of what is queued or runs on a server, once the events about it went out. */
  readonly changed: (server: ServerId) => void;
  /** What was asked for this job alone. */
  readonly ratesOf: (job: JobId) => JobRates;
  /** Jobs that run now and share the node's rates; at least 1. */
  readonly sharing: () => number;
}

export class ActiveJob implements RunningJob {
  readonly record: JobRecord;
  readonly #verb: Verb;
  readonly #around: JobDeps;
  readonly #controller = new AbortController();
  readonly #meter: ProgressMeter;
  readonly #startedAt: number;
  /** When it last came further, on the monotonic clock. */
  #movedAt: number;
  /** What its verb committed; undefined before, and for kinds without a result. */
  result: JobResults[JobKind] = undefined;
  #irrevocable = false;
  #ended = false;

  constructor(record: JobRecord, verb: Verb, around: JobDeps) {
    this.record = record;
    this.#verb = verb;
    this.#around = around;
    this.#startedAt = around.clock.monotonic();
    this.#movedAt = this.#startedAt;
    this.#meter = new ProgressMeter(this.#startedAt);
    this.#meter.enter(record.phase);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** True once its final state is stored; its verb may still be cleaning up. */
  get ended(): boolean {
    return this.#ended;
  }

  /** How long it has run. */
  get seconds(): number {
    return (this.#around.clock.monotonic() - this.#startedAt) / 1000;
  }

  /** Milliseconds since it entered a phase, or got a byte or a file further. */
  get stillFor(): number {
    return this.#around.clock.monotonic() - this.#movedAt;
  }

  /** Time in which the whole process stood still, such as in a suspended machine, does not count against the job. */
  excuse(milliseconds: number): void {
    this.#movedAt = Math.min(this.#around.clock.monotonic(), this.#movedAt + milliseconds);
  }

  get progressNow(): JobProgress {
    return this.#meter.current();
  }

  phase(name: string): void {
    throwIfAborted(this.signal, this.#doing());
    // After the commit a verb may still name its cleaning up; the row has its final state by then.
    if (!this.#ended) this.#around.catalogue.jobs.setPhase(this.record.id, name);
    this.#meter.enter(name);
    this.#movedAt = this.#around.clock.monotonic();
    if (!this.#ended) this.#publishProgress();
  }

  progress(progress: ArchiveProgress): void {
    if (this.#ended) return;
    const now = this.#around.clock.monotonic();
    const { bytesDone, filesDone } = this.#meter.current();
    // Progress is reported at intervals even by a job that hangs, so only higher numbers count as movement.
    if (progress.bytesDone > bytesDone || progress.filesDone > filesDone) this.#movedAt = now;
    if (this.#meter.update(progress, now)) this.#publishProgress();
  }

  rates(node: { readonly readLimit: number; readonly writeLimit: number }): { read: number; write: number } {
    const { readLimit, writeLimit } = this.#around.ratesOf(this.record.id);
    const sharing = this.#around.sharing();
    return { read: readLimit ?? node.readLimit / sharing, write: writeLimit ?? node.writeLimit / sharing };
  }

  passPointOfNoReturn(): void {
    throwIfAborted(this.signal, this.#doing());
    this.#irrevocable = true;
  }

  commit(write: () => readonly PendingEvent[], result: JobResults[JobKind]): void {
    throwIfAborted(this.signal, this.#doing());
    const { catalogue, clock, events, withRoom } = this.#around;
    const store = (): readonly PendingEvent[] =>
      catalogue.transaction(() => {
        const pending = write();
        endJob(this.record, null, { catalogue, clock }, keptResult(result));
        return pending;
      });
    // The work of hours would be undone for want of a few bytes.
    const published = withRoom(store);
    this.#meter.complete();
    this.#publishProgress();
    this.#ended = true;
    this.result = result;
    for (const event of published) events.publish(event);
    this.#around.changed(this.record.server);
  }

  /** False when it is too late: the job has ended, or passed its point of no return. */
  abort(reason: Failure): boolean {
    if (this.#ended || this.#irrevocable) return false;
    this.#controller.abort(reason);
    return true;
  }

  /** Stores that the job failed, once its verb has given up. Throws when that cannot be stored. */
  fail(failure: Failure): void {
    this.#ended = true;
    storeFailure(this.record, this.#verb, failure, this.#around);
  }

  /** Why the job ended. After an abort that is the abort's reason, whatever error the verb threw because of it. */
  failureOf(error: unknown): Failure {
    const reason: unknown = this.signal.reason;
    return reason instanceof Failure ? reason : asFailure(error, this.#doing());
  }

  #doing(): string {
    return `Cannot finish the ${this.record.kind} job`;
  }

  #publishProgress(): void {
    if (this.#verb.events === undefined) return;
    const { server, backup, id: job } = this.record;
    const data = { ...this.#meter.current() };
    this.#around.events.publish({ type: this.#verb.events.progress, server, backup, job, data });
  }
}

/** What the row keeps: numbers and times, without lists. */
function keptResult(result: JobResults[JobKind]): JobResult | undefined {
  if (result === undefined) return undefined;
  if (isOfVerification(result)) {
    const { index } = result;
    return index === undefined ? undefined : { index: index.found, indexTakenFrom: index.takenFrom };
  }
  const { warningCount, undoUntil, counts, dryRun } = result;
  return { ...counts, ...dryRun?.counts, ...(dryRun === undefined ? {} : { dryRun: true }), warningCount, undoUntil };
}

function isOfVerification(result: JobResults['restore'] | JobResults['verify']): result is JobResults['verify'] {
  return !('warningCount' in result);
}

/** Stores that a job failed or was cancelled, with what its verb changes in that case, and publishes the events. */
export function storeFailure(record: JobRecord, verb: Verb, failure: Failure, around: JobDeps): void {
  const published = around.catalogue.transaction(() => {
    const events = verb.failed(record, failure);
    endJob(record, failure, around);
    return events;
  });
  for (const event of published) around.events.publish(event);
  around.changed(record.server);
}
