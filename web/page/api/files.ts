/** Calls about what is in a backup, and about bringing it back. */
import { secret } from '../live/session.ts';
import { addressOf } from '../live/base.ts';
import { AT_ONCE } from './backups.ts';
import { answer, api } from './client.ts';
import { ApiFailure } from './failures.ts';
import type { components } from './schema.d.ts';

export type RestoreWish = components['schemas']['RestoreBackup'];
export type PreviewWish = components['schemas']['PreviewRestore'];
export type Directory = components['schemas']['Directory'];
export type Entry = Directory['entries'][number];

export function directoryOf(server: string, id: string, path: string, cursor?: string): Promise<Directory> {
  const query = {
    with: 'totals,live' as const,
    ...(path === '' ? {} : { path }),
    ...(cursor === undefined ? {} : { cursor }),
  };
  const params = { path: { server, id }, query };
  return answer(api.GET('/api/servers/{server}/backups/{id}/files', { params }));
}

export type Preview = components['schemas']['Comparison'] & { readonly at: number };
export type Change = components['schemas']['Change'];

/** A preview waits this long after a tick, so that several ticks in a row ask once. */
const CHOOSING_MS = 250;

const pause = (ms: number): Promise<void> => new Promise((go) => void setTimeout(go, ms));

/**
 * What a restore with this choice would change now; it changes nothing and is no job.
 *
 * @param wanted returns false once a newer preview is wanted: then this one is not requested.
 */
export async function previewOf(
  server: string,
  id: string,
  body: PreviewWish,
  wanted: () => boolean,
): Promise<Preview> {
  await pause(CHOOSING_MS);
  if (!wanted()) throw new ApiFailure(0, { error: 'Another choice was made', code: 'cancelled' });
  const params = { path: { server, id } };
  const found = await answer(api.POST('/api/servers/{server}/backups/{id}/preview', { params, body }));
  return { ...found, at: Date.now() };
}

/** A page of the changes of a preview: of one class or of all, the first or by the cursor of the page before. */
export function changesOf(
  server: string,
  id: string,
  query: { readonly class?: Change['class']; readonly cursor?: string },
): Promise<components['schemas']['Changes']> {
  return answer(api.GET('/api/servers/{server}/comparisons/{id}', { params: { path: { server, id }, query } }));
}

/** Begins a restore. @returns the job. */
export async function restoreBackup(server: string, id: string, body: RestoreWish): Promise<string> {
  const params = { path: { server }, query: { id } };
  const call = api.POST('/api/servers/{server}/backups/restore', { params, body, headers: AT_ONCE });
  return (await answer(call)).jobId ?? '';
}

/** The largest file that is shown instead of saved. */
export const MOST_SHOWN_BYTES = 1024 * 1024;

/** @throws ApiFailure; an error for a content that is larger than its entry said. */
export async function contentOf(server: string, id: string, path: string): Promise<Uint8Array<ArrayBuffer>> {
  const address = addressOf(`api/servers/${server}/backups/${id}/files/content`);
  address.searchParams.set('path', path);
  const response = await fetch(address, { headers: { Authorization: `Bearer ${secret.value}` } });
  if (!response.ok) throw new ApiFailure(response.status, await response.json().catch(() => undefined));
  return new Uint8Array(await response.arrayBuffer());
}
