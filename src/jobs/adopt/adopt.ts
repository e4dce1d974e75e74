/**
 * Adopts archives of other agents as backups.
 *
 * For: `roost adopt`, and on-demand.ts.
 * Promises: an archive is read to its end first, so one that a crash cut off (Wings writes under the final name) never
 * becomes a backup. Then, in this order:
 *
 *   1 archive    a second name for the same bytes, or a copy; durable
 *   2 manifest   durable: from here on a rebuild finds the backup
 *   3 the row    from here on it is listed and can be restored
 *   4 the old name is removed, for a move
 *
 * Never: removes the original before 1 to 3 are durable. After a kill at any point, the same command continues.
 */
import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, open, realpath, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { MEBIBYTE } from '../../base/sizes.ts';
import { verifyArchive } from '../../archive/archive.ts';
import type { VerifyResult } from '../../archive/contract.ts';
import type { ArchiveProgress } from '../../archive/entry.ts';
import type { AdoptedArchive, AdoptReport, AdoptRequest, RefusedArchive } from '../../base/adopt-report.ts';
import { fileSource } from '../../base/files/file-source.ts';
import type { Clock } from '../../base/clock.ts';
import { asFailure, errnoOf, Failure, throwIfAborted } from '../../base/failure.ts';
import type { ServerId } from '../../base/ids.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import type { BackupRecord } from '../../catalogue/records.ts';
import { type ObjectKey, objectKey } from '../../storage/key.ts';
import type { Store } from '../../storage/store.ts';
import { keepWarnings } from '../stored/backup-facts.ts';
import { SpaceGuard } from '../stored/space-guard.ts';
import { findForeignArchives, type ForeignArchive } from './foreign-archives.ts';
import { writeManifest } from '../stored/manifests.ts';
import type { StoreSet } from '../stored/stores.ts';

/** How one archive is adopted. */
interface AdoptOptions extends Pick<AdoptRequest, 'how' | 'dryRun' | 'signal'> {
  /** Called while the archive is read. */
  readonly onProgress?: (progress: ArchiveProgress) => void;
}

export interface AdoptDeps {
  readonly catalogue: Pick<Catalogue, 'backups'>;
  readonly stores: StoreSet;
  readonly clock: Clock;
  readonly workers: number | 'auto';
  /** Bytes that stay free in a store that bytes are copied into. */
  readonly reserveFree: () => number;
}

/** Failures of one archive; any other failure would affect all archives, so it ends the run. */
const REFUSED = new Set(['archive_damaged', 'backup_exists', 'too_large', 'invalid_request']);

const CHUNK = MEBIBYTE;
const EMPTY = 'The archive holds no file that could be restored';

/**
 * Adopts all archives in the requested directories as backups, one after the other. An archive that cannot be adopted is
 * in `refused` and does not stop the others; repeating the call continues where it stopped.
 *
 * @throws Failure `invalid_request`, `store_unreachable`, `insufficient_storage`, `cancelled`; archives adopted before
 *   stay adopted.
 */
export async function adopt(request: AdoptRequest, deps: AdoptDeps): Promise<AdoptReport> {
  const store = deps.stores.default;
  await store.check();
  const archives: ForeignArchive[] = [];
  const refused: RefusedArchive[] = [];
  for (const directory of request.directories) {
    await refuseOwnStore(directory, deps.stores);
    const found = await findForeignArchives(directory, request.server);
    archives.push(...found.archives);
    refused.push(...found.refused);
  }
  const adopted: AdoptedArchive[] = [];
  for (const [index, archive] of archives.entries()) {
    throwIfAborted(request.signal, 'Cannot take over the archives');
    request.onFile?.(archive.path, index + 1, archives.length);
    try {
      adopted.push(await adoptArchive(archive, store, request, deps));
    } catch (error) {
      const failure = asFailure(error, `Cannot take over ${archive.path}`);
      if (!REFUSED.has(failure.code)) throw failure;
      refused.push({ path: archive.path, code: failure.code, reason: failure.message });
    }
  }
  return { adopted, refused };
}

/**
 * Adopts one archive.
 *
 * @throws Failure `archive_damaged`, `backup_exists`, `insufficient_storage`, `store_unreachable`, `cancelled`.
 */
