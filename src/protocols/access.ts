/**
 * The caller of a request and its rights. Each dialect turns its credential (bearer token, panel token, HMAC headers)
 * into a `Caller`; nothing after that looks at a credential.
 */
import type { ServerId } from '../base/ids.ts';
import type { Origin } from '../catalogue/records.ts';
import type { Permission, ServerLimits } from '../config/types.ts';

/** Dialects with credentials of their own; on shared routes the presented one decides which dialect answers. */
export type CallerDialect = 'native' | 'client' | 'wings' | 'stellar';

export interface Caller {
  /** The token's id in the config, for logs and limits; never the secret. */
  readonly id: string;
  readonly dialect: CallerDialect;
  readonly permissions: readonly (Permission | '*')[];
  readonly servers: readonly (ServerId | '*')[];
  /** Limits for its backups, besides those of the node. */
  readonly limits?: ServerLimits | undefined;
  /** The id of the session by which it asks; absent for the token itself. */
  readonly session?: string;
}

/** Who asked, as records keep it. */
export function originOf(caller: Caller | undefined): Origin | undefined {
  if (caller === undefined) return undefined;
  return caller.dialect === 'native' || caller.dialect === 'client' ? `token:${caller.id}` : 'panel';
}

export function mayUse(caller: Caller, permission: Permission): boolean {
  return caller.permissions.includes('*') || caller.permissions.includes(permission);
}

/** False also for unknown servers: both get the same answer, so that callers cannot find out which ids exist. */
export function holdsServer(caller: Caller, server: ServerId): boolean {
  return caller.servers.includes('*') || caller.servers.includes(server);
}
