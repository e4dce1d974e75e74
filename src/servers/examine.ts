/** Checks the servers' directories, and names servers that cannot be found by them. */
import { requireAccess } from '../base/files/access.ts';
import { constants } from 'node:fs';
import { join } from 'node:path';
import { asFailure } from '../base/failure.ts';
import { fault, fine, type Finding, warning } from '../base/finding.ts';
import type { Config } from '../config/types.ts';
import { findLinks, openRegistry } from './registry.ts';
import { findStages } from './stage/stage.ts';

/** Ids in one sentence. */
const SHOWN = 5;

/**
 * Finds links below the root, and servers with backups but without a directory. Never rejects: an unreadable root is a
 * finding.
 *
 * @param withBackups ids of servers that have backups.
 */
export async function checkServers(
  { servers }: Pick<Config, 'servers'>,
  withBackups: readonly string[],
): Promise<Finding[]> {
  try {
    const links = await findLinks(servers);
    const present = new Set<string>([...links, ...(await openRegistry(servers).list()).map(({ id }) => id)]);
    const lost = withBackups.filter((id) => !present.has(id));
    return [
      ...(await checkPresent(servers, lost.length + links.length)),
      ...links.map(linked),
      ...withoutDirectory(lost),
    ];
  } catch (error) {
    const { message, hint: mend } = asFailure(error, 'Cannot look up servers');
    return [fault('servers', message, mend)];
  }
}

/** A program that can write in the root could point a link at the directory of another server. */
function linked(id: string): Finding {
  const hint = `Name the directory to which it leads under servers.list (id: ${id}, path: ...), or mount it there (mount --bind).`;
  return warning('servers', `${id} under servers.root is a symlink, so it is no server and is not backed up`, hint);
}

function withoutDirectory(ids: readonly string[]): Finding[] {
  if (ids.length === 0) return [];
  const more = ids.length > SHOWN ? ` and ${ids.length - SHOWN} more` : '';
  const which = `${ids.slice(0, SHOWN).join(', ')}${more}`;
  const hint = `Restoring a backup makes the directory: roost backup restore ${ids[0] ?? ''} latest. Is a disk not mounted?`;
  return [warning('servers', `${ids.length} with backups have no directory: ${which}`, hint)];
}

async function checkPresent(servers: Config['servers'], others: number): Promise<Finding[]> {
  const registry = openRegistry(servers);
  const missing = await registry.check();
  const hint = 'Mount or create it, or correct the config.';
  if (missing.length > 0) return missing.map((sentence) => fault('servers', sentence, hint));
  const found = await registry.list();
  const locked = await closedTo(found.map(({ path }) => path));
  if (locked.length > 0) {
    const more = locked.length === 1 ? '' : ` and ${locked.length - 1} more`;
    const user = 'Run this, and the daemon, as a user that may (root, with the unit that comes along).';
    return [fault('servers', `Cannot read and write ${locked[0] ?? ''}${more}`, user)];
  }
  if (found.length > 0) return [fine('servers', `${found.length} found`)];
  const named = 'servers.root names a directory whose UUID-named directories are servers; servers.list names others.';
  return others > 0 ? [] : [warning('servers', 'No server directory was found', named)];
}

async function closedTo(paths: readonly string[]): Promise<string[]> {
  const closed: string[] = [];
  for (const path of paths) {
    const open = await requireAccess(path, constants.R_OK | constants.W_OK | constants.X_OK).then(
      () => true,
      () => false,
    );
    if (!open) closed.push(path);
  }
  return closed;
}

const STAGE_HINT =
  'See "lsattr -R" of it (chattr -i lets go) and the log for what cannot be removed. The daemon tries again each hour.';

/**
 * Names stages in and beside servers whose restore has ended. The daemon removes them at its next sweep, if it can.
 *
 * @param restoring ids of the restores that have not ended.
 */
export async function checkStages(
  { servers }: Pick<Config, 'servers'>,
  restoring: ReadonlySet<string>,
): Promise<Finding[]> {
  const found = new Map<string, Finding>();
  for (const { path } of await openRegistry(servers).list()) {
    for (const { job, location } of findStages(path)) {
      if (restoring.has(job)) continue;
      const stage = join(location.directory, location.name);
      found.set(stage, warning('stages', `A restore left its stage behind: ${stage}`, STAGE_HINT));
    }
  }
  return Array.from(found.values());
}
