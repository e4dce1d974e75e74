/** Calls about backups. Backups and verifications are answered at once with their job; events tell the rest. */
import { addressOf } from '../live/base.ts';
import type { Page } from '../live/pages.ts';
import { answer, api } from './client.ts';
import type { components } from './schema.d.ts';
import type { Backup, Job } from './shapes.ts';

export const AT_ONCE = { Prefer: 'respond-async' };

export function createBackup(server: string, body: components['schemas']['CreateBackup'] = {}) {
  return answer(api.POST('/api/servers/{server}/backups', { params: { path: { server } }, body, headers: AT_ONCE }));
}

export function cancelJob({ server, backup }: Job) {
  const path = { server, id: backup };
  return answer(api.POST('/api/servers/{server}/backups/{id}/cancel', { params: { path } }));
}

export function lockBackup({ serverId, id }: Backup, locked: boolean) {
  const params = { path: { server: serverId }, query: { id } };
  return answer(api.PATCH('/api/servers/{server}/backups/lock', { params, body: { locked } }));
}

export function deleteBackup({ serverId, id }: Backup) {
  const params = { path: { server: serverId }, query: { id } };
  return answer(api.DELETE('/api/servers/{server}/backups/delete', { params }));
}

export function verifyBackup({ serverId, id }: Backup) {
  const params = { path: { server: serverId, id } };
  return answer(api.POST('/api/servers/{server}/backups/{id}/verify', { params, headers: AT_ONCE }));
}

export function acceptBackup({ serverId, id }: Backup) {
  return answer(api.POST('/api/servers/{server}/backups/{id}/accept', { params: { path: { server: serverId, id } } }));
}

/** Begins to put back what the newest restore of that backup set aside. @returns the job. */
export async function undoRestore(server: string, id: string): Promise<string> {
  const params = { path: { server, id } };
  const call = api.POST('/api/servers/{server}/backups/{id}/undo', { params, headers: AT_ONCE });
  return (await answer(call)).jobId ?? '';
}

/**
 * Has the browser save the whole archive, or some of it, from a plain address with a token for this one download: nothing
 * goes through the memory of the page.
 *
 * @param paths one file is saved itself, several as a tar.gz.
 */
export async function downloadBackup(server: string, id: string, paths?: readonly string[]): Promise<void> {
  const params = { path: { server } };
  const body = { id, named: true, ...(paths === undefined ? {} : { paths: [...paths] }) };
  const { token } = await answer(api.POST('/api/servers/{server}/backups/download-token', { params, body }));
  save(`api/servers/${server}/backups/download?token=${encodeURIComponent(token)}&named=true`);
}

/** Below the page's own address, whatever path a proxy gives it. */
function save(path: string): void {
  const link = document.createElement('a');
  link.href = addressOf(path).href;
  link.download = '';
  link.click();
}

export async function backupPage(server: string, limit: number, cursor?: string): Promise<Page<Backup>> {
  const query = { limit, ...(cursor === undefined ? {} : { cursor }), fields: 'summary' as const };
  const call = api.GET('/api/servers/{server}/backups', { params: { path: { server }, query } });
  const found = (await answer(call)) as readonly Backup[];
  const { response } = await call;
  const next = /[?&]cursor=([^&>]+)[^>]*>;\s*rel="next"/.exec(response.headers.get('link') ?? '')?.[1];
  return { items: found, cursor: next === undefined ? undefined : decodeURIComponent(next) };
}

export function backupOf(server: string, id: string): Promise<Backup> {
  return answer(api.GET('/api/servers/{server}/backups/{id}', { params: { path: { server, id } } }));
}

export function renameBackup({ serverId, id }: Backup, name: string) {
  const params = { path: { server: serverId, id } };
  return answer(api.PATCH('/api/servers/{server}/backups/{id}', { params, body: { name } }));
}

export function estimateOf(server: string, ignore: readonly string[] | undefined) {
  const body = ignore === undefined ? {} : { ignore: [...ignore] };
  return answer(api.POST('/api/servers/{server}/backups/estimate', { params: { path: { server } }, body }));
}

export function retentionOf(server: string) {
  return answer(api.GET('/api/servers/{server}/retention', { params: { path: { server } } }));
}

export function applyRetention(server: string) {
  return answer(api.POST('/api/servers/{server}/retention/apply', { params: { path: { server } }, body: {} }));
}

export function historyOf(server: string, days: number) {
  const params = { path: { server }, query: { days } };
  return answer(api.GET('/api/servers/{server}/history', { params }));
}
