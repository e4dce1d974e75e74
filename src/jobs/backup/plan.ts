/** Prepares a backup before its first byte is written, and refuses one that cannot succeed. */
import type { WriteRequest } from '../../archive/contract.ts';
import type { ArchiveWarning } from '../../archive/entry.ts';
import { Failure } from '../../base/failure.ts';
import type { ServerId } from '../../base/ids.ts';
import type { Log } from '../../base/log/log.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import { type BackupRecord, type BackupSummary, isSuspect } from '../../catalogue/records.ts';
import type { Config } from '../../config/types.ts';
import { newestFirst } from '../../policy/order.ts';
import {
  checkInodes,
  checkReserve,
  checkRoom,
  expectedAddition,
  expectedSize,
  surelyEnough,
  surelyFits,
} from '../../policy/limits.ts';
import type { GameServer, Registry } from '../../servers/registry.ts';
import type { HeldOut } from '../../servers/held-out.ts';
import { objectKey, type ObjectKey } from '../../storage/key.ts';
import type { Store } from '../../storage/store.ts';
import type { ArchivePort } from '../stored/archive-port.ts';
import { requireNoUnfinishedSwap } from '../stored/unfinished-swap.ts';
import type { ArchiveLimits } from '../stored/server-limits.ts';
import type { StoreSet } from '../stored/stores.ts';

export interface PlanDeps {
  readonly catalogue: Pick<Catalogue, 'backups' | 'jobs' | 'plans' | 'transaction'>;
  readonly stores: StoreSet;
  readonly archive: ArchivePort;
  readonly registry: Pick<Registry, 'get'>;
  readonly config: Pick<Config, 'backups' | 'limits'>;
  /** Never archived. */
  readonly heldOut: Pick<HeldOut, 'pathsFor'>;
  readonly log: Log;
}

export interface BackupPlan {
  readonly backup: BackupRecord;
  readonly server: GameServer;
  readonly store: Store;
  /** Ignore lines of the request, else of the ignore file of the server. */
  readonly ignore: readonly string[];
  /** Problems of the ignore file. */
  readonly warnings: readonly ArchiveWarning[];
  readonly exclude: readonly string[];
  readonly base: WriteRequest['base'];
  /** The archive that the base is, when it lies in the store of this backup and the store shares bytes. */
  readonly sharedBase: ObjectKey | undefined;
  /** Bytes at which the archive is too large; 0 for no limit. */
  readonly maxSize: number;
  /** Bytes that the archive may add to a store whose archives share bytes; 0 for no limit. */
  readonly mostAdded: number;
  /** Upper bound of the archive in bytes; undefined where the store does not need it. */
  readonly mostBytes: number | undefined;
}

/** Up to this limit, object storage needs no estimate: its parts have the usual size. */
const SMALL_LIMIT = 64 * 1024 ** 3;
/** Allowance for a server that grows while it is read; compression is not counted. */
const GROWTH = 1.3;
/** Backups that tell what the next one adds. */
const LAST = 7;
/** Archive bytes of an entry besides content, except for very long names. */
const HEADERS = 2048;
/** What a byte of a hole takes in an archive: its zeros are deflated. */
const OF_HOLES = 0.001;

/**
 * @param limits of the archive.
 * @throws Failure `server_not_found`, `store_unreachable`, `server_busy` while a restore left it half changed, or
 * `insufficient_storage` when it would not fit.
 */
export async function planBackup(
  backup: BackupRecord,
  { size: maxSize, added: mostAdded }: ArchiveLimits,
  deps: PlanDeps,
  signal: AbortSignal,
): Promise<BackupPlan> {
  const server = await deps.registry.get(backup.server);
  requireNoUnfinishedSwap(server, deps);
  const store = deps.stores.get(backup.store);
  const own = backup.ignore.length > 0 ? undefined : deps.archive.readIgnoreFile(server.path);
  const { lines: ignore, warnings } = own ?? { lines: backup.ignore, warnings: [] };
  const exclude = await deps.heldOut.pathsFor(server);
  const source = { server, store, ignore, exclude, maxSize, mostAdded };
  await checkSpace(source, deps, signal);
  const mostBytes = await boundArchive(source, deps, signal);
  const found = await findBase(backup.server, store, deps);
  const sharedBase = found !== undefined && found.store === store ? found.key : undefined;
  return { ...source, backup, warnings, mostBytes, base: found?.base, sharedBase };
}

type Source = Pick<BackupPlan, 'server' | 'store' | 'ignore' | 'exclude' | 'maxSize' | 'mostAdded'>;

