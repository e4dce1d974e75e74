/**
 * The port through which Roost has a game server stopped, started, and kept still while it is read. Roost runs no game
 * itself: another program on this host does, behind one of three drivers.
 *
 * Promises: `stop` resolves only when the server is known not to run any more; nothing is done through a shell; every
 * call ends within its timeouts. It never decides when to stop a server: the verbs do.
 */
import type { Clock } from '../../base/clock.ts';
import type { PowerConfig } from '../../config/types.ts';
import { CommandPower } from './command.ts';
import type { PowerPort } from './port.ts';
import { WingsPower } from './wings.ts';

/** Somebody else stops the server before a restore, as the caller says. */
const unmanaged: PowerPort = {
  state: () => Promise.resolve('stopped'),
  stop: () => Promise.resolve(),
  start: () => Promise.resolve(),
  prepare: () => Promise.resolve(),
  resume: () => Promise.resolve(),
};

/** Makes the port that the config asks for. Does nothing yet. */
export function openPower(settings: PowerConfig, clock: Clock): PowerPort {
  if (settings.driver === 'none') return unmanaged;
  return settings.driver === 'command' ? new CommandPower(settings, clock) : new WingsPower(settings, clock);
}
