/**
 * Ends the restores of the last run before a new job may touch a server:
 *
 *   swapping, forward   completes the renames: the job is done
 *   swapping, back      undoes the renames: the job failed, with the reason for going back
 *   kept, cleaning      moves or removes the stage
 *   no row              nothing was moved: starts the server, removes the stage, the job is interrupted
 *
 * Every step may be repeated. A restore that cannot be ended (its disk is away) is logged, and tried again at the next
 * start and before the next restore of that server.
 */
import { requireNoUnfinishedSwap } from '../stored/unfinished-swap.ts';
import { asFailure, Failure } from '../../base/failure.ts';
import type { JobId } from '../../base/ids.ts';
import type { JobRecord, PlanRecord } from '../../catalogue/records.ts';
import type { GameServer } from '../../servers/registry.ts';
import { isStageAt, removeStageAt, Stage, type StageLocation } from '../../servers/stage/stage.ts';
import { holdsPlan } from '../../servers/swap/swap.ts';
import type { RestoreDeps } from './deps.ts';
import { type RestorePlan, restorePlanOf } from './plan.ts';
import { keepStage, settleUndone } from './previous/previous.ts';
import { removeStrays, sweepPrevious } from './previous/sweep.ts';
import { changeOver, commitSwap, endBack, endRecovered, finishCommitted, type StoredSwap } from './swap.ts';
import { startAgain } from './stop.ts';
import type { PendingEvent } from '../runner/verb.ts';

export interface RecoverRestoresDeps extends RestoreDeps {
  /** False while the clock is in doubt: no previous tree is removed for its age then. */
  readonly canDelete?: () => boolean;
}

/** Call once at start, before any job runs. Never rejects for one restore, so the others are ended. */
export async function recoverRestores(deps: RecoverRestoresDeps): Promise<void> {
  for (const record of deps.catalogue.plans.list()) publish(await attempt(record, deps), deps);
  await removeStrays(deps);
  for (const job of deps.catalogue.jobs.active().filter(({ kind }) => kind === 'restore')) {
    const isHalfDone = deps.catalogue.plans.find(job.id)?.state === 'swapping';
    publish(
      deps.catalogue.transaction(() => endRecovered(job, isHalfDone ? halfDone() : interrupted(), deps)),
      deps,
    );
  }
  if (deps.canDelete?.() !== false) await sweepPrevious(deps);
}

function publish(events: readonly PendingEvent[], deps: RestoreDeps): void {
  for (const event of events) deps.events.publish(event);
}

/**
 * Removes stages that restores of this run could not remove at their end (an immutable file, a failing disk), and moves
 * previous trees away that could not be moved then. Safe to call at any time. Never rejects.
 */
export async function sweepRestores(deps: RestoreDeps): Promise<void> {
  const { plans } = deps.catalogue;
  const over = ({ job }: { readonly job: JobId }): boolean => !deps.running.has(job);
  const left = [...plans.list({ state: 'cleaning' }), ...plans.list({ state: 'kept' }).filter(isUnmoved)];
  for (const record of left.filter(over)) {
    // What is left of one restore starts its server, if it had stopped it: not under another that runs.
    const isRestored = deps.catalogue.jobs.active({ server: record.server }).some(({ kind }) => kind === 'restore');
    if (record.state === 'cleaning' || !isRestored) publish(await attempt(record, deps), deps);
  }
  await removeStrays(deps, (stray) => over(stray) && hasEnded(deps.catalogue.jobs.find(stray.job)));
}

/** A previous tree that lies in or beside its server still; one that is put back belongs to its undo. */
function isUnmoved(record: PlanRecord): boolean {
  const { location, undoneBy } = restorePlanOf(record);
  return location.place !== 'apart' && undoneBy === null;
}

/** Of a job that is not known here, the stage may be in use by another Roost. */
function hasEnded(job: JobRecord | undefined): boolean {
  return job !== undefined && job.endedAt !== null;
}

/**
 * Ends an earlier restore of the server that could not be ended before.
 *
 * @throws Failure `server_busy` when it still cannot be ended: the server is then half changed.
 */
export async function finishEarlier(server: GameServer, deps: RestoreDeps): Promise<void> {
  const unfinished = deps.catalogue.plans.list({ server: server.id, state: 'swapping' });
  for (const record of unfinished) publish(await attempt(record, deps), deps);
  requireNoUnfinishedSwap(server, deps);
}

async function attempt(record: PlanRecord, deps: RestoreDeps): Promise<readonly PendingEvent[]> {
  try {
    const plan = restorePlanOf(record);
    // The undo has a row of its own, which decides the end.
    if (plan.undoneBy !== null && deps.catalogue.plans.find(plan.undoneBy) !== undefined) return [];
    // The remains of a committed restore are removed even when its server is gone.
    if (record.state === 'cleaning') {
      await clean(record, plan, deps);
      return [];
    }
    const server = await deps.registry.get(record.server);
    const stage = reopenStage(server, plan);
    if (stage === undefined) return stageIsGone(record, deps);
    try {
      return await resume({ record, plan, stage, server }, deps);
    } catch (error) {
      // It is opened again by the next try.
      stage.close();
      throw error;
    }
  } catch (error) {
    const { job, server } = record;
    deps.log.error('Cannot end a restore; it is tried again later', { job, server, error });
    return [];
  }
}

