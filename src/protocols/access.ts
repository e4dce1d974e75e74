/**
 * Who is calling, and what that caller may do. Every dialect turns its own kind of credential (a bearer token, a
 * panel's token, HMAC headers) into a `Caller`; nothing after that looks at a credential again.
 */
import type { ServerId } from '../base/ids.ts';
import type { Permission, ServerLimits } from '../config/types.ts';

/** Dialects that have credentials of their own; the presented one picks the words where routes are shared. */
export type CallerDialect = 'native' | 'client' | 'wings' | 'stellar';

export interface Caller {
  /** The token's id in the config: what logs and limits name, never the secret. */
  readonly id: string;
  readonly dialect: CallerDialect;
  readonly permissions: readonly (Permission | '*')[];
  readonly servers: readonly (ServerId | '*')[];
  /** What its backups may take up besides the limits of the node. */
  readonly limits?: ServerLimits;
}

export function mayUse(caller: Caller, permission: Permission): boolean {
  return caller.permissions.includes('*') || caller.permissions.includes(permission);
}

/** False also for servers that do not exist: both are answered alike, so that nobody learns which ids are taken. */
export function holdsServer(caller: Caller, server: ServerId): boolean {
  return caller.servers.includes('*') || caller.servers.includes(server);
}
