/**
 * Some of a backup for a download: one file as it is, or several as a tar.gz that is made while it is sent. Reads only;
 * nothing is written to a disk, and memory does not grow with the selection.
 */
import { pipeline } from 'node:stream/promises';
import { constants, createGzip } from 'node:zlib';
import { selectedTar } from '../../archive/archive.ts';
import type { OpenedArchive } from '../../archive/contract.ts';
import { ExactNames } from '../../archive/select/exact-names.ts';
import { selectPaths } from '../../archive/select/selection.ts';
import { Failure, throwIfAborted } from '../../base/failure.ts';
import type { BackupRecord } from '../../catalogue/records.ts';
import type { Store } from '../../storage/store.ts';
import type { FileContent, Selection } from '../contract.ts';
import { lastName, type LookDoor, type Opened, openForLooking, openNames, openProven, owning } from './files.ts';

/**
 * Reads all entries once, without their content.
 *
 * @throws Failure `path_not_found` for the first that the backup does not hold; `archive_damaged`, `store_unreachable`.
 */
export async function findSelection(
  door: LookDoor,
  store: Store,
  record: BackupRecord,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<Selection> {
  const opened = await openForLooking(door, await openNames(door, store, record, signal), signal);
  try {
    const names = new ExactNames(paths);
    for await (const { path } of opened.archive.entries(signal)) names.see(path);
    const { found, missing } = names.result();
    if (missing[0] !== undefined) {
      throw new Failure('path_not_found', `Cannot take the selection: the backup holds no "${missing[0]}"`, {
        hint: 'List the directory above it to see what the backup holds.',
      });
    }
    const [only] = found;
    const isAlone = only !== undefined && found.length === 1;
    return isAlone && (await isFile(opened.archive, only, signal)) ? { paths: found, file: only } : { paths: found };
  } finally {
    await opened.close();
  }
}

/**
 * @param signal ends the stream and frees the archive; must fire also when the stream is never read.
 * @throws Failure `path_not_found`, `archive_damaged`, `store_unreachable`.
 */
export async function openSelection(
  door: LookDoor,
  store: Store,
  record: BackupRecord,
  selection: Selection,
  signal: AbortSignal,
): Promise<FileContent> {
  throwIfAborted(signal, 'Cannot read from the backup');
  const opened = await openForLooking(door, await openProven(door, store, record, signal), signal);
  try {
    if (selection.file !== undefined) return await oneFile(opened, selection.file, signal);
    const wanted = selectPaths(selection.paths);
    const tar = selectedTar(opened.archive, (path) => wanted.selects(path, 'other'), signal);
    const [only = ''] = selection.paths;
    const name = selection.paths.length === 1 ? lastName(only) : `${record.id.slice(0, 8)}-files`;
    return { name: `${name}.tar.gz`, mtime: 0, stream: owning(gzipped(tar), opened, signal) };
  } catch (error) {
    await opened.close();
    throw error;
  }
}

async function oneFile(opened: Opened, path: string, signal: AbortSignal): Promise<FileContent> {
  const { entry, stream } = await opened.archive.content(path, signal);
  return { name: lastName(path), size: entry.size, mtime: entry.mtime, stream: owning(stream, opened, signal) };
}

async function isFile(archive: OpenedArchive, path: string, signal: AbortSignal): Promise<boolean> {
  try {
    await archive.content(path, signal);
    return true;
  } catch (error) {
    if (error instanceof Failure && error.code === 'path_not_found') return false;
    throw error;
  }
}

/** Fast rather than small: it is made at the speed of a download. */
async function* gzipped(tar: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  const gzip = createGzip({ level: constants.Z_BEST_SPEED });
  // Rejects with what ends the loop below, too.
  const piped = pipeline(copied(tar), gzip).catch(() => undefined);
  try {
    yield* gzip;
  } finally {
    gzip.destroy();
    // The archive may be closed once the tar reads no more of it.
    await piped;
  }
}

/** gzip holds several pieces at a time. */
async function* copied(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  for await (const piece of pieces) yield Buffer.from(piece);
}
