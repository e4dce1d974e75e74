/** The limits of one backup: those of the node, replaced by those of the server, tightened by those of the request. */
import type { ServerId } from '../../base/ids.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import type { Config, ServerLimits } from '../../config/types.ts';
import { checkBackupCount, mostBytes, tightest } from '../../policy/limits.ts';

export interface LimitDeps {
  readonly catalogue: Pick<Catalogue, 'backups'>;
  readonly config: Pick<Config, 'limits'>;
}

/** @throws Failure `too_many_backups`, or `too_large` when the archives of the server use up their limit. */
export function checkLimits(server: ServerId, asked: ServerLimits | undefined, deps: LimitDeps): void {
  const limits = limitsOf(server, asked, deps);
  checkBackupCount(deps.catalogue.backups.countKept(server), limits.perServer);
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

function limitsOf(server: ServerId, asked: ServerLimits | undefined, { config }: LimitDeps): ServerLimits {
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
  return catalogue.backups.totals().get(server)?.bytes ?? 0;
}
