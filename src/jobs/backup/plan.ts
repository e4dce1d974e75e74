/** What a backup needs to know before it writes its first byte, and what would make it pointless to begin. */
import type { WriteRequest } from '../../archive/contract.ts';
import type { ArchiveWarning } from '../../archive/entry.ts';
import { Failure } from '../../base/failure.ts';
import type { ServerId } from '../../base/ids.ts';
import type { Log } from '../../base/log.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import type { BackupRecord } from '../../catalogue/records.ts';
import type { Config } from '../../config/types.ts';
import { checkInodes, checkReserve, checkRoom, expectedSize, surelyFits } from '../../policy/limits.ts';
import type { GameServer, Registry } from '../../servers/registry.ts';
import { stagePathsIn } from '../../servers/stage/strays.ts';
import { objectKey } from '../../storage/key.ts';
import type { Store } from '../../storage/store.ts';
import type { ArchivePort } from '../stored/archive-port.ts';
import { requireNoUnfinishedSwap } from '../stored/unfinished-swap.ts';
import type { StoreSet } from '../stored/stores.ts';

export interface PlanDeps {
  readonly catalogue: Pick<Catalogue, 'backups' | 'jobs' | 'plans' | 'transaction'>;
  readonly stores: StoreSet;
  readonly archive: ArchivePort;
  readonly registry: Pick<Registry, 'get'>;
  readonly config: Pick<Config, 'backups' | 'limits'>;
  /** Absolute paths that never become part of an archive: Roost's own. */
  readonly exclude: readonly string[];
  readonly log: Log;
}

export interface BackupPlan {
  readonly backup: BackupRecord;
  readonly server: GameServer;
  readonly store: Store;
  /** In force: what the request said, else the server's own ignore file. */
  readonly ignore: readonly string[];
  /** What was wrong with that file. */
  readonly warnings: readonly ArchiveWarning[];
  readonly exclude: readonly string[];
  readonly base: WriteRequest['base'];
  /** Bytes at which the archive is too large; 0 for none. */
  readonly maxSize: number;
  /** The most bytes that the archive may come to; absent where the store does not care. */
  readonly mostBytes: number | undefined;
}

/** Below this, the operator's limit tells a store of objects all that it needs: the parts are of the usual size. */
const SMALL_LIMIT = 64 * 1024 ** 3;
/** How much a server may grow while it is read; nothing is taken to shrink. */
const GROWTH = 1.3;
/** What an entry costs in the archive at most, but for very long names. */
const HEADERS = 2048;

/**
 * @param maxSize bytes that the archive may reach; 0 for no limit.
 * @throws Failure `server_not_found`, `store_unreachable`, `server_busy` while a restore has left it half changed, or
 * `insufficient_storage` when it would not fit.
 */
export async function planBackup(
  backup: BackupRecord,
  maxSize: number,
  deps: PlanDeps,
  signal: AbortSignal,
): Promise<BackupPlan> {
  const server = await deps.registry.get(backup.server);
  requireNoUnfinishedSwap(server, deps);
  const store = deps.stores.get(backup.store);
  const own = backup.ignore.length > 0 ? undefined : deps.archive.readIgnoreFile(server.path);
  const { lines: ignore, warnings } = own ?? { lines: backup.ignore, warnings: [] };
  const exclude = excludedPaths(server, deps);
  const source = { server, store, ignore, exclude, maxSize };
  await checkSpace(source, deps, signal);
  const mostBytes = await boundArchive(source, deps, signal);
  const base = await findBase(backup.server, deps);
  return { ...source, backup, warnings, mostBytes, base };
}

/** Roost's own directories, and what an interrupted restore may have left in the server's. */
export function excludedPaths(server: GameServer, { exclude }: Pick<PlanDeps, 'exclude'>): readonly string[] {
  return [...exclude, ...stagePathsIn(server.path)];
}

type Source = Pick<BackupPlan, 'server' | 'store' | 'ignore' | 'exclude' | 'maxSize'>;

/** Walks the tree only when that can change the answer: a walk of a million files takes longer than a small backup. */
async function checkSpace(source: Source, deps: PlanDeps, signal: AbortSignal): Promise<void> {
  const { server, store } = source;
  const { reserveFree } = deps.config.limits;
  const space = await store.freeSpace();
  const free = space?.bytes ?? null;
  checkReserve(free, reserveFree);
  checkInodes(space?.inodes ?? null);
  const past = deps.catalogue.backups.newestGood(server.id, store.name);
  if (surelyFits(free, reserveFree, past)) return;
  const { bytes } = await estimate(source, deps, signal);
  checkRoom(expectedSize(bytes, past, deps.config.backups.compression !== 'none'), free, reserveFree);
}

/** An object's parts have one size, which is chosen before the first byte: too small, and a large archive never fits. */
async function boundArchive(source: Source, deps: PlanDeps, signal: AbortSignal): Promise<number | undefined> {
  const { store, maxSize } = source;
  if ((await store.freeSpace()) !== null) return undefined;
  if (maxSize > 0 && maxSize <= SMALL_LIMIT) return maxSize;
  const tree = await estimate(source, deps, signal);
  const most = Math.ceil((tree.bytes + (tree.files + tree.directories) * HEADERS) * GROWTH);
  return maxSize > 0 ? Math.min(maxSize, most) : most;
}

function estimate({ server, ignore, exclude }: Source, { archive }: PlanDeps, signal: AbortSignal) {
  return archive.estimateTree({ root: server.path, ignore, exclude, signal });
}

/**
 * The newest good archive of the server that lies on this host with its index. Never a reason to fail: without one,
 * everything is compressed anew.
 */
async function findBase(server: ServerId, deps: PlanDeps): Promise<WriteRequest['base']> {
  let newest: { readonly record: BackupRecord; readonly store: Store } | undefined;
  for (const store of deps.stores.all()) {
    if (store.localPath === undefined) continue;
    const record = deps.catalogue.backups.newestGood(server, store.name);
    if (record !== undefined && record.createdAt > (newest?.record.createdAt ?? -1)) newest = { record, store };
  }
  if (newest === undefined) return undefined;
  try {
    return await baseFiles(newest.record, newest.store);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    deps.log.warn('Cannot reuse bytes of the last backup', { backup: newest.record.id, error });
    return undefined;
  }
}

async function baseFiles(record: BackupRecord, store: Store): Promise<WriteRequest['base']> {
  const archive = objectKey(record.server, record.id, 'tar.gz');
  const index = objectKey(record.server, record.id, 'index');
  const [archiveThere, indexThere] = await Promise.all([store.stat(archive), store.stat(index)]);
  if (archiveThere?.size !== record.size || indexThere === undefined || store.localPath === undefined) return undefined;
  return { archive: store.localPath(archive), index: store.localPath(index) };
}
