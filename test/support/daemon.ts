/** A whole daemon in a scratch directory: real catalogue, store, archives and HTTP, on a port of its own. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { silentLog } from '../../src/base/log/log.ts';
import type { Daemon } from '../../src/cli/daemon.ts';
import { composeDaemon } from '../../src/compose/daemon.ts';
import { parseConfig } from '../../src/config/config.ts';
import { scratchDirectory } from './scratch.ts';
import { knownSecret } from './secret-shapes.ts';

export const TOKEN = knownSecret('a-token-of-more-than-sixteen-characters');
export const GAME_SERVER = '11111111-1111-4111-8111-111111111111';

/** How the daemons of this run keep archives: the project `slow-vault` runs tests of all kinds over a vault. */
export const LAYOUT = process.env['STORE_LAYOUT'] === 'vault' ? 'layout: vault, ' : '';

export interface Host {
  readonly directory: string;
  readonly config: string;
  /** The server's own directory, with a few files in it. */
  readonly server: string;
  readonly backups: string;
}

/** @param more YAML that replaces or adds top-level settings. */
export async function scratchHost(more = ''): Promise<Host> {
  const directory = await scratchDirectory();
  const server = join(directory, 'servers', GAME_SERVER);
  const backups = join(directory, 'backups');
  await mkdir(join(server, 'world'), { recursive: true });
  await writeFile(join(server, 'eula.txt'), 'eula=true\n');
  await writeFile(join(server, 'world', 'level.dat'), Buffer.alloc(200_000, 'level'));
  const config = `
api: { host: 127.0.0.1, port: 0 }
state_directory: ${join(directory, 'state')}
servers: { root: ${join(directory, 'servers')} }
tokens: [ { id: test, secret: ${TOKEN}, permissions: ["*"], servers: ["*"] } ]
storage: { default: local, stores: { local: { type: local, ${LAYOUT}directory: ${backups} } } }
limits: { per_server: 0, max_size: 0, reserve_free: 0 }
log: { level: silent, format: json }
${more}
`;
  return { directory, config, server, backups };
}

export interface RunningDaemon {
  readonly daemon: Daemon;
  readonly url: string;
  /** Calls the API with the token; a body makes it a POST unless a method is given. */
  readonly call: (path: string, options?: CallOptions) => Promise<{ readonly status: number; readonly body: never }>;
}

export interface CallOptions {
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export async function runDaemonOn(host: Host, drainMs?: number): Promise<RunningDaemon> {
  const config = parseConfig('config.yml', host.config, {});
  const daemon = await composeDaemon(config, { log: silentLog(), ...(drainMs === undefined ? {} : { drainMs }) });
  onTestFinished(() => daemon.stop());
  const { url } = await daemon.start();
  return { daemon, url, call: caller(url) };
}

export function caller(url: string): RunningDaemon['call'] {
  return async (path, { method, body, headers } = {}) => {
    const response = await fetch(url + path, {
      method: method ?? (body === undefined ? 'GET' : 'POST'),
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as never };
  };
}
