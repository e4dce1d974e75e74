/** The config and the token of a new host, and the config that is there. */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { errnoOf, Failure } from '../../base/failure.ts';
import { type Config, parseConfig } from '../../config/config.ts';

export const CONFIG = '/etc/roost/config.yml';
export const TOKEN = '/etc/roost/token';
const TOKEN_BYTES = 32;

export interface Wishes {
  /** Directories for a new config; absolute. */
  readonly servers?: string;
  readonly backups?: string;
}

export interface HostConfig {
  /** Of the config: what is there, or what is made. */
  readonly text: string;
  readonly config: Config;
  readonly token: string;
}

/**
 * @param root of the system that is set up.
 * @param example of a config with all keys, in which the token and the directories are set.
 * @throws Failure `config_invalid` for faults of a config that is there; `invalid_request` for wishes beside one.
 */
export function hostConfig(root: string, example: string, wishes: Wishes, env: NodeJS.ProcessEnv): HostConfig {
  const existing = read(join(root, CONFIG));
  if (existing !== undefined && (wishes.servers ?? wishes.backups) !== undefined) {
    throw new Failure('invalid_request', `Cannot set directories: there is a config already, ${CONFIG}`, {
      hint: 'Change servers.root and storage there, then run "roost setup" without --servers and --backups.',
    });
  }
  const token = read(join(root, TOKEN))?.trim() ?? randomBytes(TOKEN_BYTES).toString('hex');
  const text = existing ?? newConfig(example, wishes);
  // In a dry run, and below another root, the token is not where the config says.
  const config = parseConfig(CONFIG, text.replaceAll(`file://${TOKEN}`, token), env);
  return { text, config, token };
}

function newConfig(example: string, { servers, backups }: Wishes): string {
  const text = replaceOnce(example, "'${ROOST_TOKEN}'", `file://${TOKEN}`);
  const rooted = servers === undefined ? text : replaceOnce(text, '/var/lib/pterodactyl/volumes', yaml(servers));
  return backups === undefined ? rooted : replaceOnce(rooted, '/var/lib/roost/backups', yaml(backups));
}

/** Replaces only the first occurrence; a later one may be an example in a comment. */
function replaceOnce(text: string, what: string, by: string): string {
  if (!text.includes(what)) throw new Failure('internal', `Cannot make a config: its example has no ${what}`);
  return text.replace(what, () => by);
}

function yaml(path: string): string {
  // A string of JSON is one of YAML.
  if (path.startsWith('/')) return JSON.stringify(path);
  throw new Failure('invalid_request', `Cannot set directories: ${JSON.stringify(path)} is no absolute path`);
}

function read(path: string): string | undefined {
  try {
    return fs.readFileSync(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw new Failure('invalid_request', `Cannot read ${path}: ${errnoOf(error) ?? String(error)}`, {
      hint: 'Run it as root (sudo).',
    });
  }
}
