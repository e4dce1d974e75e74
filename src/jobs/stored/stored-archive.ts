/** Opening what a backup left in its store: the archive, and the index beside it where there is one. */
import type { OpenRequest } from '../../archive/contract.ts';
import { Failure } from '../../base/failure.ts';
import type { ByteSource } from '../../base/source.ts';
import type { BackupRecord } from '../../catalogue/records.ts';
import { objectKey } from '../../storage/key.ts';
import type { OpenOptions, Store } from '../../storage/store.ts';
import { ownIndex } from './digests.ts';
import { readAside } from './manifests.ts';

export interface StoredArchive {
  /** What the archive room's verbs take. */
  readonly request: OpenRequest;
  /** Closes both sources; once, after the last read. */
  close(): Promise<void>;
}

/**
 * The index counts only when it is the one that was made with the backup (digests.ts); without one, a
 * caller that relies on single parts of the archive must prove all of it first.
 *
 * @param manifest `always` also looks for what the manifest alone may hold when the index turns out to be damaged;
 *   without it, it is only read where there is no index.
 * @throws Failure `archive_damaged` when the archive is missing or not as long as it was; `store_unreachable`.
 */
export async function openStoredArchive(
  store: Store,
  backup: BackupRecord,
  manifest: 'always' | 'without index' = 'without index',
  signal?: AbortSignal,
  options?: OpenOptions,
): Promise<StoredArchive> {
  const archive = await openArchiveSource(store, backup, options);
  try {
    const index = await ownIndex(store, backup, signal);
    const aside = index === undefined || manifest === 'always' ? await readAside(store, backup) : undefined;
    const beside = { ...(index === undefined ? {} : { index }), ...(aside === undefined ? {} : { aside }) };
    return {
      request: { archive, ...beside },
      close: async () => {
        await Promise.all([archive.close(), index?.close()]);
      },
    };
  } catch (error) {
    await archive.close();
    throw error;
  }
}

/** The archive alone, for a download. Throws like `openStoredArchive`. */
export async function openArchiveSource(
  store: Store,
  backup: BackupRecord,
  options?: OpenOptions,
): Promise<ByteSource> {
  const source = await store.open(objectKey(backup.server, backup.id, 'tar.gz'), options);
  if (source.size === backup.size) return source;
  await source.close();
  throw new Failure(
    'archive_damaged',
    `Cannot read the archive: it has ${source.size} bytes, and had ${backup.size} when it was made`,
    { facts: { backup: backup.id, size: source.size, expected: backup.size } },
  );
}
