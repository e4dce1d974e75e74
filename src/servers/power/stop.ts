/** Stops a server the same way for every driver: ask, wait, kill, wait. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Clock } from '../../base/clock.ts';
import { Failure, throwIfAborted } from '../../base/failure.ts';
import type { PowerState } from './port.ts';

/** What a driver provides for stopping. */
export interface Stoppable {
  state(signal: AbortSignal): Promise<PowerState>;
  stop(signal: AbortSignal): Promise<void>;
  /** undefined when the driver cannot kill. */
  readonly kill: ((signal: AbortSignal) => Promise<void>) | undefined;
}

export interface StopTimes {
  readonly clock: Clock;
  /** How long the server may take to stop when asked. */
  readonly graceMs: number;
  readonly sleep?: (milliseconds: number, signal: AbortSignal) => Promise<void>;
}

const POLL_MS = 500;
/** A killed process ends at once, unless it hangs in the kernel. */
const KILL_MS = 30_000;

/**
 * Resolves when the server is known not to run.
 *
 * @throws Failure `server_busy` when it still runs.
 */
export async function stopAndWait(server: Stoppable, times: StopTimes, signal: AbortSignal): Promise<void> {
  if ((await server.state(signal)) === 'stopped') return;
  await server.stop(signal);
  if (await stoppedWithin(server, times.graceMs, times, signal)) return;
  if (server.kill !== undefined) {
    await server.kill(signal);
    if (await stoppedWithin(server, KILL_MS, times, signal)) return;
  }
  throw new Failure('server_busy', `Cannot stop the server: it still runs after ${times.graceMs / 1000} seconds`, {
    hint: 'Stop it by hand, or raise power.timeout_seconds; then try again.',
    retry: true,
  });
}

async function stoppedWithin(server: Stoppable, ms: number, times: StopTimes, signal: AbortSignal): Promise<boolean> {
  const until = times.clock.monotonic() + ms;
  for (;;) {
    if ((await server.state(signal)) === 'stopped') return true;
    if (times.clock.monotonic() >= until) return false;
    throwIfAborted(signal, 'Cannot stop the server');
    await (times.sleep ?? sleep)(POLL_MS, signal);
  }
}

async function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  await wait(milliseconds, undefined, { signal }).catch(() => undefined);
  throwIfAborted(signal, 'Cannot stop the server');
}
