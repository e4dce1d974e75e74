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
import { join } from 'node:path';
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
  fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
  ensureServer(join(directory, 'servers'));
  const partial = `${config}.partial`;
  fs.writeFileSync(partial, configText(directory, port, randomBytes(24).toString('base64url')), { mode: 0o600 });
  fs.renameSync(partial, config);
  return config;
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
    local: { type: local, directory: ${path('backups')} }
log: { level: info, format: text }
`;
}
