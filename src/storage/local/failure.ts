/** Turns system errors of a local store into Failures that name the disk, the amount of space and what to do. */
import { statfs } from 'node:fs/promises';
import { asFailure, errnoOf, Failure } from '../../base/failure.ts';
import { formatBytes } from '../../base/sizes.ts';

const OUT_OF_SPACE = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** The medium is missing, read-only or failing; the request is fine. */
const MEDIUM_GONE = new Set(['EIO', 'EROFS', 'ESTALE', 'ENOTCONN', 'ENODEV', 'ENXIO', 'ENOTDIR', 'EACCES', 'EPERM']);

export interface StoreWrite {
  /** Bytes of the object already on disk. */
  readonly written: number;
  /** Bytes that did not fit; 0 when the error came after all were accepted. */
  readonly needed: number;
}

/**
 * @param doing the start of the sentence, such as "Cannot store the archive".
 * @param write given while writing: a full disk is then described in numbers.
 */
export async function explainStoreError(
  error: unknown,
  doing: string,
  directory: string,
  write?: StoreWrite,
): Promise<Failure> {
  const errno = errnoOf(error);
  if (error instanceof Failure || errno === undefined) return asFailure(error, doing);
  if (OUT_OF_SPACE.has(errno) && write !== undefined) return outOfSpace({ error, errno }, doing, directory, write);
  if (MEDIUM_GONE.has(errno)) {
    return new Failure('store_unreachable', `${doing}: ${directory} cannot be used (${errno})`, {
      cause: error,
      facts: { errno, directory },
      hint: 'Check that the disk is mounted, writable and healthy, and that Roost may write there.',
      retry: true,
    });
  }
  return asFailure(error, doing);
}

async function outOfSpace(
  { error, errno }: { readonly error: unknown; readonly errno: string },
  doing: string,
  directory: string,
  { written, needed }: StoreWrite,
): Promise<Failure> {
  const free = await freeBytes(directory);
  // With a quota or file-size limit the disk may have free space, so naming it would mislead.
  const more = needed > 0 ? `at least ${formatBytes(needed)} more needed` : 'the last bytes were refused';
  const state = errno === 'ENOSPC' ? `${formatBytes(free ?? 0)} free, ${more}` : `a quota or limit (${errno}), ${more}`;
  return new Failure('insufficient_storage', `${doing}: ${state} after ${formatBytes(written)}`, {
    cause: error,
    facts: { errno, directory, free, needed, written },
    hint: 'Delete backups, or make room on the disk of the store, then try again.',
    retry: true,
  });
}

async function freeBytes(directory: string): Promise<number | null> {
  try {
    const { bavail, bsize } = await statfs(directory);
    return bavail * bsize;
  } catch {
    return null;
  }
}