export async function adoptArchive(
  archive: ForeignArchive,
  store: Store,
  request: AdoptOptions,
  deps: AdoptDeps,
): Promise<AdoptedArchive> {
  const { path, server, backup } = archive;
  const known = deps.catalogue.backups.find(backup);
  if (known !== undefined) {
    if (known.server !== server) throw taken(archive);
    const { size, files, warningCount: warnings } = known;
    // A crash may have ended a move before its last step. Without reading it, only a second hard link of the stored file is
    // removed.
    const finish = request.how === 'move' && !request.dryRun && (await isSecondName(archive, store));
    if (finish) await unlink(path);
    return { path, server, backup, size, files, state: finish ? 'moved' : 'known', warnings };
  }
  const handle = await openArchiveFile(path);
  try {
    const before = await handle.stat();
    const verdict = await verify(handle, request, deps.workers);
    const { size, files } = verdict;
    const about = { path, server, backup, size, files, warnings: verdict.warningCount };
    if (request.dryRun) return { ...about, state: 'would be taken' };
    const room = (): SpaceGuard => new SpaceGuard(store, deps.reserveFree, deps.clock);
    const linked = await place(archive, handle, store, request, room);
    await refuseChanged(archive, before, await handle.stat(), store);
    const now = deps.clock.now();
    const record = recordOf(archive, verdict, { madeAt: madeAt(verdict, before, now), now, store: store.name });
    await writeManifest(store, record);
    deps.catalogue.backups.adopt(record);
    if (request.how === 'move' && !isInPlace(archive, store)) await unlink(path);
    return { ...about, state: request.how === 'move' ? 'moved' : linked ? 'linked' : 'copied' };
  } finally {
    await handle.close();
  }
}

/** Refuses the directory of a store: its backups are known or not to be trusted. */
async function refuseOwnStore(directory: string, stores: StoreSet): Promise<void> {
  const there = await realpath(directory).catch(() => directory);
  for (const store of stores.all()) {
    const itsDirectory = storeDirectory(store);
    if (itsDirectory === undefined) continue;
    const own = await realpath(itsDirectory).catch(() => undefined);
    if (own === undefined || (there !== own && dirname(there) !== own)) continue;
    throw new Failure('invalid_request', `Cannot take over from ${directory}: it is the store "${store.name}"`, {
      hint: 'What it holds is known already; "roost catalogue rebuild" finds what is not.',
    });
  }
}

const NIL_UUID = '00000000-0000-0000-0000-000000000000';

/** Directory of a store on this host; undefined for a remote store. */
export function storeDirectory(store: Store): string | undefined {
  const example = store.localPath?.(objectKey(NIL_UUID as ServerId, NIL_UUID as never, 'json'));
  return example === undefined ? undefined : dirname(dirname(example));
}

async function openArchiveFile(path: string): Promise<FileHandle> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  try {
    return await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    throw new Failure('archive_damaged', `Cannot open the archive: ${errnoOf(error) ?? String(error)}`, {
      cause: error,
    });
  }
}

async function verify(
  handle: FileHandle,
  { signal, onProgress }: Pick<AdoptOptions, 'signal' | 'onProgress'>,
  workers: number | 'auto',
): Promise<VerifyResult> {
  const facts = await handle.stat();
  if (!facts.isFile()) throw new Failure('archive_damaged', 'Cannot verify the archive: it is no regular file');
  const magic = Buffer.alloc(3);
  await handle.read(magic, 0, 3, 0);
  // The name of the stored object promises gzip.
  if (magic.toString('hex') !== '1f8b08') {
    throw new Failure('archive_damaged', 'Cannot take over the archive: it is not gzip, whatever its name says');
  }
  const source = { archive: fileSource(handle.fd, facts.size) };
  const verdict = await verifyArchive({ source, workers, signal, onProgress });
  // An agent that ignores write errors can end a valid gzip stream in the middle of the tar.
  if (verdict.warnings.some(({ code }) => code === 'missing_end')) {
    throw new Failure('archive_damaged', 'Cannot take over the archive: its tar has no end, so it was cut off');
  }
  return verdict;
}

/** Stores the verified bytes under their key. True when both names share them. */
async function place(
  archive: ForeignArchive,
  handle: FileHandle,
  store: Store,
  { how, signal }: Pick<AdoptRequest, 'how' | 'signal'>,
  room: () => SpaceGuard,
): Promise<boolean> {
  const key = keyOf(archive);
  if (isInPlace(archive, store)) return true;
  if (how === 'copy' || store.link === undefined || !(await store.link(key, archive.path))) {
    await copy(handle, store, key, room, signal);
    return false;
  }
  const [verified, linked] = await Promise.all([handle.stat(), lstat(store.localPath?.(key) ?? archive.path)]);
  if (verified.ino === linked.ino && verified.dev === linked.dev) return true;
  await store.remove(key);
  throw new Failure('archive_damaged', 'Cannot take over the archive: it was replaced while it was read');
}

