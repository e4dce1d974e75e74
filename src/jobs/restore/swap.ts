/**
 * Steps 5 to 8, shared by restore, undo and recovery. The order of writes, and what a crash after each means:
 *
 *   plan file flushed in the stage        nothing moved: the stage is removed
 *   row stored (swapping, forward)        the point of no return: the next start does the renames
 *   renames, then directories flushed     the same; completed renames are recognised
 *   server looked at, killed if it runs   the same; a restart is noted in the stage first
 *   row advanced and job done, at once    the stage is removed, or moved to the previous trees
 *   stage removed, its parent flushed     the row is deleted
 *   row deleted                           nothing is left to do
 *
 * The row goes only after the stage is gone from the disk. A power cut would else bring the stage back without a row,
 * and recovery never removes such a stage: it holds the old tree.
 *
 * When a rename fails, the row is set to `back` before the first rename is undone, so a crash continues in that direction.
 */
import { asFailure, Failure } from '../../base/failure.ts';
import type { JobRecord, PlanRecord } from '../../catalogue/records.ts';
import type { GameServer } from '../../servers/registry.ts';
import type { Stage } from '../../servers/stage/stage.ts';
import { readPlan, swap } from '../../servers/swap/swap.ts';
import { failureEvent } from '../stored/backup-facts.ts';
import { endJob } from '../runner/job-end.ts';
import type { RestoreDeps } from './deps.ts';
import { outcomeOf, type RestorePlan, restorePlanOf } from './plan.ts';
import { keepStage, settleUndone } from './previous/previous.ts';
import { endStarted, startAgain } from './stop.ts';
import type { PendingEvent, RunningJob } from '../runner/verb.ts';

/** A swap with a stored row. */
export interface StoredSwap {
  readonly record: PlanRecord;
  readonly plan: RestorePlan;
  readonly stage: Stage;
  readonly server: GameServer;
}

/**
 * Step 6. Does the renames; when one fails, undoes the completed ones.
 *
 * @param job undefined when recovery continues a job of the last run.
 * @throws Failure with the reason; the old tree is back and the stage is removed, unless its hint says otherwise.
 */
export async function changeOver(job: RunningJob | undefined, stored: StoredSwap, deps: RestoreDeps): Promise<void> {
  setPhase(job, 'swapping', deps);
  try {
    await move(stored, 'forward', deps);
    deps.onStep?.('swapped');
  } catch (error) {
    throw await goBack(stored, asFailure(error, 'Cannot swap in the restored files'), deps);
  }
}

/** Past the point of no return, a phase that cannot be stored (full disk) must not stop the swap. */
function setPhase(job: RunningJob | undefined, phase: string, deps: RestoreDeps): void {
  try {
    job?.phase(phase);
  } catch (error) {
    deps.log.warn('Cannot store the phase of a restore', { job: job?.record.id, phase, error });
  }
}

/** Reverses the swap. @returns the failure that ends the job. */
export async function goBack(stored: StoredSwap, reason: Failure, deps: RestoreDeps): Promise<Failure> {
  const { record, plan } = stored;
  try {
    const back: RestorePlan = { ...plan, direction: 'back', failure: reason.toJSON() };
    deps.catalogue.plans.advance(record.job, 'swapping', 'swapping', back);
    await endBack({ ...stored, plan: back }, deps);
    return reason;
  } catch (error) {
    stored.stage.close();
    deps.log.error('Cannot undo a swap that failed', { job: record.job, server: record.server, error });
    return new Failure(reason.code, reason.message, {
      cause: error,
      facts: reason.facts,
      hint: `The change-over could neither be finished nor undone; the next start of Roost goes on with it. ${reason.hint ?? ''}`,
    });
  }
}

/** Undoes the renames of a swap whose row says `back`, and removes its stage and row. */
export async function endBack(stored: StoredSwap, deps: RestoreDeps): Promise<void> {
  await move(stored, 'back', deps);
  await startAgain(stored.server, stored.stage, deps);
  if (stored.plan.undoes === null) await stored.stage.remove();
  else await settleUndone(stored.plan.undoes, stored.stage, deps);
  deps.catalogue.plans.delete(stored.record.job);
}

async function move({ plan, stage, record, server }: StoredSwap, direction: 'forward' | 'back', deps: RestoreDeps) {
  await swap(stage.openTrees(plan.trees), readPlan(stage.handle, plan.file), {
    direction,
    onRename: () => deps.onStep?.('renamed'),
    onMetadata: (path, error) => {
      deps.log.warn('Cannot set the metadata of a directory', { job: record.job, path, error });
    },
  });
  await endStarted(server, stage, deps);
}

/**
 * Writes the commit of a swap; call it inside the transaction that ends the job.
 *
 * @returns the event that reports it.
 */
export function commitSwap(record: PlanRecord, plan: RestorePlan, deps: RestoreDeps): readonly PendingEvent[] {
  const { plans } = deps.catalogue;
  if (plan.undoes !== null) plans.delete(plan.undoes);
  for (const kept of plans.list({ server: record.server, state: 'kept' })) {
    plans.advance(kept.job, 'kept', 'kept', { ...restorePlanOf(kept), superseded: true });
  }
  plans.advance(record.job, 'swapping', plan.keep === null ? 'cleaning' : 'kept', plan);
  const { server, job } = record;
  return [{ type: 'restore.completed', server, backup: plan.backup, job, data: plan.result }];
}

/**
 * Step 7. Commits, or reverses the swap when the catalogue refuses: a failed job must leave the server unchanged.
 *
 * @param seconds that the job has run.
 * @throws Failure with the reason.
 */
export async function commitOrGoBack(
  job: RunningJob<'restore'>,
  stored: StoredSwap,
  seconds: number,
  deps: RestoreDeps,
): Promise<void> {
  try {
    job.commit(() => commitSwap(stored.record, stored.plan, deps), outcomeOf(stored.plan.result, seconds));
  } catch (error) {
    throw await goBack(stored, asFailure(error, 'Cannot store that the restore is done'), deps);
  }
}

/** Step 8: starts the server and cleans up. Never rejects; a later start retries what fails here. */
export async function finishCommitted(
  job: RunningJob | undefined,
  stored: StoredSwap,
  deps: RestoreDeps,
): Promise<void> {
  const { record, plan, stage, server } = stored;
  deps.onStep?.('committed');
  setPhase(job, 'cleaning', deps);
  try {
    await startAgain(server, stage, deps);
    deps.onStep?.('started');
    if (plan.keep === null) {
      await stage.remove();
      deps.onStep?.('removed');
      deps.catalogue.plans.delete(record.job);
    } else await keepStage(record, plan, stage, deps);
    deps.onStep?.('cleaned');
  } catch (error) {
    stage.close();
    deps.log.warn('Cannot clean up after a restore; the next start tries again', { job: record.job, error });
  }
}

/** Ends the job of a recovered restore, unless it has ended. */
export function endRecovered(
  job: JobRecord | undefined,
  failure: Failure | null,
  deps: RestoreDeps,
): readonly PendingEvent[] {
  if (job === undefined || job.endedAt !== null) return [];
  endJob(job, failure, deps);
  return failure === null ? [] : [failureEvent('restore.failed', job, failure)];
}
