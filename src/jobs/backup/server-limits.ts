/** The limits that hold for one backup: the node's, the server's own in place of them, and those of who asked for it. */
import type { ServerId } from '../../base/ids.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import type { Config, ServerLimits } from '../../config/types.ts';
import { checkBackupCount, mostBytes, tightest } from '../../policy/limits.ts';

export interface LimitDeps {
  readonly catalogue: Pick<Catalogue, 'backups'>;
  readonly config: Pick<Config, 'limits'>;
}

/** @throws Failure `too_many_backups`, or `too_large` when the server's archives fill what it may have. */
export function checkLimits(server: ServerId, asked: ServerLimits | undefined, deps: LimitDeps): void {
  const limits = limitsOf(server, asked, deps);
  checkBackupCount(deps.catalogue.backups.countKept(server), limits.perServer);
  mostBytes(limits, bytesOf(server, deps));
}

/**
 * Bytes that an archive of the server may reach now, 0 for no limit. Asked when the job runs: what waited before it
 * has taken its share by then.
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
