/**
 * Listening sockets that systemd opened before the daemon (roost.socket), in which connections wait while no daemon runs.
 *
 * Source: sd_listen_fds(3): LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES; descriptors begin at 3.
 */
import { Failure } from '../../base/failure.ts';
import type { Config } from '../../config/config.ts';
import type { InheritedSockets } from '../daemon.ts';

const FIRST_DESCRIPTOR = 3;
/** Of the API and of a front; more can only be a mistake. */
const NAMES = ['api', 'front'] as const;

/**
 * @param config what is served.
 * @param pid of this process: what was meant for another, such as the parent, is not taken.
 * @returns descriptors of listening sockets, by what is served on them.
 * @throws Failure `config_invalid` for sockets that Roost has no use for: clients that connect to one would wait without an answer.
 */
export function inheritedSockets(
  env: Readonly<Record<string, string | undefined>>,
  { front }: Pick<Config, 'front'>,
  pid: number = process.pid,
): InheritedSockets {
  const count = Number(env['LISTEN_FDS'] ?? 0);
  if (env['LISTEN_PID'] !== String(pid) || !Number.isInteger(count) || count <= 0) return {};
  const names = (env['LISTEN_FDNAMES'] ?? '').split(':');
  const found: Partial<Record<(typeof NAMES)[number], number>> = {};
  for (let index = 0; index < count; index++) {
    const name = NAMES.find((known) => known === names[index]);
    if (name === undefined) {
      const written = JSON.stringify(names[index] ?? '');
      throw unusable(`${written} names none of what Roost serves`, 'Its FileDescriptorName= is front or api.');
    }
    if (found[name] !== undefined) {
      throw unusable(`two are named ${name}`, 'Roost takes one of each: one ListenStream= in roost.socket.');
    }
    if (name === 'front' && front === null) {
      throw unusable('the config has no front', 'systemctl disable --now roost.socket, or sudo roost front.');
    }
    found[name] = FIRST_DESCRIPTOR + index;
  }
  return found;
}

function unusable(problem: string, hint: string): Failure {
  return new Failure('config_invalid', `Cannot use the listening sockets of systemd: ${problem}`, { hint });
}
