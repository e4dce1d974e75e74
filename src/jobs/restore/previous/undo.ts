/**
 * Undo: puts back the previous tree of a restore, by the same crash-safe swap reversed. What the restore brought in is
 * removed, with later changes to it; paths that the restore did not touch stay as they are. Possible until the previous
 * tree expires, and only while no later restore has changed the server.
 */
import type { Clock } from '../../../base/clock.ts';
import { asFailure, Failure } from '../../../base/failure.ts';
import { SliceTimer } from '../../../base/files/handle-writes.ts';
import { printable, wirePath } from '../../../base/files/paths.ts';
import type { BackupId, ServerId } from '../../../base/ids.ts';
import type { Catalogue } from '../../../catalogue/contract.ts';
import type { PlanRecord } from '../../../catalogue/records.ts';
import type { GameServer } from '../../../servers/registry.ts';
import { type Stage, UNDO_TREES } from '../../../servers/stage/stage.ts';
import { invertPlan, type PlanFile, PlanWriter, readPlan } from '../../../servers/swap/swap.ts';
import { startStopped } from '../abandon.ts';
import type { RestoreDeps } from '../deps.ts';
import { keepWarnings } from '../../stored/backup-facts.ts';
import { FRESH_PLAN, NOT_STOPPED, type RestorePlan, restorePlanOf, storePlan } from '../plan.ts';
import { fixedPaths } from '../plan-file.ts';
import { settleUndone, UNDO_PLAN } from './previous.ts';
import { finishEarlier, reopenStage } from '../recovery.ts';
import { knownState, MOST_STOPS, startedAgain, stopIfStarted, stopServer } from '../stop.ts';
import { changeOver, commitOrGoBack, finishCommitted, type StoredSwap } from '../swap.ts';
import type { RunningJob } from '../../runner/verb.ts';

/** A restore whose previous tree is kept. */
interface Kept {
  readonly record: PlanRecord;
  readonly plan: RestorePlan;
}

/**
 * Runs an undo: swaps the previous tree back in, by the steps of any restore from the plan on.
 *
 * @throws Failure with the reason; the server then has the tree from before the call. `cancelled` only before the swap.
 */
export async function runUndo(job: RunningJob<'restore'>, deps: RestoreDeps): Promise<void> {
  const startedAt = deps.clock.monotonic();
  job.phase('fetching');
  const server = await deps.registry.get(job.record.server);
  await finishEarlier(server, deps);
  const kept = markKept(job, deps);
  const stored = await prepare(job, kept, server, deps);
  await changeOver(job, stored, deps);
  await commitOrGoBack(job, stored, Math.round(deps.clock.monotonic() - startedAt) / 1000, deps);
  await finishCommitted(job, stored, deps);
}

type KeptDeps = { readonly catalogue: Pick<Catalogue, 'plans'>; readonly clock: Pick<Clock, 'now'> };

/**
 * The newest restore of this backup with a kept previous tree.
 *
 * @throws Failure `path_not_found` when there is none; `invalid_request` when a later restore changed the server.
 */
export function requireKept(server: ServerId, backup: BackupId, { catalogue, clock }: KeptDeps): Kept {
  const kept = keptOf(server, catalogue).findLast(({ plan }) => plan.backup === backup);
  if (kept === undefined || (kept.plan.keep?.until ?? 0) <= clock.now()) throw nothingKept();
  if (kept.plan.superseded) throw superseded();
  return kept;
}

/** The restore of a server that can be undone now, and until when (ms); undefined when there is none. */
export function undoable(
  server: ServerId,
  { catalogue, clock }: KeptDeps,
): { readonly backup: BackupId; readonly until: number } | undefined {
  for (const { plan } of keptOf(server, catalogue).reverse()) {
    const { backup, keep, superseded: isSuperseded, undoneBy } = plan;
    if (keep !== null && keep.until > clock.now() && !isSuperseded && undoneBy === null) {
      return { backup, until: keep.until };
    }
  }
  return undefined;
}

function keptOf(server: ServerId, { plans }: KeptDeps['catalogue']): Kept[] {
  return plans.list({ server, state: 'kept' }).map((record) => ({ record, plan: restorePlanOf(record) }));
}

/** The tree that an undo puts back, marked so that it does not expire meanwhile. @throws as `requireKept`. */
function markKept(job: RunningJob, deps: RestoreDeps): Kept {
  const { server, backup, id } = job.record;
  const kept = requireKept(server, backup, deps);
  const plan = { ...kept.plan, undoneBy: id };
  return { record: deps.catalogue.plans.advance(kept.record.job, 'kept', 'kept', plan), plan };
}

