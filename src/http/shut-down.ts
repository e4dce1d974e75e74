/** The end of a listener, as the daemon's own and the front have it. */
import type { Server } from 'node:http';
import type { Timers } from '../base/timers.ts';

/** For the answer of a page to the end of its socket. A page that sleeps gives none, and must not delay a restart. */
const LAST_ANSWER_MS = 1000;

/**
 * Accepts nothing new, and resolves when the last connection is gone. Requests are cut after `deadline` milliseconds; upgraded
 * sockets, which Node counts as connections and closes none of, after a second: they are told to end by the caller.
 */
export async function shutDown(
  server: Server,
  deadline: number,
  timers: Timers,
  cutUpgraded: () => void,
): Promise<void> {
  const { promise: gone, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  server.closeIdleConnections();
  const cancel = [
    timers.after(deadline, () => server.closeAllConnections()),
    timers.after(LAST_ANSWER_MS, cutUpgraded),
  ];
  await gone;
  for (const each of cancel) each();
}
