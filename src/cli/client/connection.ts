/** Finds the daemon's address and a token, in the environment or the daemon's config. */
import fs from 'node:fs';
import { Option } from 'commander';
import { resolve } from 'node:path';
import { errnoOf, Failure } from '../../base/failure.ts';
import { readAddress } from '../../catalogue/state-address.ts';
import { type Config, loadConfig, type TokenConfig } from '../../config/config.ts';
import type { Connection } from './api-client.ts';
import type { Invocation } from '../command.ts';
import { FIRST_RUN_DIRECTORY, firstRunConfig } from '../first-run/first-run.ts';

const HOST_DIRECTORY = '/etc/roost';
const HOST_CONFIG = `${HOST_DIRECTORY}/config.yml`;

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
  return fromConfig(findConfigFile(), env);
}

/** True where `findConnection` would find something to try. */
export function hasConnection(env: Invocation['env']): boolean {
  return env['ROOST_URL'] !== undefined || places().some((path) => fs.existsSync(path));
}

function places(): string[] {
  return [HOST_CONFIG, firstRunConfig(resolve(FIRST_RUN_DIRECTORY))];
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
 * The default config: the host's, else that of a first run in the current directory.
 *
 * @throws Failure `config_invalid` when neither exists.
 */
export function findConfigFile(): string {
  const found = places().find((path) => fs.existsSync(path));
  if (found !== undefined) return found;
  if (isClosed(HOST_DIRECTORY)) {
    throw new Failure('config_invalid', `Cannot read ${HOST_CONFIG}: ${HOST_DIRECTORY} is closed to this user`, {
      hint: 'Run it as root (sudo), or set ROOST_URL and ROOST_TOKEN.',
    });
  }
  throw new Failure('config_invalid', 'Cannot find the daemon: nothing says where it is', {
    hint: `Name its config with --config, or set ROOST_URL and ROOST_TOKEN. Looked for: ${places().join(', ')}`,
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
