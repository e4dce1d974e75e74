/**
 * What stands before the routes: the node's token first, as in the panels' own daemons, then the server. Nothing tells
 * a caller without the token which servers and backups there are.
 */
import type { Handler, MiddlewareHandler } from 'hono';
import { Failure } from '../../../base/failure.ts';
import { type BackupId, isUuid, parseBackupId, parseServerId, type ServerId } from '../../../base/ids.ts';
import type { BackupService } from '../../../jobs/contract.ts';
import type { AppContext, AppEnv } from '../../dialect.ts';
import type { FlavourFacts } from '../flavours/contract.ts';

type Servers = Pick<BackupService, 'server' | 'backups'>;

/** For routes that are this dialect's alone. */
export const panelOnly: MiddlewareHandler<AppEnv> = async (c, next) => {
  if (!isPanel(c)) throw refusal(c);
  await next();
};

function isPanel(c: AppContext): boolean {
  return c.get('caller')?.dialect === 'wings';
}

/**
 * A handler on a path that other dialects have too: passes their callers on. Who proves to be nobody is answered like
 * on the panel's own paths: it is the panel's people who look there first when the token is wrong.
 */
export function whenPanel(handler: (c: AppContext) => Promise<Response>): Handler<AppEnv> {
  return async (c, next) => {
    if (c.get('caller') === undefined) throw refusal(c);
    return isPanel(c) ? handler(c) : next();
  };
}

/**
 * The server of the path, which has a directory here or left backups behind.
 *
 * @throws Failure `server_not_found`; `invalid_request` for what is no id, where the panel's daemon tells them apart.
 */
export async function serverOf(c: AppContext, service: Servers, { routes }: FlavourFacts): Promise<ServerId> {
  const named = (c.req.param('server') ?? '').toLowerCase();
  if (routes.refusesMalformedServers && !isUuid(named)) throw new Failure('invalid_request', 'invalid server uuid');
  const server = parseServerId(named);
  await requireKnown(server, service);
  return server;
}

/** Makes `c.get('server')` the server of the path. After `panelOnly`. */
export function knownServer(service: Servers, facts: FlavourFacts): MiddlewareHandler<AppEnv> {
  return async function knownServer(c, next) {
    c.set('server', await serverOf(c, service, facts));
    await next();
  };
}

/** @throws Failure `invalid_request`. Upper case is fine, as in RFC 9562; any other spelling is not. */
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
    await service.backups(server);
  }
}

function refusal(c: AppContext): Failure {
  return (c.req.header('authorization') ?? '').startsWith('Bearer ')
    ? new Failure('forbidden', 'The presented token is not the token of this node')
    : new Failure('unauthorized', 'The request carries no token of this node');
}
