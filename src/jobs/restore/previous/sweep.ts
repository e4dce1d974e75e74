/**
 * Removes what restores leave behind: stages without a row (killed or cancelled before the point of no return, so they
 * hold none of the server's files), and expired previous trees.
 */
import { Failure } from '../../../base/failure.ts';
import { statChild } from '../../../base/files/handles.ts';
import type { PlanRecord } from '../../../catalogue/records.ts';
import type { GameServer } from '../../../servers/registry.ts';
import {
  findStages,
  removeStageAt,
  RESTORE_TREES,
  Stage,
  stagesApart,
  type StrayStage,
} from '../../../servers/stage/stage.ts';
import { KEEP, type KeepRules, KeepScan } from '../../../servers/swap/swap.ts';
import type { RestoreDeps } from '../deps.ts';
import { restorePlanOf } from '../plan.ts';
import { previousDirectories } from './previous.ts';
import { startAgain } from '../stop.ts';

/**
 * Searches in and beside every server. Never rejects.
 *
 * @param mayGo false for stages of restores that run; without it, none may run.
 */
export async function removeStrays(
  deps: RestoreDeps,
  mayGo: (stray: StrayStage) => boolean = () => true,
): Promise<void> {
  const seen = new Set<string>();
  for (const server of await deps.registry.list()) {
    for (const stray of findStages(server.path)) {
      const path = `${stray.location.directory}/${stray.location.name}`;
      if (seen.has(path)) continue;
      seen.add(path);
      if (!mayGo(stray)) continue;
      await removeStray(stray, server, deps);
    }
  }
}

/** Searches the directories of previous trees. Safe to call at any time. Never rejects. */
export async function sweepPrevious(deps: RestoreDeps): Promise<void> {
  for (const record of deps.catalogue.plans.list({ state: 'kept' })) await removeExpired(record, deps);
  const [near] = await deps.registry.list();
  if (near === undefined) return;
  for (const stray of previousDirectories(deps.config).flatMap(stagesApart)) await removeStray(stray, near, deps);
}

async function removeExpired(record: PlanRecord, deps: RestoreDeps): Promise<void> {
  try {
    const plan = restorePlanOf(record);
    const expired = plan.keep !== null && plan.keep.until <= deps.clock.now();
    if (!expired || plan.undoneBy !== null || deps.running.has(record.job)) return;
    deps.catalogue.plans.advance(record.job, 'kept', 'cleaning');
    // One that could not be moved away lies in or beside its server: the next sweep removes it as any stage there.
    if (plan.location.place !== 'apart') return;
    await removeStageAt(plan.location);
    deps.catalogue.plans.delete(record.job);
  } catch (error) {
    deps.log.warn('Cannot remove a previous tree whose time is over', { job: record.job, error });
  }
}

/** @param near the server it was found at, used when its job is unknown. */
async function removeStray(stray: StrayStage, near: GameServer, deps: RestoreDeps): Promise<void> {
  if (deps.catalogue.plans.find(stray.job) !== undefined) return;
  try {
    await removeUnknown(stray, near, deps);
  } catch (error) {
    const { directory, name } = stray.location;
    deps.log.error('Cannot remove the stage of an interrupted restore', { path: `${directory}/${name}`, error });
  }
}

async function removeUnknown(stray: StrayStage, near: GameServer, deps: RestoreDeps): Promise<void> {
  const job = deps.catalogue.jobs.find(stray.job);
  const server = job === undefined ? near : await deps.registry.get(job.server);
  const stage = Stage.reopen(server.path, stray.location);
  if (stage === undefined) return;
  if (await holdsFiles(stage)) {
    stage.close();
    const problem = 'Cannot remove a stage that the catalogue knows nothing of: files were set aside in it';
    const hint = 'Look at "old" in it. Remove the stage by hand when what is there is not needed any more.';
    throw new Failure('internal', problem, { hint });
  }
  await startAgain(server, stage, deps);
  await stage.remove();
}

/**
 * True when server files were already moved into the stage. Without a row, that means the row was lost: before a swap
 * there are only empty directories.
 */
async function holdsFiles(stage: Stage): Promise<boolean> {
  const name = RESTORE_TREES.outgoing;
  if (statChild(stage.handle, name) === undefined) return false;
  return new KeepScan().holds(stage.handle, name, name, keepFiles);
}

const keepFiles: KeepRules = {
  child: (_, directory) => (directory ? { keep: false, mixed: true } : KEEP),
  enter: () => keepFiles,
};
