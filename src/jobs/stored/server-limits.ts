/** The limits of one backup: those of the node, replaced by those of the server, tightened by those of the request. */
import type { ServerId } from '../../base/ids.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import type { Config, ServerLimits } from '../../config/types.ts';
import { checkBackupCount, mostBytes, tightest } from '../../policy/limits.ts';
import type { StoreSet } from './stores.ts';

export interface LimitDeps {
  readonly catalogue: Pick<Catalogue, 'backups'>;
  readonly config: Pick<Config, 'limits'>;
  readonly stores: Pick<StoreSet, 'all'>;
}

/**
 * True when one more backup of that size fits.
 *
 * @param size bytes of its archive, as far as that can be known before.
 */
export function fitsLimits(server: ServerId, asked: ServerLimits | undefined, size: number, deps: LimitDeps): boolean {
  const { perServer, serverBytes } = limitsOf(server, asked, deps);
  const { good, suspect } = deps.catalogue.backups.countKept(server);
  if (perServer > 0 && Math.max(good, suspect) >= perServer) return false;
  return serverBytes === 0 || bytesOf(server, deps) + size <= serverBytes;
}

/** @throws Failure `too_many_backups`, or `too_large` when the archives of the server use up their limit. */
export function checkLimits(server: ServerId, asked: ServerLimits | undefined, deps: LimitDeps): void {
  const limits = limitsOf(server, asked, deps);
  const { good, suspect } = deps.catalogue.backups.countKept(server);
  // Suspect backups take no place from good ones, and as many may lie beside them.
  checkBackupCount(Math.max(good, suspect), limits.perServer);
  mostBytes(limits, bytesOf(server, deps));
}

/** What the next archive of a server may take, in bytes; 0 for no limit. */
export interface ArchiveLimits {
  /** Of the archive. */
  readonly size: number;
  /** Of what it adds to a store whose archives share bytes. */
  readonly added: number;
}

/**
 * The limits of the next archive of the server. Call it when the job runs, since backups before it count.
 *
 * @param shares the archive goes to a store whose archives share bytes.
 * @throws Failure `too_large` when nothing is left.
 */
export function archiveLimits(
  server: ServerId,
  asked: ServerLimits | undefined,
  shares: boolean,
  deps: LimitDeps,
): ArchiveLimits {
  const limits = limitsOf(server, asked, deps);
  const used = bytesOf(server, deps);
  const most = mostBytes(limits, used);
  if (!shares || limits.serverBytes === 0) return { size: most, added: 0 };
  return { size: limits.maxSize, added: limits.serverBytes - used };
}

/** Limits in force for a server, with what a request may use besides. */
export function limitsOf(server: ServerId, asked: ServerLimits | undefined, { config }: LimitDeps): ServerLimits {
  const { servers, ...node } = config.limits;
  const own = servers[server];
  const here = {
    perServer: own?.perServer ?? node.perServer,
    maxSize: own?.maxSize ?? node.maxSize,
    serverBytes: own?.serverBytes ?? node.serverBytes,
  };
  return asked === undefined ? here : tightest(here, asked);
}

/** Bytes that count for `server_bytes`: of a vault what the disk holds, once it was collected; else of the archives. */
export function bytesOf(server: ServerId, { catalogue, stores }: LimitDeps): number {
  const vaults = new Map(stores.all().map(({ name, vault }) => [name, vault]));
  let bytes = 0;
  for (const [store, totals] of catalogue.backups.overview(server).stores) {
    const vault = vaults.get(store);
    bytes +=
      vault === undefined ? totals.bytes : (vault.usage(server)?.storedBytes ?? addedTo(server, store, catalogue));
  }
  return bytes;
}

/**
 * What the backups in a vault take at least, until a collection has measured it: after a start, and where a recipe cannot be
 * read. The sum of their archives may be thirty times as much, and would refuse each backup.
 */
function addedTo(server: ServerId, store: string, { backups }: LimitDeps['catalogue']): number {
  const kept = backups.list({ server, store, status: 'COMPLETED' });
  const added = kept.reduce((sum, { size, storedBytes }) => sum + (storedBytes ?? size), 0);
  // What one that is gone had added, and another has still, is in no sum; all of an archive lies there.
  return kept.reduce((most, { size }) => Math.max(most, size), added);
}