async function copy(
  handle: FileHandle,
  store: Store,
  key: ObjectKey,
  room: () => SpaceGuard,
  signal: AbortSignal,
): Promise<void> {
  const { size } = await handle.stat();
  // Before the first byte: what cannot fit is not half written.
  if (store.sharesBytes !== true) await room().admit(size);
  const writer = await store.create(key, { expectedSize: size, signal });
  try {
    const guarded = room().guard(writer);
    const buffer = Buffer.allocUnsafe(CHUNK);
    for (let offset = 0; offset < size;) {
      throwIfAborted(signal, 'Cannot take over the archive');
      const { bytesRead } = await handle.read(buffer, 0, CHUNK, offset);
      if (bytesRead === 0) throw new Failure('archive_damaged', 'Cannot take over the archive: it has become shorter');
      await guarded.write(buffer.subarray(0, bytesRead));
      offset += bytesRead;
    }
    await writer.commit();
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

/** True when the archive already lies at the path that the store gives it: the layouts may be the same. */
function isInPlace(archive: ForeignArchive, store: Store): boolean {
  return store.localPath?.(keyOf(archive)) === archive.path;
}

function keyOf({ server, backup }: ForeignArchive): ObjectKey {
  return objectKey(server, backup, 'tar.gz');
}

/** A file that changed while it was read no longer matches its checksum. */
async function refuseChanged(archive: ForeignArchive, before: Stats, after: Stats, store: Store): Promise<void> {
  if (before.size === after.size && before.mtimeMs === after.mtimeMs) return;
  if (!isInPlace(archive, store)) await store.remove(keyOf(archive));
  throw new Failure('archive_damaged', 'Cannot take over the archive: it was written to while it was read');
}

async function isSecondName(archive: ForeignArchive, store: Store): Promise<boolean> {
  const own = store.localPath?.(keyOf(archive));
  if (own === undefined) return false;
  const [ours, theirs] = await Promise.all([lstat(own).catch(noFile), lstat(archive.path)]);
  return ours?.ino === theirs.ino && ours.dev === theirs.dev;
}

/** A copy in a vault has no file of its own. */
function noFile(error: unknown): undefined {
  if (errnoOf(error) !== 'ENOENT') throw error;
}

/**
 * When an archive was made, in ms since the epoch: the time of its newest entry. The file's own time may be that of a
 * copy, so it is an upper bound; it is used alone when no entry has a date. Never later than now.
 */
function madeAt({ newest }: VerifyResult, file: Stats, now: number): number {
  const latest = Math.min(Math.floor(file.mtimeMs), now);
  return newest === undefined ? latest : Math.min(newest * 1000, latest);
}

/** @param madeAt in ms since the epoch; its backup ended then. */
function recordOf(
  { server, backup, name }: ForeignArchive,
  { size, rawSize, files, entries, sha256, warnings, warningCount }: VerifyResult,
  { madeAt, now, store }: { readonly madeAt: number; readonly now: number; readonly store: string },
): BackupRecord {
  return {
    id: backup,
    server,
    name: name ?? `Backup ${new Date(madeAt).toISOString().slice(0, 10)}`,
    status: 'COMPLETED',
    locked: false,
    ignore: [],
    store,
    key: objectKey(server, backup, 'tar.gz'),
    size,
    rawSize,
    files,
    entries,
    reusedBytes: 0,
    sha256,
    warnings: keepWarnings(warnings),
    warningCount,
    error: null,
    damagedAt: null,
    verifiedAt: now,
    sequence: 0,
    suspect: files > 0 ? null : { reason: 'empty', message: EMPTY, files, bytes: rawSize, baseline: null },
    acceptedAt: null,
    indexSha256: null,
    removing: false,
    createdAt: madeAt,
    updatedAt: now,
    completedAt: madeAt,
  };
}

function taken({ backup }: ForeignArchive): Failure {
  return new Failure('backup_exists', `Cannot take over the archive: the id ${backup} is another server's backup`);
}
