/** Calls about what is in a backup, and about bringing it back. */
import { secret } from '../live/session.ts';
import { addressOf } from '../live/base.ts';
import { answer, api } from './client.ts';
import { ApiFailure } from './failures.ts';
import type { components } from './schema.d.ts';

export type RestoreWish = components['schemas']['RestoreBackup'];
export type Directory = components['schemas']['Directory'];
export type Entry = Directory['entries'][number];

export function directoryOf(server: string, id: string, path: string, cursor?: string): Promise<Directory> {
  const query = { ...(path === '' ? {} : { path }), ...(cursor === undefined ? {} : { cursor }) };
  const params = { path: { server, id }, query };
  return answer(api.GET('/api/servers/{server}/backups/{id}/files', { params }));
}

/** Quick choices one after the other are one question. */
const CHOOSING_MS = 250;
const BUSY_AGAIN_MS = 400;

const pause = (ms: number): Promise<void> => new Promise((go) => void setTimeout(go, ms));

/**
 * What a restore with these wishes would change now; it changes nothing. A server is looked at once at a time, so this
 * waits for the look before.
 *
 * @param wanted false once another question has taken its place: then it is not asked any more.
 */
export async function previewOf(server: string, id: string, body: RestoreWish, wanted: () => boolean) {
  const params = { path: { server }, query: { id } };
  await pause(CHOOSING_MS);
  for (;;) {
    try {
      if (!wanted()) throw new ApiFailure(0, { error: 'Another choice was made', code: 'cancelled' });
      const call = api.POST('/api/servers/{server}/backups/restore', { params, body: { ...body, dryRun: true } });
      const { dryRun, warnings = [] } = await answer(call);
      if (dryRun === undefined) throw new ApiFailure(500, undefined);
      return { ...dryRun, warnings, at: Date.now() };
    } catch (error) {
      if (!(error instanceof ApiFailure) || error.code !== 'server_busy' || !wanted()) throw error;
      await pause(BUSY_AGAIN_MS);
    }
  }
}

export function restoreBackup(server: string, id: string, body: RestoreWish) {
  const params = { path: { server }, query: { id } };
  return answer(api.POST('/api/servers/{server}/backups/restore', { params, body }));
}

/** Has the browser save one file; it goes through the page's memory, so large ones are better taken with the archive. */
export async function saveFile(server: string, id: string, path: string): Promise<void> {
  const address = addressOf(`api/servers/${server}/backups/${id}/files/content`);
  address.searchParams.set('path', path);
  const response = await fetch(address, { headers: { Authorization: `Bearer ${secret.value}` } });
  if (!response.ok) throw new ApiFailure(response.status, await response.json().catch(() => undefined));
  const link = document.createElement('a');
  link.href = URL.createObjectURL(await response.blob());
  link.download = path.slice(path.lastIndexOf('/') + 1);
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
