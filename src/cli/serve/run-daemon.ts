import { setFlagsFromString } from 'node:v8';
import type { Config } from '../../config/config.ts';
import { asFailure } from '../../base/failure.ts';
import type { Invocation } from '../command.ts';
import type { Daemon } from '../daemon.ts';
import { inheritedSockets } from './inherited-sockets.ts';
import { openNotifier, type ServiceNotifier } from './systemd.ts';

/**
 * The heap may grow by this many percent before garbage is collected. V8's default is up to three times the bytes in use:
 * with many callers, 100 MiB of garbage for 30 MiB in use. Collecting sooner takes no more CPU time in that case.
 */
const HEAP_GROWTH_PERCENT = 45;

interface Running {
  /** Called with the bound address once requests are answered. */
  readonly onReady: (url: string) => Promise<void>;
  /** Loads the configuration for a reload; without it SIGHUP stops the daemon. */
  readonly readAgain?: () => Promise<Config>;
}

/**
 * Serves until Ctrl-C or SIGTERM, then stops in order; resolves when everything is freed.
 *
 * @throws Failure when the daemon cannot start (`config_invalid` for a taken port) or stop.
 */
export async function runDaemon(
  invocation: Invocation,
  config: Config,
  { onReady, readAgain }: Running,
): Promise<void> {
  setFlagsFromString(`--heap-growing-percent=${HEAP_GROWTH_PERCENT}`);
  const notifier = openNotifier(invocation.env);
  const daemon = await invocation.composeDaemon(config, inheritedSockets(invocation.env, config));
  try {
    const { url } = await daemon.start();
    if (readAgain !== undefined) reloadOnHangup(invocation, daemon, notifier, readAgain);
    notifier.ready(url);
    await onReady(url);
    await fired(invocation.signal);
    notifier.stopping();
  } catch (error) {
    // The operator needs the first error, whatever fails during the stop.
    await daemon.stop().catch(() => undefined);
    notifier.close();
    throw error;
  }
  // The watchdog is fed until the end, because a drain may exceed its interval.
  await daemon.stop().finally(() => notifier.close());
}

/** Reloads run in order, so the last file wins. */
function reloadOnHangup(
  invocation: Invocation,
  daemon: Daemon,
  notifier: ServiceNotifier,
  readAgain: () => Promise<Config>,
): void {
  let last = Promise.resolve();
  const reload = async (): Promise<void> => {
    try {
      daemon.reload(await readAgain());
    } catch (error) {
      // A faulty file must not end running jobs: the current configuration stays.
      daemon.refuseReload(asFailure(error, 'Cannot reload the configuration'));
    }
  };
  invocation.onHangup(() => {
    last = last.then(() => notifier.reloading(reload));
  });
}

function fired(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
