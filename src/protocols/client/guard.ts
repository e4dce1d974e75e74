/**
 * Checks before every route: authentication (401), permission (403), the server (404, like an unknown one). Only then a
 * body is read.
 */
import type { MiddlewareHandler } from 'hono';
import { Failure } from '../../base/failure.ts';
import { parseBackupId, parseServerId, type BackupId, type ServerId } from '../../base/ids.ts';
import type { Permission } from '../../config/types.ts';
import type { BackupService } from '../../jobs/contract.ts';
import { holdsServer, mayUse, type Caller } from '../access.ts';
import type { AppContext, AppEnv } from '../dialect.ts';

/** Requires the permission and, on routes with a `{server}`, that the caller holds it; sets `c.get('server')`. */
export type Guard = (permission: Permission) => MiddlewareHandler<AppEnv>;

const SHORT_ID = /^[0-9a-f]{8}$/;

export function guardFor(service: Pick<BackupService, 'servers'>): Guard {
  return (permission) =>
    async function guard(c, next) {
      const caller = clientCaller(c);
      if (!mayUse(caller, permission)) {
        throw new Failure('forbidden', `The API key lacks the permission ${permission}.`);
      }
      const named = c.req.param('server');
      if (named !== undefined) c.set('server', await heldServer(caller, named.toLowerCase(), service));
      await next();
    };
}

/** @throws Failure `unauthorized` without a bearer token of the config; a panel's credential does not count. */
export function clientCaller(c: AppContext): Caller {
  const caller = c.get('caller');
  if (caller?.dialect === 'native') return caller;
  throw new Failure('unauthorized', 'The API key is missing or invalid.');
}

/** A backup id from a path; a malformed one counts as unknown. */
export function backupIdOf(text: string): BackupId {
  return parseBackupId(text.toLowerCase());
}

/**
 * @param named a UUID, or its first eight characters when only one server of the caller begins so: a restore must never
 *   pick one of two.
 * @throws Failure `server_not_found`.
 */
async function heldServer(caller: Caller, named: string, service: Pick<BackupService, 'servers'>): Promise<ServerId> {
  const short = SHORT_ID.test(named);
  const [server, another] = short
    ? (await serversOf(caller, service)).filter((id) => id.startsWith(named))
    : [parseServerId(named)];
  if (server !== undefined && another === undefined && holdsServer(caller, server)) return server;
  throw new Failure('server_not_found', 'There is no such server');
}

async function serversOf(caller: Caller, service: Pick<BackupService, 'servers'>): Promise<readonly ServerId[]> {
  if (caller.servers.includes('*')) return (await service.servers()).map(({ id }) => id);
  return [...new Set(caller.servers.filter((id): id is ServerId => id !== '*'))];
}