/** The stage removes its restart note last, so the note is still reliable. */
async function clean(record: PlanRecord, plan: RestorePlan, deps: RestoreDeps): Promise<void> {
  const server = (await deps.registry.list()).find(({ id }) => id === record.server);
  const stage = server === undefined ? undefined : Stage.reopen(server.path, plan.location);
  if (server !== undefined && stage !== undefined) {
    await startAgain(server, stage, deps);
    await stage.remove();
  } else await removeStageAt(plan.location);
  deps.catalogue.plans.delete(record.job);
}

/**
 * Opens the stage of a stored swap again, also where it was moved to before that was stored; undefined when it is missing.
 *
 * @throws Failure `internal` when its plan is damaged, `server_not_found`; the system error.
 */
export function reopenStage(server: GameServer, plan: RestorePlan): Stage | undefined {
  const isRight = (stage: number): boolean => holdsPlan(stage, plan.file);
  const { location, keep } = plan;
  const apart = keep === null ? [] : [{ ...location, place: 'apart' as const, directory: keep.directory }];
  const places = [location, ...apart];
  for (const place of places) {
    const found = Stage.reopen(server.path, place, isRight);
    if (found !== undefined) return found;
  }
  if (places.some(isStageAt)) throw planIsDamaged(location);
  return undefined;
}

/** Continues from the state of the row. */
async function resume(stored: StoredSwap, deps: RestoreDeps): Promise<readonly PendingEvent[]> {
  if (stored.record.state !== 'swapping') {
    await resumeKept(stored, deps);
    return [];
  }
  const job = deps.catalogue.jobs.find(stored.record.job);
  return stored.plan.direction === 'back' ? resumeBack(stored, job, deps) : resumeForward(stored, job, deps);
}

async function resumeForward(
  stored: StoredSwap,
  job: JobRecord | undefined,
  deps: RestoreDeps,
): Promise<readonly PendingEvent[]> {
  try {
    await changeOver(undefined, stored, deps);
  } catch (error) {
    const failure = asFailure(error, 'Cannot swap in the restored files');
    return deps.catalogue.transaction(() => endRecovered(job, failure, deps));
  }
  const events = deps.catalogue.transaction(() => [
    ...commitSwap(stored.record, stored.plan, deps),
    ...endRecovered(job, null, deps),
  ]);
  await finishCommitted(undefined, stored, deps);
  return events;
}

async function resumeBack(
  stored: StoredSwap,
  job: JobRecord | undefined,
  deps: RestoreDeps,
): Promise<readonly PendingEvent[]> {
  await endBack(stored, deps);
  const { failure } = stored.plan;
  const reason = failure === null ? interrupted() : Failure.revive(failure);
  return deps.catalogue.transaction(() => endRecovered(job, reason, deps));
}

async function resumeKept({ record, plan, stage, server }: StoredSwap, deps: RestoreDeps): Promise<void> {
  await startAgain(server, stage, deps);
  if (plan.undoneBy !== null) await settleUndone(record.job, stage, deps);
  else await keepStage(record, plan, stage, deps);
}

/** The stage was removed from outside. A committed restore lost only its previous tree; a half-done one cannot continue. */
function stageIsGone(record: PlanRecord, deps: RestoreDeps): readonly PendingEvent[] {
  const { server, job } = record;
  if (record.state !== 'swapping') {
    deps.catalogue.plans.delete(job);
    return [];
  }
  deps.log.error('Cannot finish a restore: its stage was removed, and its server is half changed', { server, job });
  const problem = 'Cannot finish the restore: its stage was removed while it was half done';
  const failure = new Failure('interrupted', problem, { hint: 'Restore again.' });
  return deps.catalogue.transaction(() => {
    deps.catalogue.plans.delete(job);
    return endRecovered(deps.catalogue.jobs.find(job), failure, deps);
  });
}

function planIsDamaged({ directory, name }: StageLocation): Failure {
  return new Failure('internal', `Cannot go on with the swap: the plan in ${directory}/${name} is damaged`, {
    hint: 'In that directory, "old" has what was set aside, "new" what was to come: move it back by hand, and remove it.',
  });
}

function interrupted(): Failure {
  return new Failure('interrupted', 'Cannot finish the restore: the daemon ended while it was queued or ran', {
    hint: 'Start it again; nothing of the server was changed.',
    retry: true,
  });
}

/** Of a swap that could not be ended at this start, for a reason that is in the log. */
function halfDone(): Failure {
  return new Failure('interrupted', 'Cannot finish the restore: the daemon ended while it swapped the files', {
    hint: 'The server may be half changed. The log says why it cannot go on; the next start, or the next restore of this server, tries again.',
  });
}
