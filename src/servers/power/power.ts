/**
 * Stops, starts and pauses game servers, which another program on this host runs, through one of four drivers.
 *
 * For: restores (stop, start) and backups (pause writing). Promises: after `stop` the server is known not to run; no
 * shell is used; every call ends within its timeouts. Never: decides when to stop a server (the jobs do).
 */
import { type Clock, MINUTE_MS } from '../../base/clock.ts';
import type { PowerConfig } from '../../config/types.ts';
import { CommandPower } from './command.ts';
import type { PowerPort } from './port.ts';
import { RconPower } from './rcon.ts';
import { WingsPower, type WingsQuiesce } from './wings.ts';

export type { WingsQuiesce } from './wings.ts';

/** The caller makes sure that the server is stopped. */
const unmanaged: PowerPort = {
  unmanaged: true,
  cannotQuiesce: true,
  state: () => Promise.resolve('stopped'),
  stop: () => Promise.resolve(),
  kill: () => Promise.resolve(),
  start: () => Promise.resolve(),
  prepare: () => Promise.resolve(undefined),
  resume: () => Promise.resolve(undefined),
};

/** Wings looks at every server before it answers: minutes on a large node. */
const PATIENCE_MS = 5 * MINUTE_MS;

/**
 * Makes the driver that the config names. Starts nothing.
 *
 * @param front true before a Wings, whose restarts Roost outlives.
 */
export function openPower(settings: PowerConfig, clock: Clock, quiesce: WingsQuiesce, front = false): PowerPort {
  if (settings.driver === 'none') return unmanaged;
  if (settings.driver === 'command') return new CommandPower(settings, clock);
  if (settings.driver === 'rcon') return new RconPower(settings, clock);
  return new WingsPower(settings, clock, quiesce, front ? PATIENCE_MS : 0);
}
