/**
 * Looking inside a finished archive without unpacking it: one directory level, or the content of one file. Reads only;
 * each call opens the archive and closes it again, so nothing is held for a browser tab that was forgotten.
 */
import type { OpenedArchive } from '../../archive/contract.ts';
import type { Entry } from '../../archive/entry.ts';
import { Failure, throwIfAborted } from '../../base/failure.ts';
import { fromText, splitPath, wirePath } from '../../base/files/paths.ts';
import type { ByteSource } from '../../base/source.ts';
import type { BackupRecord } from '../../catalogue/records.ts';
import type { Store } from '../../storage/store.ts';
import type { ArchivePort } from './archive-port.ts';
import type { DirectoryItem, DirectoryPage, FileContent } from '../contract.ts';
import { requireRecordedArchive } from './digests.ts';
import type { Listings } from './listings.ts';
import { openStoredArchive, type StoredArchive } from './stored-archive.ts';

/** Entries of one page: a directory of a million files must not become one answer. */
const PAGE = 1000;

/** How archives are looked into. */
export interface LookDoor extends Pick<ArchivePort, 'openArchive'> {
  readonly listings?: Listings | undefined;
}

/**
 * @param path as JSON carries it; '' for the root.
 * @throws Failure `path_not_found`, `archive_damaged`, `store_unreachable`.
 */
export async function listDirectory(
  door: LookDoor,
  store: Store,
  record: BackupRecord,
  path: string,
  cursor: string | undefined,
  signal: AbortSignal,
): Promise<DirectoryPage> {
  throwIfAborted(signal, 'Cannot look into the backup');
  const opened = await openForLooking(door, await openNames(door, store, record, signal), signal);
  try {
    const page = await firstFound(path, (bytes) => opened.archive.list(bytes, cursor, PAGE, signal));
    const entries = page.entries.map(directoryItem);
    return { path, entries, ...(page.cursor === undefined ? {} : { cursor: page.cursor }) };
  } finally {
    await opened.close();
  }
}

/**
 * @param signal ends the stream and frees the archive; must fire also when the stream is never read.
 * @throws Failure like `listDirectory`.
 */
export async function openContent(
  door: LookDoor,
  store: Store,
  record: BackupRecord,
  path: string,
  signal: AbortSignal,
): Promise<FileContent> {
  throwIfAborted(signal, 'Cannot read the file');
  const opened = await openForLooking(door, await openProven(door, store, record, signal), signal);
  try {
    const { entry, stream } = await firstFound(path, (bytes) => opened.archive.content(bytes, signal));
    return { name: lastName(entry.path), size: entry.size, mtime: entry.mtime, stream: owning(stream, opened, signal) };
  } catch (error) {
    await opened.close();
    throw error;
  }
}

export interface Opened {
  readonly archive: OpenedArchive;
  /** May be called again. */
  close(): Promise<void>;
}

/**
 * The sources of a backup for a look at its names: without an index, by the listing of the recorded archive, which is made
 * now where it is missing.
 *
 * @throws Failure `archive_damaged`, `store_unreachable`, `cancelled`.
 */
export async function openNames(
  { listings }: Pick<LookDoor, 'listings'>,
  store: Store,
  record: BackupRecord,
  signal: AbortSignal,
): Promise<StoredArchive> {
  return withoutIndex(store, record, signal, async ({ request }) => {
    const open = (shared: AbortSignal) => openStoredArchive(store, record, 'without index', shared);
    const listing = await listings?.openOrMake(record, open, signal);
    if (listing === undefined) await requireRecordedArchive(store, record, request.archive, signal);
    return listing;
  });
}

/** As `openNames`, for a look at content; without an index only after all of the archive was compared with the record. */
export async function openProven(
  { listings }: Pick<LookDoor, 'listings'>,
  store: Store,
  record: BackupRecord,
  signal: AbortSignal,
): Promise<StoredArchive> {
  return withoutIndex(store, record, signal, async ({ request }) => {
    await requireRecordedArchive(store, record, request.archive, signal);
    return listings?.open(record);
  });
}

async function withoutIndex(
  store: Store,
  record: BackupRecord,
  signal: AbortSignal,
  prepare: (stored: StoredArchive) => Promise<ByteSource | undefined>,
): Promise<StoredArchive> {
  const stored = await openStoredArchive(store, record, 'without index', signal, { partly: true });
  try {
    const listing = stored.request.index === undefined ? await prepare(stored) : undefined;
    if (listing === undefined) return stored;
    return {
      request: { ...stored.request, listing },
      close: async () => {
        await Promise.all([stored.close(), listing.close()]);
      },
    };
  } catch (error) {
    await stored.close();
    throw error;
  }
}

/**
 * Opens a backup's archive for listing or reading.
 *
 * @param stored closed by `close` of what is returned, and when this fails.
 * @throws Failure `archive_damaged`, `store_unreachable`, `cancelled`.
 */
export async function openForLooking(door: LookDoor, stored: StoredArchive, signal: AbortSignal): Promise<Opened> {
  try {
    const archive = await door.openArchive(stored.request, signal);
    let closing: Promise<void> | undefined;
    const close = (): Promise<void> => (closing ??= closeBoth(archive, stored));
    return { archive, close };
  } catch (error) {
    await stored.close();
    throw error;
  }
}

async function closeBoth(archive: OpenedArchive, stored: StoredArchive): Promise<void> {
  try {
    await archive.close();
  } finally {
    await stored.close();
  }
}

/** The stream, with the archive closed when it ends, fails, is left early, or was aborted before anybody read it. */
export function owning(
  stream: AsyncIterable<Uint8Array>,
  opened: Opened,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  let reading = false;
  const onAbort = (): void => {
    if (!reading) opened.close().catch(() => undefined);
  };
  signal.addEventListener('abort', onAbort, { once: true });
  return {
    async *[Symbol.asyncIterator]() {
      reading = true;
      try {
        throwIfAborted(signal, 'Cannot read the file');
        yield* stream;
      } finally {
        signal.removeEventListener('abort', onAbort);
        await opened.close();
      }
    },
  };
}

/**
 * Paths in JSON are text; a name that is no text is shown with `\xNN` escapes. A real name may look like an escape, so
 * the path is tried as it is first, and with escapes decoded when it does not exist.
 */
async function firstFound<Result>(path: string, look: (bytes: string) => Promise<Result>): Promise<Result> {
  const plain = fromText(path);
  const unescaped = plain.replace(/\\x([0-9a-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  try {
    return await look(plain);
  } catch (error) {
    if (unescaped === plain || !(error instanceof Failure) || error.code !== 'path_not_found') throw error;
    return look(unescaped);
  }
}

function directoryItem(entry: Entry): DirectoryItem {
  const { kind, size, mode, mtime, target } = entry;
  const { path: raw } = entry;
  return {
    name: lastName(raw),
    raw,
    kind,
    size,
    mode,
    mtime,
    ...(target === undefined ? {} : { target }),
  };
}

export function lastName(path: string): string {
  return wirePath(splitPath(path).name);
}
