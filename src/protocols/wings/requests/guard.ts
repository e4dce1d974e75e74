/**
 * Checks before the routes: the node's token first, then the server. Without the token, no answer shows which servers
 * and backups exist.
 */
import type { Handler, MiddlewareHandler } from 'hono';
import { Failure } from '../../../base/failure.ts';
import { type BackupId, isUuid, parseBackupId, parseServerId, type ServerId } from '../../../base/ids.ts';
import type { BackupService } from '../../../jobs/contract.ts';
import type { AppContext, AppEnv } from '../../dialect.ts';
import type { FlavourFacts } from '../flavours/contract.ts';

type Servers = Pick<BackupService, 'server' | 'backupPage'>;

export const panelOnly: MiddlewareHandler<AppEnv> = async (c, next) => {
  if (!isPanel(c)) throw refusal(c);
  await next();
};

function isPanel(c: AppContext): boolean {
  return c.get('caller')?.dialect === 'wings';
}

/**
 * Wraps a handler of a path that other dialects serve too: their callers are passed on to them. Callers without a valid
 * credential get this dialect's error, because the panel's users read it.
 */
export function whenPanel(handler: (c: AppContext) => Promise<Response>): Handler<AppEnv> {
  return async (c, next) => {
    if (c.get('caller') === undefined) throw refusal(c);
    return isPanel(c) ? handler(c) : next();
  };
}

/**
 * The server of the path; it has a directory here or left backups.
 *
 * @throws Failure `server_not_found`; `invalid_request` for a malformed id, where the panel's daemon distinguishes it.
 */
export async function serverOf(c: AppContext, service: Servers, { routes }: FlavourFacts): Promise<ServerId> {
  const named = (c.req.param('server') ?? '').toLowerCase();
  if (routes.refusesMalformedServers && !isUuid(named)) throw new Failure('invalid_request', 'invalid server uuid');
  const server = parseServerId(named);
  await requireKnown(server, service);
  return server;
}

/** Use after `panelOnly`. */
export function knownServer(service: Servers, facts: FlavourFacts): MiddlewareHandler<AppEnv> {
  return async function knownServer(c, next) {
    c.set('server', await serverOf(c, service, facts));
    await next();
  };
}

/** Upper case is accepted (RFC 9562). @throws Failure `invalid_request`. */
export function backupIdOf(text: string | null | undefined): BackupId {
  const id = (text ?? '').toLowerCase();
  if (!isUuid(id)) throw new Failure('invalid_request', 'The backup identifier must be a valid UUID.');
  return parseBackupId(id);
}

async function requireKnown(server: ServerId, service: Servers): Promise<void> {
  try {
    await service.server(server);
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== 'server_not_found') throw error;
    await service.backupPage(server, 1);
  }
}

function refusal(c: AppContext): Failure {
  return (c.req.header('authorization') ?? '').startsWith('Bearer ')
    ? new Failure('forbidden', 'The presented token is not the token of this node')
    : new Failure('unauthorized', 'The request carries no token of this node');
}
