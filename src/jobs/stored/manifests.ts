/** Keeping manifests in step with rows that change after the backup was made: locked, verified, found damaged. */
import { Failure } from '../../base/failure.ts';
import type { Log } from '../../base/log/log.ts';
import { decodeAllocated, decodeAside, decodeManifest } from '../../catalogue/manifest/read.ts';
import { encodeManifest, MAX_MANIFEST_BYTES } from '../../catalogue/manifest/manifest.ts';
import type { BackupRecord } from '../../catalogue/records.ts';
import { objectKey } from '../../storage/key.ts';
import type { Store } from '../../storage/store.ts';
import { putManifest } from './archive-target.ts';

/**
 * Replaces a completed backup's manifest by what the record says, and keeps what the manifest alone holds; the storage's
 * own lock follows.
 */
export async function writeManifest(store: Store, record: BackupRecord): Promise<void> {
  await putManifest(
    store,
    record,
    encodeManifest(record, await readAside(store, record), await readAllocated(store, record)),
  );
  await protectObjects(store, record);
}

/** The manifest itself stays free: it is written again with each change. */
export async function protectObjects(store: Store, { server, id, locked }: BackupRecord): Promise<void> {
  if (store.protect === undefined) return;
  for (const kind of ['tar.gz', 'index'] as const) await store.protect(objectKey(server, id, kind), locked);
}

/**
 * The same where the row counts and the manifest may lag behind: a failure is logged, and the next change or
 * verification writes it again.
 */
export async function refreshManifest(store: Store, record: BackupRecord, log: Log): Promise<void> {
  try {
    await writeManifest(store, record);
  } catch (error) {
    log.warn('Cannot bring the manifest up to date', { backup: record.id, store: store.name, error });
  }
}

/**
 * The backup that the manifest in this store describes; undefined when there is none, or none that fits.
 *
 * @throws Failure `store_unreachable`.
 */
export async function readManifest(
  store: Store,
  owner: Pick<BackupRecord, 'server' | 'id'>,
): Promise<BackupRecord | undefined> {
  const record = await decodedManifest(store, owner, decodeManifest);
  return record?.id === owner.id && record.server === owner.server ? { ...record, store: store.name } : undefined;
}

/**
 * The directories and links of an archive of files alone, as its manifest keeps them; undefined when it keeps none.
 *
 * @throws Failure `store_unreachable`.
 */
export function readAside(store: Store, owner: Pick<BackupRecord, 'server' | 'id'>): Promise<Uint8Array | undefined> {
  return decodedManifest(store, owner, decodeAside);
}

/** What the content of the archive takes on disk, as its manifest keeps it. @throws Failure `store_unreachable`. */
export function readAllocated(store: Store, owner: Pick<BackupRecord, 'server' | 'id'>): Promise<number | undefined> {
  return decodedManifest(store, owner, decodeAllocated);
}

async function decodedManifest<Content>(
  store: Store,
  { server, id }: Pick<BackupRecord, 'server' | 'id'>,
  decode: (bytes: Uint8Array) => Content,
): Promise<Content | undefined> {
  const key = objectKey(server, id, 'json');
  const stat = await store.stat(key);
  if (stat === undefined || stat.size > MAX_MANIFEST_BYTES) return undefined;
  const source = await store.open(key);
  try {
    return decode(await source.read(0, source.size));
  } catch (error) {
    if (error instanceof Failure && error.code === 'archive_damaged') return undefined;
    throw error;
  } finally {
    await source.close();
  }
}