/** Walks the tree only when the result can matter: walking a million files takes longer than a small backup. */
async function checkSpace(source: Source, deps: PlanDeps, signal: AbortSignal): Promise<void> {
  const { server, store } = source;
  const { reserveFree } = deps.config.limits;
  const past = deps.catalogue.backups.newestGood(server.id, store.name);
  const space = await store.freeSpace(reserveFree + surelyEnough(past) + 1);
  const free = space?.bytes ?? null;
  checkReserve(free, reserveFree);
  checkInodes(space?.inodes ?? null);
  if (surelyFits(free, reserveFree, past)) return;
  const addition = store.sharesBytes === true ? expectedAddition(lastAdditions(server.id, store, deps)) : undefined;
  if (addition !== undefined) {
    checkRoom(addition, free, reserveFree);
    return;
  }
  const { bytes, holes = 0 } = await estimate(source, deps, signal);
  const expected = expectedSize(bytes - holes, past, deps.config.backups.compression !== 'none');
  checkRoom(expected + Math.ceil(holes * OF_HOLES), free, reserveFree);
}

/** Bytes that the newest backups of the server added to the store, but for one that had nothing to share with. */
function lastAdditions(server: ServerId, store: Store, { catalogue }: PlanDeps): number[] {
  return catalogue.backups
    .list({ server, store: store.name, status: 'COMPLETED', limit: LAST })
    .flatMap(({ size, storedBytes }) => (storedBytes === undefined || storedBytes >= size ? [] : [storedBytes]));
}

/** The part size of an object is fixed before the first byte; if it is too small, a large archive never fits. */
async function boundArchive(source: Source, deps: PlanDeps, signal: AbortSignal): Promise<number | undefined> {
  const { store, maxSize } = source;
  if ((await store.freeSpace(0)) !== null) return undefined;
  if (maxSize > 0 && maxSize <= SMALL_LIMIT) return maxSize;
  const tree = await estimate(source, deps, signal);
  const most = Math.ceil((tree.bytes + (tree.files + tree.directories) * HEADERS) * GROWTH);
  return maxSize > 0 ? Math.min(maxSize, most) : most;
}

function estimate({ server, ignore, exclude }: Source, { archive }: PlanDeps, signal: AbortSignal) {
  return archive.estimateTree({ root: server.path, ignore, exclude, signal });
}

interface FoundBase {
  readonly store: Store;
  readonly key: ObjectKey;
  readonly base: NonNullable<WriteRequest['base']>;
}

/**
 * The newest good archive of the server on this host with its index, for reuse. Without one, everything is compressed
 * again. A vault prefers an archive of its own: only with those can it share bytes.
 */
async function findBase(server: ServerId, target: Store, deps: PlanDeps): Promise<FoundBase | undefined> {
  const newest = newestOnHost(server, target, deps);
  if (newest === undefined) return undefined;
  try {
    return await baseFiles(newest.record, newest.store);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    deps.log.warn('Cannot reuse bytes of the last backup', { backup: newest.record.id, error });
    return undefined;
  }
}

interface Stored {
  readonly record: BackupSummary;
  readonly store: Store;
}

function newestOnHost(server: ServerId, target: Store, deps: PlanDeps): Stored | undefined {
  if (target.sharesBytes === true) {
    const own = newestShared(server, target, deps) ?? deps.catalogue.backups.newestGood(server, target.name);
    if (own !== undefined) return { record: own, store: target };
  }
  let newest: Stored | undefined;
  for (const store of deps.stores.all()) {
    if (store.localPath === undefined) continue;
    const record = deps.catalogue.backups.newestGood(server, store.name);
    if (record === undefined) continue;
    const [first] = newestFirst(newest === undefined ? [record] : [newest.record, record]);
    if (first === record) newest = { record, store };
  }
  return newest;
}

/**
 * Also one that is damaged: each segment is proven before it is taken over, and what can be made again as it was heals
 * all backups that share it.
 */
function newestShared(server: ServerId, { name: store }: Store, { catalogue }: PlanDeps): BackupSummary | undefined {
  const completed = catalogue.backups.list({ server, store, status: 'COMPLETED', limit: LAST });
  return newestFirst(completed.filter((record) => !record.removing && !isSuspect(record)))[0];
}

async function baseFiles(record: BackupSummary, store: Store): Promise<FoundBase | undefined> {
  const key = objectKey(record.server, record.id, 'tar.gz');
  const index = objectKey(record.server, record.id, 'index');
  const [archiveThere, indexThere] = await Promise.all([store.stat(key), store.stat(index)]);
  if (archiveThere?.size !== record.size || indexThere === undefined || store.localPath === undefined) return undefined;
  const archive = (await store.partsOf?.(key)) ?? store.localPath(key);
  return { store, key, base: { archive, index: store.localPath(index) } };
}