async function prepare(job: RunningJob, kept: Kept, server: GameServer, deps: RestoreDeps): Promise<StoredSwap> {
  const stage = openKept(kept, server, deps);
  try {
    await requireUntouched(stage, kept.plan, server, deps);
    job.phase('stopping');
    await knownState(server, deps, job.signal);
    await stopServer(server, stage, deps, job.signal);
    deps.onStep?.('stopped');
    job.phase('planning');
    const file = await planStopped(stage, kept.plan, server, job, deps);
    const plan = undoPlan(kept, stage, file, deps.power.unmanaged === true);
    const record = storePlan(job, plan, deps);
    deps.onStep?.('stored');
    return { record, plan, stage, server };
  } catch (error) {
    await giveUp(job, kept, { server, stage }, deps);
    throw error;
  }
}

/** Plans for a server that is stopped, before and after. */
async function planStopped(
  stage: Stage,
  plan: RestorePlan,
  server: GameServer,
  { signal }: RunningJob,
  deps: RestoreDeps,
): Promise<PlanFile> {
  for (let stops = 0; stops <= MOST_STOPS; stops++) {
    const file = await writeUndoPlan(stage, plan);
    deps.onStep?.('planned');
    if (!(await stopIfStarted(server, stage, deps, signal))) return file;
  }
  throw startedAgain();
}

function openKept({ record, plan }: Kept, server: GameServer, deps: RestoreDeps): Stage {
  const { plans } = deps.catalogue;
  let stage: Stage | undefined;
  try {
    stage = reopenStage(server, plan);
  } catch (error) {
    plans.advance(record.job, 'kept', 'kept', { ...plan, undoneBy: null });
    throw asFailure(error, 'Cannot open the previous tree of the restore');
  }
  if (stage !== undefined) return stage;
  plans.delete(record.job);
  throw nothingKept();
}

/**
 * The steps are those of the restore, so a store, mount or server that came to lie in the restored files since would go
 * with them.
 *
 * @throws Failure `invalid_request` with its path.
 */
async function requireUntouched(stage: Stage, plan: RestorePlan, server: GameServer, deps: RestoreDeps): Promise<void> {
  const fixed = await fixedPaths(server, stage.live, deps);
  if (fixed.length === 0) return;
  const timer = new SliceTimer();
  for (const step of readPlan(stage.handle, plan.file)) {
    await timer.giveWay();
    if (step.kind !== 'exchange' || !step.in) continue;
    const path = fixed.find((each) => each === step.path || each.startsWith(`${step.path}/`));
    if (path === undefined) continue;
    throw new Failure('invalid_request', `Cannot undo: ${printable(path)} would go with what the restore brought in`, {
      facts: { path: wirePath(path) },
      hint: 'A store, a mount or another server lies there by now. Move it away, or restore a backup instead.',
    });
  }
}

/** Writes the steps of the restore reversed, as far as they were done. */
async function writeUndoPlan(stage: Stage, plan: RestorePlan): Promise<PlanFile> {
  for (const part of [UNDO_PLAN, UNDO_TREES.outgoing]) await stage.removePart(part);
  stage.makeTree(UNDO_TREES.outgoing);
  stage.makeTree('extra');
  const trees = stage.openTrees(UNDO_TREES);
  const writer = new PlanWriter(stage.handle, UNDO_PLAN);
  let planned = false;
  try {
    for await (const step of invertPlan(trees, readPlan(stage.handle, plan.file))) writer.add(step);
    planned = true;
  } finally {
    if (!planned) writer.abandon();
  }
  const file = await writer.finish();
  await stage.sync();
  return file;
}

function undoPlan({ record, plan }: Kept, { location }: Stage, file: PlanFile, unmanaged: boolean): RestorePlan {
  const { backup } = plan;
  const undoes = record.job;
  const warned = unmanaged ? { warnings: keepWarnings([NOT_STOPPED]), warningCount: 1 } : {};
  const result = { undo: true, ...warned };
  return { ...FRESH_PLAN, backup, location, trees: UNDO_TREES, file, undoes, keep: null, result };
}

/**
 * The undo failed before its swap: the server runs again, and the kept tree is as it was. When a plan row of this job is
 * stored, or that cannot be determined, it changes nothing, and the next start continues.
 */
async function giveUp(
  { record }: RunningJob,
  kept: Kept,
  { server, stage }: Pick<StoredSwap, 'server' | 'stage'>,
  deps: RestoreDeps,
): Promise<void> {
  try {
    if (deps.catalogue.plans.find(record.id) !== undefined) return;
    await startStopped(server, stage, deps);
    await settleUndone(kept.record.job, stage, deps);
  } catch (error) {
    const failure = asFailure(error, 'Cannot tidy up after an undo that failed');
    deps.log.error(failure.message, { job: kept.record.job, error });
  } finally {
    stage.close();
  }
}

function nothingKept(): Failure {
  return new Failure('path_not_found', 'Cannot undo: no previous tree of a restore of this backup is kept', {
    hint: 'A restore keeps it when it is asked to (keepPrevious), for the hours that were given.',
  });
}

function superseded(): Failure {
  return new Failure('invalid_request', 'Cannot undo: a later restore has changed the server', {
    hint: 'Restore another backup.',
  });
}
