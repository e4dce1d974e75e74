/** Checks the daemon: whether it runs with this config, and the state of its stores and jobs. */
import { createServer } from 'node:net';
import { z } from 'zod';
import { type Clock, HOUR_MS } from '../../base/clock.ts';
import { asFailure, errnoOf, Failure } from '../../base/failure.ts';
import type { CatalogueFacts } from '../../catalogue/inspect.ts';
import { isStateLocked } from '../../catalogue/state-lock.ts';
import type { Config } from '../../config/config.ts';
import { ApiClient } from '../client/api-client.ts';
import { ask } from '../client/objects.ts';
import type { Invocation } from '../command.ts';
import { connectionOf } from '../client/connection.ts';
import { fault, fine, warning, type Finding } from './finding.ts';

const ANSWER_MS = 15_000;
/** A job without progress for this long may hang; even deep trees of tiny files move within it. */
const STUCK_MS = HOUR_MS;

const System = z.object({
  version: z.string(),
  engine: z.string(),
  stores: z.array(z.object({ name: z.string(), error: z.string().nullable() })),
  // Absent in the answers of an older daemon.
  unwritable: z.array(z.object({ error: z.string(), hint: z.string() })).default([]),
});
const Jobs = z.object({
  jobs: z.array(
    z.object({
      id: z.string(),
      kind: z.string(),
      server: z.string(),
      state: z.string(),
      phase: z.string(),
      progress: z.object({ bytesPerSecond: z.number() }).optional(),
      startedAt: z.string().optional(),
    }),
  ),
});

export interface DaemonReport {
  readonly findings: readonly Finding[];
  /** Its report on each store; undefined when it did not answer. */
  readonly stores?: ReadonlyMap<string, string | null>;
}

export async function checkDaemon(
  { clock, signal }: Pick<Invocation, 'clock' | 'signal'>,
  config: Config,
  file: string,
  catalogue: CatalogueFacts | undefined,
): Promise<DaemonReport> {
  const locked = lockState(config.stateDirectory);
  if (typeof locked !== 'boolean') return { findings: [locked] };
  if (!locked) return { findings: await whileStopped(config, catalogue) };
  const within = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]);
  try {
    const client = new ApiClient(connectionOf(config, file));
    const system = await ask(client, { method: 'GET', path: '/api/system', signal: within }, System);
    const { jobs } = await ask(client, { method: 'GET', path: '/api/jobs', signal: within }, Jobs);
    const runs = fine('daemon', `Roost ${system.version} runs at ${client.connection.url.href}`);
    return {
      findings: [
        runs,
        ...system.unwritable.map(({ error, hint }) => fault('servers', error, hint)),
        ...stuckJobs(jobs, clock),
      ],
      stores: new Map(system.stores.map(({ name, error }) => [name, error])),
    };
  } catch (error) {
    return { findings: [notAnswering(error)] };
  }
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
    findings.push(warning('jobs', `${catalogue.openJobs} jobs of the last run have no end yet`, hint));
  }
  return findings;
}

/** Without a daemon the port must be free. */
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

function stuckJobs(jobs: z.infer<typeof Jobs>['jobs'], clock: Clock): Finding[] {
  const running = jobs.filter(({ state }) => state === 'running');
  const stuck = running.filter(({ startedAt, progress }) => {
    const since = startedAt === undefined ? clock.now() : Date.parse(startedAt);
    return clock.now() - since > STUCK_MS && (progress?.bytesPerSecond ?? 0) === 0;
  });
  if (stuck.length === 0) {
    const waiting = jobs.filter(({ state }) => state === 'queued').length;
    return [fine('jobs', `${running.length} running, ${waiting} waiting`)];
  }
  return stuck.map(({ id, kind, server, phase }) => {
    const hint = `Is a disk or the network hanging? "roost backup cancel ${server} BACKUP" ends it.`;
    return warning('jobs', `The ${kind} job ${id} has made no progress for long (${phase})`, hint);
  });
}

/** A check that fails is itself a fault. */
export function asFinding(check: string, error: unknown): Finding {
  const failure = error instanceof Failure ? error : asFailure(error, `Cannot check ${check}`);
  return fault(check, failure.message, failure.hint);
}
