import { errnoOf, Failure } from '../base/failure.ts';
import type { Config } from '../config/config.ts';
import type { Invocation } from './command.ts';

/**
 * Serves until Ctrl-C or SIGTERM, then stops in order. Resolves when everything is freed.
 *
 * @param portHint what to do about a taken port.
 * @param onReady called once requests are answered, with the address that was bound.
 * @throws Failure `config_invalid` for a taken port, else as the daemon says why it cannot start or stop.
 */
export async function runDaemon(
  invocation: Invocation,
  config: Config,
  portHint: string,
  onReady: (url: string) => Promise<void>,
): Promise<void> {
  const { signal } = invocation;
  const daemon = await invocation.composeDaemon(config);
  try {
    const { url } = await daemon.start();
    await onReady(url);
    await fired(signal);
  } catch (error) {
    throw errnoOf(error) === 'EADDRINUSE' ? portTaken(config, portHint, error) : error;
  } finally {
    await daemon.stop();
  }
}

function fired(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function portTaken({ api }: Config, hint: string, cause: unknown): Failure {
  return new Failure('config_invalid', `Cannot listen on ${api.host}:${api.port}: another program has that port`, {
    cause,
    facts: { host: api.host, port: api.port },
    hint,
  });
}
