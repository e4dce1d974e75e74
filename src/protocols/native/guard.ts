/**
 * Checks before every route: authentication (401), permission (403), the server (404, like an unknown one). Only then a
 * body is read.
 */
import type { MiddlewareHandler } from 'hono';
import { Failure } from '../../base/failure.ts';
import { parseBackupId, parseServerId, type BackupId } from '../../base/ids.ts';
import type { Permission } from '../../config/types.ts';
import { holdsServer, mayUse, type Caller } from '../access.ts';
import type { AppContext, AppEnv } from '../dialect.ts';

/**
 * Requires one of the permissions and, on routes with a `{server}`, that the caller holds it; sets `c.get('server')`.
 * The handler throws a Failure `unauthorized`, `forbidden` or `server_not_found` otherwise.
 */
export function guard(...permissions: readonly [Permission, ...Permission[]]): MiddlewareHandler<AppEnv> {
  return async function guard(c, next) {
    const caller = nativeCaller(c);
    if (!permissions.some((permission) => mayUse(caller, permission))) throw lacking(permissions[0]);
    const named = c.req.param('server');
    if (named !== undefined) {
      // RFC 9562: UUIDs are case-insensitive on input.
      const server = parseServerId(named.toLowerCase());
      if (!holdsServer(caller, server)) throw new Failure('server_not_found', 'There is no such server');
      c.set('server', server);
    }
    await next();
  };
}

/** Requires a native credential, whatever it permits. */
export const anyCaller: MiddlewareHandler<AppEnv> = async function anyCaller(c, next) {
  nativeCaller(c);
  await next();
};

/** @throws Failure `unauthorized` without a valid native credential. */
export function nativeCaller(c: AppContext): Caller {
  const caller = c.get('caller');
  if (caller?.dialect === 'native') return caller;
  throw new Failure('unauthorized', 'Cannot accept the request: it carries no valid bearer token', {
    hint: 'Send "Authorization: Bearer <secret>" with a secret from `tokens` in the config.',
  });
}

/** A backup id from a path, query or body; a malformed one counts as unknown. */
export function backupIdOf(text: string): BackupId {
  return parseBackupId(text.toLowerCase());
}

function lacking(permission: Permission): Failure {
  return new Failure('forbidden', `Cannot do this with the presented token: it lacks the permission ${permission}`, {
    hint: `Add ${permission} to the token's permissions in the config.`,
  });
}
