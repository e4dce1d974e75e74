/** Stages without a row: a restore was killed before its point of no return, so nothing of the server is in them. */
import type { GameServer } from '../servers/registry.ts';
import { Stage } from '../servers/stage.ts';
import type { StrayStage } from '../servers/stage-strays.ts';
import { findStages, stagesApart } from '../servers/stage-strays.ts';
import { statChild } from '../base/handles.ts';
import type { RestoreDependencies } from './restore-deps.ts';
import { RESTORE_PLAN } from './restore-plan-file.ts';
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
  if (job === undefined && statChild(stage.handle, RESTORE_PLAN) !== undefined) {
    // The catalogue was lost, and with it the word on whether the swap had begun: what is in there may be the server's.
    stage.close();
    deps.log.error('A stage holds a plan that the catalogue knows nothing of; it was left alone', {
      path: `${stray.location.directory}/${stray.location.name}`,
      hint: 'Look at "old" in it: what is there was set aside. Remove the stage by hand when it is not needed.',
    });
    return;
  }
  await startAgain(server, stage, deps);
  await stage.remove();
}
