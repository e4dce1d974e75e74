import type { Config } from '../config/config.ts';
import type { Invocation } from './command.ts';

/**
 * Serves until Ctrl-C or SIGTERM, then stops in order. Resolves when everything is freed.
 *
 * @param onReady called once requests are answered, with the address that was bound.
 * @throws Failure as the daemon says why it cannot start (`config_invalid` for a taken port) or stop.
 */
export async function runDaemon(
  { composeDaemon, signal }: Invocation,
  config: Config,
  onReady: (url: string) => Promise<void>,
): Promise<void> {
  const daemon = await composeDaemon(config);
  try {
    const { url } = await daemon.start();
    await onReady(url);
    await fired(signal);
  } catch (error) {
    // Why it does not serve is what the operator has to know, whatever else goes wrong on the way down.
    await daemon.stop().catch(() => undefined);
    throw error;
  }
  await daemon.stop();
}

function fired(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
