/** The limits of one backup: those of the node, replaced by those of the server, tightened by those of the request. */
import type { ServerId } from '../../base/ids.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import type { Config, ServerLimits } from '../../config/types.ts';
import { checkBackupCount, mostBytes, tightest } from '../../policy/limits.ts';

export interface LimitDeps {
  readonly catalogue: Pick<Catalogue, 'backups'>;
  readonly config: Pick<Config, 'limits'>;
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

/**
 * Limit in bytes for the next archive of the server; 0 for none. Call it when the job runs, since backups before it count.
 *
 * @throws Failure `too_large` when nothing is left.
 */
export function archiveLimit(server: ServerId, asked: ServerLimits | undefined, deps: LimitDeps): number {
  return mostBytes(limitsOf(server, asked, deps), bytesOf(server, deps));
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

function bytesOf(server: ServerId, { catalogue }: LimitDeps): number {
  return catalogue.backups.overview(server).bytes;
}
