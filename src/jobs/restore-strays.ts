/** Stages without a row: a restore was killed before its point of no return, so nothing of the server is in them. */
import { Failure } from '../base/failure.ts';
import { statChild } from '../base/handles.ts';
import type { GameServer } from '../servers/registry.ts';
import { RESTORE_TREES, Stage } from '../servers/stage.ts';
import type { StrayStage } from '../servers/stage-strays.ts';
import { findStages, stagesApart } from '../servers/stage-strays.ts';
import type { StayRules } from '../servers/swap-rules.ts';
import { STAYS } from '../servers/swap-rules.ts';
import { StayScan } from '../servers/swap-scan.ts';
import type { RestoreDependencies } from './restore-deps.ts';
import { previousDirectories } from './restore-previous.ts';
import { startAgain } from './restore-swap.ts';

/** Looks in and beside every server, and where previous trees are kept. Never rejects. */
export async function removeStrays(deps: RestoreDependencies): Promise<void> {
  const seen = new Set<string>();
  for (const server of await deps.registry.list()) {
    for (const stray of [...findStages(server.path), ...previousDirectories(deps.config).flatMap(stagesApart)]) {
      const path = `${stray.location.directory}/${stray.location.name}`;
      if (seen.has(path) || deps.catalogue.plans.find(stray.job) !== undefined) continue;
      seen.add(path);
      await removeStray(stray, server, deps).catch((error: unknown) => {
        deps.log.error('Cannot remove the stage of an interrupted restore', { path, error });
      });
    }
  }
}

/** @param near the server that it was found at; its own where the job is not known any more. */
async function removeStray(stray: StrayStage, near: GameServer, deps: RestoreDependencies): Promise<void> {
  const job = deps.catalogue.jobs.find(stray.job);
  const server = job === undefined ? near : await deps.registry.get(job.server);
  const stage = Stage.reopen(server.path, stray.location);
  if (stage === undefined) return;
  if (await holdsFiles(stage)) {
    stage.close();
    throw new Failure(
      'internal',
      'Cannot remove a stage that the catalogue knows nothing of: files were set aside in it',
      {
        hint: 'Look at "old" in it. Remove the stage by hand when what is there is not needed any more.',
      },
    );
  }
  await startAgain(server, stage, deps);
  await stage.remove();
}

/**
 * True when something was moved out of a server already. Without a row that can only be when the row was lost, with the
 * whole catalogue perhaps; before a swap there are empty directories at most.
 */
async function holdsFiles(stage: Stage): Promise<boolean> {
  const name = RESTORE_TREES.outgoing;
  if (statChild(stage.handle, name) === undefined) return false;
  return new StayScan().holds(stage.handle, name, name, filesStay);
}

const filesStay: StayRules = {
  child: (_, directory) => (directory ? { stays: false, mixed: true } : STAYS),
  enter: () => filesStay,
};
