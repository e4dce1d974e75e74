/** Calls that look: for a name, for what has changed, for the backups before and after one. */
import { backupPage } from './backups.ts';
import { answer, api } from './client.ts';
import type { components } from './schema.d.ts';
import type { Backup } from './shapes.ts';

export type Comparison = components['schemas']['Comparison'];
export type Versions = components['schemas']['Versions'];
export type FoundPath = Versions['paths'][number];
export type Version = FoundPath['versions'][number];

/** @param other another backup, or `live`: what changed from `id` to that. */
export function compare(server: string, id: string, other: string): Promise<Comparison> {
  const params = { path: { server, id }, query: { with: other } };
  return answer(api.GET('/api/servers/{server}/backups/{id}/compare', { params }));
}

export function findIn(server: string, id: string, q: string, cursor?: string) {
  const query = { q, limit: 500, ...(cursor === undefined ? {} : { cursor }) };
  return answer(api.GET('/api/servers/{server}/backups/{id}/find', { params: { path: { server, id }, query } }));
}

/** In twenty backups, the newest first. */
export function findVersions(server: string, q: string, cursor?: string): Promise<Versions> {
  const query = { q, ...(cursor === undefined ? {} : { cursor }) };
  return answer(api.GET('/api/servers/{server}/find', { params: { path: { server }, query } }));
}

/** Merges the paths of several pages: backups on different pages may have the same version of a file. */
export function merged(pages: readonly Versions[]): readonly FoundPath[] {
  const paths = new Map<string, Map<string, Version>>();
  for (const { path, versions } of pages.flatMap((page) => page.paths)) {
    const known = paths.get(path) ?? new Map<string, Version>();
    paths.set(path, known);
    for (const version of versions) {
      const key = `${version.kind} ${version.size} ${version.mtime}`;
      const before = known.get(key);
      known.set(key, before === undefined ? version : { ...before, backups: [...before.backups, ...version.backups] });
    }
  }
  return Array.from(paths, ([path, versions]) => ({ path, versions: [...versions.values()] }));
}

const PAGE = 500;

/** Backups that can be looked into, newest first, until `enough` says so of all that were read. */
async function usable(server: string, enough: (read: readonly Backup[]) => boolean): Promise<readonly Backup[]> {
  const read: Backup[] = [];
  for (let cursor: string | undefined; ;) {
    const page = await backupPage(server, PAGE, cursor);
    read.push(...page.items.filter(({ status }) => status === 'COMPLETED' || status === 'RESTORING'));
    cursor = page.cursor;
    if (cursor === undefined || enough(read)) return read;
  }
}

/** The backups made right before and right after one. */
export async function neighbours(
  server: string,
  id: string,
): Promise<{ readonly older: Backup | undefined; readonly newer: Backup | undefined }> {
  const placeOf = (read: readonly Backup[]): number => read.findIndex((each) => each.id === id);
  const read = await usable(server, (so) => placeOf(so) >= 0 && placeOf(so) < so.length - 1);
  const at = placeOf(read);
  return at < 0 ? { older: undefined, newer: undefined } : { older: read[at + 1], newer: read[at - 1] };
}

/** When each of some backups was made. */
export async function datesOf(server: string, ids: ReadonlySet<string>): Promise<ReadonlyMap<string, string>> {
  const known = (read: readonly Backup[]): readonly Backup[] => read.filter(({ id }) => ids.has(id));
  const read = await usable(server, (so) => known(so).length === ids.size);
  return new Map(known(read).map(({ id, createdAt }) => [id, createdAt]));
}
