/** Ends a restore that failed or was cancelled before its swap: the server runs again, and its stage is gone. */
import { setTimeout as wait } from 'node:timers/promises';
import type { GameServer } from '../../servers/registry.ts';
import { removeStageAt, type Stage } from '../../servers/stage/stage.ts';
import type { RunningJob } from '../runner/verb.ts';
import type { RestoreDeps } from './deps.ts';
import { moveApart } from './previous/previous.ts';
import { startAgain } from './stop.ts';

/** Time for a cancelled stop to settle before the start; a cancelled job has two seconds in all. */
const SETTLE_MS = 1000;
const POLL_MS = 100;
/** Time for a cancelled job to remove what it unpacked. */
const REMOVE_MS = 300;

/**
 * Starts the server if it was stopped, then removes and closes the stage. Never rejects. When a plan row of this job is
 * stored, or that cannot be determined, it changes nothing, and the next start continues.
 *
 * A cancelled job must end soon: its stage is moved away first, and the sweep removes what remains.
 */
export async function abandonStage(
  { record, signal }: RunningJob,
  server: GameServer,
  stage: Stage,
  deps: RestoreDeps,
): Promise<void> {
  try {
    if (deps.catalogue.plans.find(record.id) !== undefined) return stage.close();
    await startStopped(server, stage, deps);
    if (signal.aborted) await removeSoon(stage, deps);
    else await stage.remove();
  } catch (error) {
    deps.log.error('Cannot remove the stage of a restore; the next start tries again', { server: server.id, error });
  }
}

/** Starts the server if it was stopped for a job that ends before its swap, perhaps half-way. Never rejects. */
export async function startStopped(server: GameServer, stage: Stage, deps: RestoreDeps): Promise<void> {
  if (stage.restartNoted) await settle(server, deps);
  await startAgain(server, stage, deps);
}

async function removeSoon(stage: Stage, deps: RestoreDeps): Promise<void> {
  // The server runs again; without this, recovery would start it once more.
  await stage.removePart('restart');
  const location = moveApart(stage, deps.config);
  if (location === undefined) return stage.remove();
  stage.close();
  const until = deps.clock.monotonic() + REMOVE_MS;
  const outOfTime = new Error('left to the sweep');
  try {
    await removeStageAt(location, () => {
      if (deps.clock.monotonic() > until) throw outOfTime;
    });
  } catch (error) {
    if (error !== outOfTime) throw error;
  }
}

/** Many server programs accept a start while they are still stopping. */
async function settle(server: GameServer, deps: RestoreDeps): Promise<void> {
  // Include the time of each query: a panel can take seconds to answer.
  const over = AbortSignal.timeout(SETTLE_MS);
  while (!over.aborted) {
    const state = await deps.power.state(server, over).catch(() => 'running' as const);
    if (state === 'stopped') return;
    await wait(POLL_MS, undefined, { signal: over }).catch(() => undefined);
  }
}
