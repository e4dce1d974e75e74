import type { Config } from '../../config/config.ts';
import { asFailure } from '../../base/failure.ts';
import type { Invocation } from '../command.ts';
import type { Daemon } from '../daemon.ts';
import { openNotifier, type ServiceNotifier } from './systemd.ts';

interface Running {
  /** Called once requests are answered, with the address that was bound. */
  readonly onReady: (url: string) => Promise<void>;
  /** Reads the configuration again for a reload; without it a hangup stops the daemon like any other signal. */
  readonly readAgain?: () => Promise<Config>;
}

/**
 * Serves until Ctrl-C or SIGTERM, then stops in order. Resolves when everything is freed.
 *
 * @throws Failure as the daemon says why it cannot start (`config_invalid` for a taken port) or stop.
 */
export async function runDaemon(
  invocation: Invocation,
  config: Config,
  { onReady, readAgain }: Running,
): Promise<void> {
  const notifier = openNotifier(invocation.env);
  const daemon = await invocation.composeDaemon(config);
  try {
    const { url } = await daemon.start();
    if (readAgain !== undefined) reloadOnHangup(invocation, daemon, notifier, readAgain);
    notifier.ready(url);
    await onReady(url);
    await fired(invocation.signal);
    notifier.stopping();
  } catch (error) {
    // Why it does not serve is what the operator has to know, whatever else goes wrong on the way down.
    await daemon.stop().catch(() => undefined);
    notifier.close();
    throw error;
  }
  // Fed to the end: a drain may take longer than the watchdog's patience.
  await daemon.stop().finally(() => notifier.close());
}

/** One at a time and in order: of two hangups the later one's file counts. */
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
      // Jobs run on with the configuration that is in force: a typing error must not end them.
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
