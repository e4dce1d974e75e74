/** What a check of the config says after a look at this host, beyond the file itself. */
import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../base/failure.ts';
import type { Config } from './types.ts';

export async function notesOnHost(config: Config): Promise<string[]> {
  return [...(await unreadableFiles(config)), ...(await unknownServers(config))];
}

async function unreadableFiles(config: Config): Promise<string[]> {
  const notes: string[] = [];
  for (const [key, path] of neededFiles(config)) {
    try {
      await access(path, constants.R_OK);
    } catch (error) {
      notes.push(`${key}: ${path} cannot be read (${errnoOf(error) ?? String(error)}), and the daemon needs it.`);
    }
  }
  return notes;
}

/** Keys of the config, and the files that they name. */
function neededFiles({ api, front }: Config): readonly (readonly [key: string, path: string])[] {
  const pairs = [
    ['api.tls', api.tls],
    ['front.listen.tls', front?.listen.tls ?? null],
  ] as const;
  const files = pairs.flatMap(([key, tls]) =>
    tls === null ? [] : [[`${key}.cert`, tls.cert] as const, [`${key}.key`, tls.key] as const],
  );
  const wingsConfig = front?.wingsConfig ?? null;
  return wingsConfig === null ? files : [...files, ['front.wings_config', wingsConfig]];
}

/** Servers that a schedule names and this host does not have. One may still be made. */
async function unknownServers({ schedules, servers }: Config): Promise<string[]> {
  const notes: string[] = [];
  const listed = new Set<string>(servers.list.map(({ id }) => id));
  const named = new Set<string>(schedules.flatMap(({ server }) => (server === '*' ? [] : [server])));
  for (const id of named) {
    if (listed.has(id)) continue;
    const known = servers.root !== null && (await isDirectory(join(servers.root, id)));
    if (!known) notes.push(`A schedule names the server ${id}, which is neither in servers.root nor in servers.list.`);
  }
  return notes;
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}
