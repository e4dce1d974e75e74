/** `roost start`: a daemon without preparation, for a first look. Hosts use `roost serve` with their own config. */
import type { Command } from 'commander';
import fs from 'node:fs';
import { relative, resolve } from 'node:path';
import { isUuid } from '../../base/ids.ts';
import { type Config, loadConfig } from '../../config/config.ts';
import { ApiClient } from '../client/api-client.ts';
import { connectionOf } from '../client/connection.ts';
import { EXIT, type Invocation } from '../command.ts';
import { ensureFirstRun, FIRST_RUN_DIRECTORY, requireInPlace } from '../first-run/first-run.ts';
import { listeningOn, type ListenOptions, withListenOptions } from './listen-options.ts';
import { signInLink } from '../web.ts';
import { runDaemon } from './run-daemon.ts';

const DEFAULT_PORT = 8090;
/** For a first look, the terminal may wait for a while. */
const LINK_MINUTES = 60;

export function addStart(program: Command, invocation: Invocation): void {
  withListenOptions(program.command('start'))
    .description(`Make ./${FIRST_RUN_DIRECTORY}/ with a config and a sample server, and serve it`)
    .action(async (options: ListenOptions) => {
      await start(invocation, options);
      invocation.exitCode = EXIT.done;
    });
}

async function start(invocation: Invocation, options: ListenOptions): Promise<void> {
  const directory = resolve(FIRST_RUN_DIRECTORY);
  const file = ensureFirstRun(directory, options.port ?? DEFAULT_PORT);
  const config = listeningOn(await loadConfig(file, invocation.env), options);
  requireInPlace(directory, config);
  const onReady = async (url: string): Promise<void> => {
    const { token } = connectionOf(config, file);
    const client = new ApiClient({ url: new URL(url), token, source: file });
    const link = await signInLink(client, { minutes: LINK_MINUTES }, invocation.signal);
    await invocation.terminal.result(welcome(config, file, url, link.url));
  };
  await runDaemon(invocation, config, { onReady });
}

/** A link to click, three commands of which each can be pasted by itself, and what the lines of the README need. */
function welcome(config: Config, file: string, url: string, link: string): string {
  const token = config.tokens[0]?.secret.reveal() ?? '';
  // An answer has no line end, after which the next prompt would stand.
  const curl = String.raw`curl -w '\n' -H "Authorization: Bearer ${token}"`;
  const server = sampleServer(config);
  const backups = `${url}/api/servers/${server}/backups`;
  return `
Roost serves on ${url}
  config   ${relative(process.cwd(), file)}
  server   ${server}

Open this, it signs you in (once, within the hour; "roost web" makes another):

  ${link}

Or see the servers, back this one up, and list its backups, from a shell (the API is shown at ${url}/docs):

${curl} "${url}/api/servers"
${curl} -H "Content-Type: application/json" -d '{"name":"My first backup"}' "${backups}"
${curl} "${backups}"

What the lines of README.md begin with:

TOKEN=${token}
BACKUPS=${backups}

Ctrl-C stops it.

`;
}

/** The first server of the config, usually the sample. */
function sampleServer({ servers }: Config): string {
  const inRoot = servers.root === null ? [] : fs.readdirSync(servers.root).filter(isUuid).sort();
  return inRoot[0] ?? servers.list[0]?.id ?? 'SERVER';
}
