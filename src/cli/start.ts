/** `roost start`: a daemon from nothing, for a first look. A host uses `roost serve` with a config of its own. */
import type { Command } from 'commander';
import { InvalidArgumentError } from 'commander';
import fs from 'node:fs';
import { relative, resolve } from 'node:path';
import { loadConfig } from '../config/config.ts';
import type { Config } from '../config/config.ts';
import type { Invocation } from './command.ts';
import { EXIT } from './command.ts';
import { ensureFirstRun, FIRST_RUN_DIRECTORY } from './first-run.ts';
import { runDaemon } from './run-daemon.ts';

const DEFAULT_PORT = 8090;

export function addStart(program: Command, invocation: Invocation): void {
  program
    .command('start')
    .description(`make ./${FIRST_RUN_DIRECTORY}/ with a config and a sample server, and serve it`)
    .option('--port <port>', `the port to listen on (default: ${DEFAULT_PORT}, or what the config says)`, parsePort)
    .action(async ({ port }: { readonly port?: number }) => {
      await start(invocation, port);
      invocation.exitCode = EXIT.done;
    });
}

async function start(invocation: Invocation, port: number | undefined): Promise<void> {
  const directory = resolve(FIRST_RUN_DIRECTORY);
  const { config: file } = ensureFirstRun(directory, port ?? DEFAULT_PORT);
  const loaded = await loadConfig(file, invocation.env);
  const config = port === undefined ? loaded : { ...loaded, api: { ...loaded.api, port } };
  const hint = `Stop that program, or choose another port: npm start -- --port ${config.api.port + 1}`;
  await runDaemon(invocation, config, hint, (url) => invocation.terminal.result(welcome(config, file, url)));
}

/** The token and three lines that work when they are pasted into a shell. */
function welcome(config: Config, file: string, url: string): string {
  const token = config.tokens[0]?.secret.reveal() ?? '';
  const header = `-H "Authorization: Bearer ${token}"`;
  const server = sampleServer(config);
  const backups = `${url}/api/servers/${server}/backups`;
  return `
Roost serves on ${url}
  config   ${relative(process.cwd(), file)}
  server   ${server}
  token    ${token}

See the server, back it up, list its backups:

curl ${header} ${url}/api/servers
curl ${header} -H "Content-Type: application/json" -d '{"name":"My first backup"}' ${backups}
curl ${header} ${backups}

Ctrl-C stops it.

`;
}

/** The first server of the config: the sample, unless the config was changed since. */
function sampleServer({ servers }: Config): string {
  const inRoot = servers.root === null ? [] : fs.readdirSync(servers.root).sort();
  return inRoot[0] ?? servers.list[0]?.id ?? 'SERVER';
}

function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : -1;
  if (port < 0 || port > 65_535) throw new InvalidArgumentError('It is a number from 0 to 65535.');
  return port;
}
