/**
 * How the runner and a verb meet. A verb (backup, restore, verify, delete) knows its own phases; the runner knows
 * order, locks, cancellation and that every job ends in exactly one final state.
 */
import type { ArchiveProgress } from '../../archive/entry.ts';
import type { Failure } from '../../base/failure.ts';
import type { JobKind, JobRecord } from '../../catalogue/records.ts';
import type { EventType, JobResults, RoostEvent } from '../contract.ts';

/** An event that is published after the commit of the transaction that it describes. */
export type PendingEvent<Type extends EventType = EventType> = {
  [T in Type]: Pick<RoostEvent<T>, 'type' | 'server' | 'backup' | 'job' | 'data'>;
}[Type];

/** A job while it runs, as its verb sees it. */
export interface RunningJob<Kind extends JobKind = JobKind> {
  /** As it was when it started. */
  readonly record: JobRecord<Kind>;
  /**
   * Fires on cancellation (`cancelled`) and when the drain deadline has passed (`interrupted`); its reason is that
   * `Failure`. The verb has to be over within two seconds then, with everything put back.
   */
  readonly signal: AbortSignal;
  /** Names what happens now; stored, so that a restart knows how far the job came. Throws when it was aborted. */
  phase(name: string): void;
  /**
   * Where the job is, counted over all its phases: a verb with several long phases adds them up. Called as often as
   * the verb likes: listeners see at most four a second, never going back.
   */
  progress(progress: ArchiveProgress): void;
  /**
   * MiB per second that the job may read and write now, 0 for no limit: what was asked for it alone, else its share of
   * the node's rates. To be asked again and again: it changes while the job runs.
   */
  rates(node: { readonly readLimit: number; readonly writeLimit: number }): {
    readonly read: number;
    readonly write: number;
  };
  /**
   * From here the job ends as `done` or by its own error: cancelling answers `not_running`, and a drain waits for it
   * past its deadline. Throws when it was aborted before. Keep what follows short.
   */
  passPointOfNoReturn(): void;
  /**
   * The job's success: runs `write` and marks the job done in one transaction, then sends the events that `write`
   * returned. Once per job; `write` runs again when the disk was full and its reserve gave room. Throws without having
   * changed anything when the job was aborted before its point of no return, or when the transaction fails: the verb then
   * undoes its work and rethrows.
   *
   * @param result what the caller of `submit` gets; none for kinds whose `JobResults` is void.
   */
  commit(write: () => readonly PendingEvent[], result: JobResults[Kind]): void;
}

/** One kind of job. Handed to the runner once; holds no state between jobs. */
export interface Verb<Kind extends JobKind = JobKind> {
  readonly kind: Kind;
  /** Types of the events that are published when its jobs start and progress; none without it. */
  readonly events?: {
    readonly started: 'backup.started' | 'restore.started' | 'verify.started';
    readonly progress: 'backup.progress' | 'restore.progress' | 'verify.progress';
  };
  /**
   * Does the work and calls `commit`. When the promise settles nothing of it runs any more; when it rejects, it has
   * removed or put back all that it had written. Work after `commit` (cleaning up) must not reject.
   */
  run(job: RunningJob<Kind>): Promise<void>;
  /**
   * What else changes when a job failed or was cancelled, also one that never started. Called inside the transaction
   * that ends the job, so catalogue writes only; the events go out after it.
   */
  failed(job: JobRecord<Kind>, failure: Failure): readonly PendingEvent[];
}
