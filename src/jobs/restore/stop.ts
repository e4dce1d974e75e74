/** Stopping a server for a restore, and letting it go again when the restore comes to nothing. */
import { setTimeout as wait } from 'node:timers/promises';
import type { GameServer } from '../../servers/registry.ts';
import { removeStageAt, type Stage } from '../../servers/stage/stage.ts';
import type { RestoreDeps } from './deps.ts';
import type { RunningJob } from '../runner/verb.ts';
import { moveApart } from './previous.ts';
import { startAgain } from './swap.ts';

/** How long a start waits for a stop that was cancelled half-way: a cancelled job has two seconds in all. */
const SETTLE_MS = 1000;
const POLL_MS = 100;
/** How long a cancelled job may go on removing what it had unpacked. */
const REMOVE_MS = 300;

/**
 * Stops the server when it runs, after a note in the stage that it has to be started again.
 *
 * @throws Failure `server_busy` when it does not stop; nothing of it was touched.
 */
export async function stopServer(
  server: GameServer,
  stage: Stage,
  deps: RestoreDeps,
  signal: AbortSignal,
): Promise<void> {
  if ((await deps.power.state(server, signal)) === 'stopped') return;
  await stage.noteRestart();
  await deps.power.stop(server, signal);
}

/**
 * Starts the server if it was stopped, then removes the stage and closes it. Never rejects. Leaves all as it is when a
 * row of this job is stored, or that cannot be told: the next start goes on from there.
 *
 * When the job was cancelled, somebody waits for the end: a large stage is moved out of the way then, and what
 * cannot be removed at once is left to the sweep.
 */
export async function abandonStage(
  { record, signal }: RunningJob,
  server: GameServer,
  stage: Stage,
  deps: RestoreDeps,
): Promise<void> {
  try {
    if (deps.catalogue.plans.find(record.id) !== undefined) return stage.close();
    if (stage.restartNoted) await settle(server, deps);
    await startAgain(server, stage, deps);
    if (signal.aborted) await removeSoon(stage, deps);
    else await stage.remove();
  } catch (error) {
    deps.log.error('Cannot remove the stage of a restore; the next start tries again', { server: server.id, error });
  }
}

async function removeSoon(stage: Stage, deps: RestoreDeps): Promise<void> {
  // The server runs again: whoever finds the stage later must not start it once more.
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

/** Many a program takes a start for done while the server is still on its way down. */
async function settle(server: GameServer, deps: RestoreDeps): Promise<void> {
  // The asking counts too: a status program or a panel can take seconds for each answer.
  const over = AbortSignal.timeout(SETTLE_MS);
  while (!over.aborted) {
    const state = await deps.power.state(server, over).catch(() => 'running' as const);
    if (state === 'stopped') return;
    await wait(POLL_MS, undefined, { signal: over }).catch(() => undefined);
  }
}
