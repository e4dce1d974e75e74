/**
 * Stops a server for a restore, and starts it again when the restore fails. What else starts servers cannot be locked
 * out (a start that its daemon had queued, the states that it saved, its own schedules), so the state is asked for again
 * before the point of no return and after the swap.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { Log } from '../../base/log/log.ts';
import { Failure, throwIfAborted } from '../../base/failure.ts';
import type { PowerState } from '../../servers/power/port.ts';
import type { GameServer } from '../../servers/registry.ts';
import type { Stage } from '../../servers/stage/stage.ts';
import type { RestoreDeps } from './deps.ts';

/** How often a daemon that is away is asked. */
const AWAY_MS = 1000;
/** A swapped server waits for this: longer ones are owed their end. */
const END_MS = 60_000;

/**
 * Stops the server if it runs, after a note in the stage that it must be started again.
 *
 * @throws Failure `server_busy` when it does not stop; its files are unchanged.
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
 * The state of the server. Waits, within the power driver's patience, while the daemon that knows it is away.
 *
 * @throws Failure `server_busy` when it cannot be found out; `cancelled` when aborted.
 */
export async function knownState(server: GameServer, deps: RestoreDeps, signal: AbortSignal): Promise<PowerState> {
  const { power, clock, log } = deps;
  const until = clock.monotonic() + (power.patienceMs ?? 0);
  for (;;) {
    try {
      return await power.state(server, signal);
    } catch (error) {
      if (signal.aborted || clock.monotonic() >= until) throw error;
      log.debug('A restore waits for the state of its server', { server: server.id, error });
    }
    await wait(AWAY_MS, undefined, { signal }).catch(() => undefined);
    throwIfAborted(signal, 'Cannot stop the server');
  }
}

/** How often a server is stopped that something else starts. */
export const MOST_STOPS = 3;

/**
 * Right before the point of no return: stops a server that something else has started since it was stopped, such as a
 * start that was queued, or a schedule. What was planned before is no plan any more then: its game has changed the tree.
 *
 * @returns true when it ran.
 * @throws Failure `server_busy` when it does not stop, or its state cannot be told.
 */
export async function stopIfStarted(
  server: GameServer,
  stage: Stage,
  deps: RestoreDeps,
  signal: AbortSignal,
): Promise<boolean> {
  if (deps.power.unmanaged === true || deps.power.assumesState === true) return false;
  if ((await deps.power.state(server, signal)) === 'stopped') return false;
  await stopServer(server, stage, deps, signal);
  return true;
}

/**
 * After the swap: kills a server that something else has started meanwhile. It may have opened files of the old tree, and
 * saving them would overwrite restored ones. The note in the stage starts it afterwards.
 * Never rejects: where the state is not known, a restart is owed.
 */
export async function endStarted(server: GameServer, stage: Stage, deps: RestoreDeps): Promise<void> {
  const { power, log } = deps;
  if (power.unmanaged === true || power.assumesState === true) return;
  try {
    const limit = AbortSignal.timeout(END_MS);
    if ((await power.state(server, limit)) === 'stopped') return;
    log.warn('A server was started while its files were swapped: it is ended and started', { server: server.id });
    await stage.noteRestart();
    await power.kill(server, limit);
  } catch (error) {
    log.warn('A server may have been started while its files were swapped', { server: server.id, error });
    power.restartLater?.(server);
  }
}

/** Starts the server if the stage has a restart note. Never rejects: the files are already correct. */
export async function startAgain(
  server: GameServer,
  stage: Stage,
  deps: { readonly power: RestoreDeps['power']; readonly log: Log },
): Promise<void> {
  if (!stage.restartNoted) return;
  try {
    await deps.power.start(server);
  } catch (error) {
    deps.log.error('Cannot start the server again after a restore', { server: server.id, error });
  }
}

/** The end of a restore whose server cannot be kept stopped. */
export function startedAgain(): Failure {
  return new Failure('server_busy', 'Cannot restore: the server is started again whenever it was stopped', {
    hint: 'Nothing was changed. See what starts it (a schedule, a watchdog), and restore again.',
    retry: true,
  });
}
