/**
 * Notifies systemd (sd_notify(3)) of ready, reload, stop and liveness. Does nothing without NOTIFY_SOCKET.
 *
 * Uses libsystemd, because Node has no unix datagram sockets, and a separate process (systemd-notify) is refused by
 * `NotifyAccess=main`.
 */
import koffi from 'koffi';
import { Failure } from '../../base/failure.ts';

const LIBRARY = 'libsystemd.so.0';

export interface ServiceNotifier {
  /** Requests are answered; feeds the watchdog from now until `close`. */
  ready(url: string): void;
  /** Runs `reload` between the two messages that systemd expects. */
  reloading(reload: () => Promise<void>): Promise<void>;
  stopping(): void;
  close(): void;
}

/** Sends lines like `READY=1`. */
export type Send = (state: string) => void;

/**
 * @param env with NOTIFY_SOCKET, and WATCHDOG_USEC when the unit has a watchdog.
 * @param monotonic microseconds of CLOCK_MONOTONIC.
 * @throws Failure `config_invalid` when systemd expects notifications and libsystemd cannot be loaded.
 */
export function openNotifier(
  env: Readonly<Record<string, string | undefined>>,
  send: Send | undefined = sender(env),
  monotonic: () => bigint = () => process.hrtime.bigint() / 1000n,
): ServiceNotifier {
  const notify: Send = send ?? (() => undefined);
  let feeding: NodeJS.Timeout | undefined;
  return {
    ready(url) {
      notify(`READY=1\nSTATUS=Serves on ${url}`);
      const every = watchdogMilliseconds(env);
      // On the event loop: when it hangs, requests are not answered, and a restart helps.
      if (send !== undefined && every > 0) feeding = setInterval(() => notify('WATCHDOG=1'), every);
    },
    async reloading(reload) {
      notify(`RELOADING=1\nMONOTONIC_USEC=${monotonic()}`);
      try {
        await reload();
      } finally {
        notify('READY=1');
      }
    },
    stopping: () => notify('STOPPING=1\nSTATUS=Lets running jobs end'),
    close: () => clearInterval(feeding),
  };
}

/** Half of the unit's interval (sd_watchdog_enabled(3)); 0 for never. */
function watchdogMilliseconds(env: Readonly<Record<string, string | undefined>>): number {
  const [microseconds, pid] = [Number(env['WATCHDOG_USEC'] ?? 0), env['WATCHDOG_PID']];
  if (!Number.isFinite(microseconds) || microseconds <= 0) return 0;
  if (pid !== undefined && Number(pid) !== process.pid) return 0;
  return Math.max(1, Math.floor(microseconds / 2000));
}

function sender(env: Readonly<Record<string, string | undefined>>): Send | undefined {
  if ((env['NOTIFY_SOCKET'] ?? '') === '') return undefined;
  try {
    const notify = koffi.load(LIBRARY).func('int sd_notify(int unset_environment, const char *state)') as (
      unset: number,
      state: string,
    ) => number;
    return (state) => void notify(0, state);
  } catch (error) {
    throw new Failure('config_invalid', `Cannot tell systemd that the daemon serves: ${LIBRARY} cannot be loaded`, {
      cause: error,
      hint: 'Install it (Debian, Ubuntu: apt-get install libsystemd0), or say Type=exec in the unit, without WatchdogSec.',
    });
  }
}
