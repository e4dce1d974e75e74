/**
 * What `roost start` makes where nothing is configured: `./.roost/` with a config (its token random), a sample server,
 * and room for the catalogue and the backups. The config is written last, in one step: while it is missing, the next
 * start begins anew.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
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
  // From an attempt that was interrupted: a second sample beside the first would only confuse.
  fs.rmSync(join(directory, 'servers'), { recursive: true, force: true });
  writeSampleServer(join(directory, 'servers', randomUUID()));
  const partial = `${config}.partial`;
  fs.writeFileSync(partial, configText(directory, port, randomBytes(24).toString('base64url')), { mode: 0o600 });
  fs.renameSync(partial, config);
  return config;
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
