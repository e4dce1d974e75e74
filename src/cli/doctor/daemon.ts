/** Checks the daemon: whether it runs with this config, and the state of its stores and jobs. */
import { createServer } from 'node:net';
import { z } from 'zod';
import { asFailure, errnoOf, Failure } from '../../base/failure.ts';
import type { CatalogueFacts } from '../../catalogue/inspect.ts';
import { isStateLocked } from '../../catalogue/state-lock.ts';
import type { Config } from '../../config/config.ts';
import { ApiClient } from '../client/api-client.ts';
import { ask } from '../client/objects.ts';
import type { Invocation } from '../command.ts';
import { connectionOf } from '../client/connection.ts';
import { fault, fine, warning, type Finding } from '../../base/finding.ts';
import { countText } from '../../base/sizes.ts';

const ANSWER_MS = 15_000;
const System = z.object({ version: z.string() });
const Doctor = z.object({
  findings: z.array(
    z.object({
      check: z.string(),
      level: z.enum(['ok', 'warning', 'fault']),
      message: z.string(),
      hint: z.string().optional(),
    }),
  ),
});

export interface DaemonReport {
  readonly findings: readonly Finding[];
  /** True when the daemon has examined servers, stores and backups. */
  readonly examined: boolean;
}

export async function checkDaemon(
  { signal }: Pick<Invocation, 'signal'>,
  config: Config,
  file: string,
  catalogue: CatalogueFacts | undefined,
): Promise<DaemonReport> {
  const locked = lockState(config.stateDirectory);
  if (typeof locked !== 'boolean') return { findings: [locked], examined: false };
  if (!locked) return { findings: await whileStopped(config, catalogue), examined: false };
  const within = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]);
  try {
    const client = new ApiClient(connectionOf(config, file));
    const system = await ask(client, { method: 'GET', path: '/api/system', signal: within }, System);
    const { findings } = await ask(client, { method: 'GET', path: '/api/doctor', signal: within }, Doctor);
    const runs = runningAt(system.version, client.connection.url, config);
    // The catalogue is read by this command as well.
    return { findings: [runs, ...findings.filter(({ check }) => check !== 'catalogue')], examined: true };
  } catch (error) {
    return { findings: [notAnswering(error)], examined: false };
  }
}

/** The daemon's own word leads to it wherever it listens; panels and proxies go by the config. */
function runningAt(version: string, { href, port }: URL, { api }: Config): Finding {
  const runs = `Roost ${version} runs at ${href}`;
  if (api.port === 0 || port === '' || Number(port) === api.port) return fine('daemon', runs);
  return warning(
    'daemon',
    `${runs}, and the config says port ${api.port}`,
    'Was it started with --port, or the config changed since? What goes by the config does not reach it: restart it.',
  );
}

/** Whether a daemon holds the state directory, or a finding when that is unknown. */
function lockState(directory: string): boolean | Finding {
  try {
    return isStateLocked(directory);
  } catch (error) {
    const { message, hint } = asFailure(error, 'Cannot tell whether a daemon runs');
    return fault('daemon', message, hint);
  }
}

function notAnswering(error: unknown): Finding {
  const { code, message, hint } = asFailure(error, 'Cannot ask the daemon');
  if (code === 'unauthorized' || code === 'forbidden') {
    const mend = 'Was the config changed since the daemon was started? systemctl reload roost, or restart it.';
    return warning('daemon', `The daemon answers, but not to the token of this config: ${message}`, mend);
  }
  const state = 'A daemon holds the state directory, but does not answer';
  const mend =
    'It may still be starting, or listen elsewhere (--port, an older config): journalctl -u roost says more.';
  return fault('daemon', `${state}: ${message}`, hint === undefined ? mend : `${mend} ${hint}`);
}

async function whileStopped(config: Config, catalogue: CatalogueFacts | undefined): Promise<Finding[]> {
  const findings = [await portFinding(config)];
  if (catalogue !== undefined && catalogue.swapping > 0) {
    const hint = 'Start the daemon before the game servers: it brings each to an end, at once and safely.';
    findings.push(fault('jobs', `${catalogue.swapping} restores were cut short while they replaced files`, hint));
  } else if (catalogue !== undefined && catalogue.openJobs > 0) {
    const hint = 'The next start ends them, and removes what they left.';
    findings.push(warning('jobs', `${countText(catalogue.openJobs, 'job')} of the last run without an end yet`, hint));
  }
  return findings;
}

/** Checks that the port is free; called when no daemon runs. */
async function portFinding({ api: { host, port } }: Config): Promise<Finding> {
  const place = `${host}:${port}`;
  const server = createServer();
  try {
    await listen(server, host, port);
    const hint = 'systemctl start roost, or roost serve --config FILE.';
    return warning('daemon', 'The daemon does not run', hint);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'EADDRINUSE') {
      const hint = `See who holds it (ss -ltnp 'sport = :${port}'): another program, or a Roost with another state directory.`;
      return fault('port', `The daemon does not run, and its port is taken: ${place}`, hint);
    }
    return fault(
      'port',
      `The daemon could not listen on ${place}: ${errno ?? String(error)}`,
      'Check api.host and api.port.',
    );
  } finally {
    server.close();
  }
}

function listen(server: ReturnType<typeof createServer>, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port }, resolve);
  });
}

/** A check that fails is itself a fault. */
export function asFinding(check: string, error: unknown): Finding {
  const failure = error instanceof Failure ? error : asFailure(error, `Cannot check ${check}`);
  return fault(check, failure.message, failure.hint);
}
