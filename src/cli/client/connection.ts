/** Finds the daemon's address and a token, in the environment or the daemon's config. */
import fs from 'node:fs';
import { Option } from 'commander';
import { join, resolve } from 'node:path';
import { errnoOf, Failure } from '../../base/failure.ts';
import { readAddress } from '../../catalogue/state-address.ts';
import { type Config, loadConfig, type TokenConfig } from '../../config/config.ts';
import type { Connection } from './api-client.ts';
import type { Invocation } from '../command.ts';
import { FIRST_RUN_DIRECTORY, firstRunConfig } from '../first-run/first-run.ts';

const HOST_DIRECTORY = '/etc/roost';
const HOST_CONFIG = join(HOST_DIRECTORY, 'config.yml');

/**
 * Order: `--config`, `ROOST_URL` with `ROOST_TOKEN`, the host's config, a first run in the current directory.
 *
 * @throws Failure `config_invalid` when none exists, or the first found is unusable.
 */
export async function findConnection(env: Invocation['env'], file: string | undefined): Promise<Connection> {
  if (file !== undefined) return fromConfig(file, env);
  const [url, token] = [env['ROOST_URL'], env['ROOST_TOKEN']];
  // A token alone is one that the config names as ${ROOST_TOKEN}.
  if (url !== undefined) return fromEnvironment(url, token);
  const found = findFile(HOST_DIRECTORY);
  if (found !== undefined) return fromConfig(found, env);
  throw new Failure('config_invalid', 'Cannot find the daemon: nothing says where it is', {
    hint: `Name its config with --config, or set ROOST_URL and ROOST_TOKEN. Looked for: ${places(HOST_DIRECTORY).join(', ')}`,
  });
}

/** True where `findConnection` would find something to try. */
export function hasConnection(env: Invocation['env']): boolean {
  return env['ROOST_URL'] !== undefined || places(HOST_DIRECTORY).some((path) => fs.existsSync(path));
}

function places(hostDirectory: string): string[] {
  return [join(hostDirectory, 'config.yml'), firstRunConfig(resolve(FIRST_RUN_DIRECTORY))];
}

/** A directory that exists and may not be entered: whether a config lies in it cannot be seen. */
function isClosed(directory: string): boolean {
  try {
    fs.accessSync(directory, fs.constants.X_OK);
    return false;
  } catch (error) {
    return errnoOf(error) === 'EACCES';
  }
}

/**
 * The default config, for commands that need one, whatever the environment says of a daemon: the host's, else that of a first
 * run in the current directory.
 *
 * @param hostDirectory where the host's would be.
 * @throws Failure `config_invalid` when neither exists, or the first is closed to this user.
 */
export function findConfigFile(hostDirectory = HOST_DIRECTORY): string {
  const found = findFile(hostDirectory);
  if (found !== undefined) return found;
  throw new Failure('config_invalid', `Cannot find a config: there is no ${places(hostDirectory).join(' and no ')}`, {
    hint: 'Name it with --config. "roost setup" makes one for a host, "roost start" one for a first look.',
  });
}

function findFile(hostDirectory: string): string | undefined {
  const found = places(hostDirectory).find((path) => fs.existsSync(path));
  if (found !== undefined || !isClosed(hostDirectory)) return found;
  const [closed = ''] = places(hostDirectory);
  throw new Failure('config_invalid', `Cannot read ${closed}: ${hostDirectory} is closed to this user`, {
    hint: 'Run it as root (sudo). Commands that only ask the daemon take ROOST_URL and ROOST_TOKEN instead.',
  });
}

/** The `--config` option of commands that read the config themselves; without it they use `findConfigFile`. */
export function configOption(): Option {
  return new Option('--config <file>', `default: ${HOST_CONFIG}, else ./${FIRST_RUN_DIRECTORY}/config.yml`);
}

function fromEnvironment(url: string, token: string | undefined): Connection {
  if (token === undefined) {
    throw new Failure('config_invalid', 'Cannot find the daemon: ROOST_TOKEN is not set', {
      hint: 'ROOST_URL and ROOST_TOKEN belong together; or name the config with --config.',
    });
  }
  const parsed = URL.parse(url);
  if (parsed !== null && /^https?:$/.test(parsed.protocol)) return { url: parsed, token, source: 'ROOST_TOKEN' };
  throw new Failure('config_invalid', `Cannot use ROOST_URL: "${url}" is no http or https address`, {
    hint: 'Such as ROOST_URL=http://127.0.0.1:8090',
  });
}

async function fromConfig(file: string, env: Invocation['env']): Promise<Connection> {
  return connectionOf(await loadConfig(file, env), file);
}

/** @throws Failure `config_invalid` when the config holds no token. */
export function connectionOf(config: Config, file: string): Connection {
  const token = config.tokens.find(allowsEverything) ?? config.tokens[0];
  if (token === undefined) {
    throw new Failure('config_invalid', `Cannot talk to the daemon: ${file} holds no token`, {
      hint: 'Add one under "tokens", and restart the daemon.',
    });
  }
  return { url: addressOf(config), token: token.secret.reveal(), source: file };
}

function allowsEverything({ permissions, servers }: TokenConfig): boolean {
  return permissions.includes('*') && servers.includes('*');
}

/**
 * The daemon is local, so its listening address is used: the actual one while it runs, else the config's. With TLS it is
 * the public address, because the certificate names that.
 */
function addressOf({ api, stateDirectory }: Config): URL {
  if (api.tls !== null && api.publicUrl !== null) return new URL(api.publicUrl);
  const anyAddress: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };
  const now = readAddress(stateDirectory);
  const bare = now?.hostname.replace(/^\[(.*)\]$/, '$1');
  const listening = bare ?? api.host;
  const host = anyAddress[listening] ?? listening;
  const port = now === undefined ? api.port : portOf(now);
  return new URL(`${api.tls === null ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${port}`);
}

/** A URL leaves the port of its scheme out. */
function portOf({ port, protocol }: URL): number {
  if (port !== '') return Number(port);
  return protocol === 'https:' ? 443 : 80;
}
