/**
 * For: the first run of `roost start`. Creates `./.roost/` with a config (random token), a sample server, and
 * directories for catalogue and backups.
 *
 * Promises: the sample is renamed when complete and the config comes last, so an interrupted attempt is finished by the
 * next start.
 * Never: removes or replaces a finished file; deleting the config gives a new token and keeps servers and backups.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { dirname, join } from 'node:path';
import { errnoOf, Failure } from '../../base/failure.ts';
import { syncDirectory } from '../../base/files/handles.ts';
import type { Config } from '../../config/types.ts';
import { isUuid } from '../../base/ids.ts';
import { writeSampleServer } from './sample-server.ts';

export const FIRST_RUN_DIRECTORY = '.roost';

/** The config of a first run in this directory, whether or not it exists yet. */
export function firstRunConfig(directory: string): string {
  return join(directory, 'config.yml');
}

/** @returns the path of the config, which is created if missing. */
export function ensureFirstRun(directory: string, port: number): string {
  const config = firstRunConfig(directory);
  if (fs.existsSync(config)) return config;
  makeDirectory(directory);
  ensureServer(join(directory, 'servers'));
  const partial = `${config}.partial`;
  const handle = fs.openSync(partial, 'w', 0o600);
  try {
    fs.writeFileSync(handle, configText(directory, port, randomBytes(24).toString('base64url')));
    // Before the rename: a power cut must not leave an empty config under the final name.
    fs.fsyncSync(handle);
  } finally {
    fs.closeSync(handle);
  }
  fs.renameSync(partial, config);
  syncDirectory(directory);
  return config;
}

function makeDirectory(directory: string): void {
  try {
    fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    const errno = errnoOf(error);
    if (errno !== 'EACCES' && errno !== 'EROFS') throw error;
    throw new Failure('invalid_request', `Cannot make ${directory}: this user may not write there (${errno})`, {
      hint: 'Run it in a directory of your own, such as the checkout.',
    });
  }
}

/**
 * Refuses a first run's config that was moved with its directory: its absolute paths still name the old place, so the
 * daemon would serve an empty directory there.
 *
 * @throws Failure `config_invalid` when the config is of another directory.
 */
export function requireInPlace(
  directory: string,
  { stateDirectory, servers }: Pick<Config, 'stateDirectory' | 'servers'>,
): void {
  const [state, root] = [join(directory, 'state'), join(directory, 'servers')];
  const former = dirname(stateDirectory);
  // Paths that the owner has changed since the first run are taken as intended.
  if (stateDirectory === state || servers.root === root || servers.root !== join(former, 'servers')) return;
  throw new Failure('config_invalid', `Cannot start here: ${firstRunConfig(directory)} is of ${former}`, {
    hint: `Move ${directory} back there, or write the new place into it: sed -i 's#${former}#${directory}#' ${firstRunConfig(directory)}`,
  });
}

/** Adds a sample unless there is a server. */
function ensureServer(root: string): void {
  fs.mkdirSync(root, { recursive: true });
  if (fs.readdirSync(root).some(isUuid)) return;
  // Directories without a UUID name are not servers.
  const unfinished = join(root, 'sample.partial');
  fs.rmSync(unfinished, { recursive: true, force: true });
  writeSampleServer(unfinished);
  fs.renameSync(unfinished, join(root, randomUUID()));
}

function configText(directory: string, port: number, secret: string): string {
  const path = (name: string) => JSON.stringify(join(directory, name));
  return `# Made by "roost start". Every setting is explained in config.example.yml.
api: { host: 127.0.0.1, port: ${port} }
state_directory: ${path('state')}
servers:
  # Each directory in it that is named by a UUID is a server.
  root: ${path('servers')}
tokens:
  - { id: first, secret: ${secret}, permissions: ["*"], servers: ["*"] }
storage:
  default: local
  stores:
    # Backups share their bytes (docs/vault.md). To go back to a file for each: layout: plain
    local: { type: local, directory: ${path('backups')}, layout: vault }
log: { level: info, format: text }
`;
}
