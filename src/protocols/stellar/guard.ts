import type { MiddlewareHandler } from 'hono';
import { Failure } from '../../base/failure.ts';
import { parseServerId } from '../../base/ids.ts';
import type { AppEnv } from '../dialect.ts';

/** Lets the panel pass; `c.get('server')` is the server of the path. For paths that are this dialect's alone. */
export const panelOnly: MiddlewareHandler<AppEnv> = async (c, next) => {
  if (c.get('caller')?.dialect !== 'stellar') {
    throw new Failure('unauthorized', 'The request carries no valid credential of the panel');
  }
  const named = c.req.param('server');
  if (named !== undefined) c.set('server', parseServerId(named.toLowerCase()));
  await next();
};
