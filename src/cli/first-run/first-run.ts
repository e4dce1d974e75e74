/**
 * What `roost start` makes where nothing is configured: `./.roost/` with a config (its token random), a sample server,
 * and room for the catalogue and the backups.
 *
 * The sample gets its name when it is whole, the config when everything else is there: an attempt that was cut short is
 * taken up by the next start. Nothing that has its name is ever removed or replaced: somebody who deletes the config to
 * get a new token keeps the servers and backups.
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

/** @returns the path of the config, made when it was missing. */
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

/** A sample where there is no server yet. */
function ensureServer(root: string): void {
  fs.mkdirSync(root, { recursive: true });
  if (fs.readdirSync(root).some(isUuid)) return;
  // A name that is no UUID is no server.
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
