/** The server list and details, which client libraries read first. */
import { createRoute } from '@hono/zod-openapi';
import { PERMISSIONS } from '../../config/types.ts';
import { holdsServer, mayUse } from '../access.ts';
import type { App, DialectDeps } from '../dialect.ts';
import { BEARER, jsonAnswer } from '../route-answers.ts';
import { ANY_ERROR, SERVER } from './answers.ts';
import { clientCaller, type Guard } from './guard.ts';
import { pageOf } from './pages.ts';
import * as schemas from './schemas.ts';
import { serverObject } from './views.ts';

export function mountServers(app: App, ports: DialectDeps, guard: Guard): void {
  const { service } = ports;

  const list = createRoute({
    method: 'get',
    path: '/api/client',
    summary: 'The servers that the token holds',
    security: BEARER,
    middleware: [guard('backup.read')],
    request: { query: schemas.PageQuery },
    responses: { 200: jsonAnswer(schemas.ServerList, 'One page of servers'), ...ANY_ERROR },
  });
  app.openapi(list, async (c) => {
    const caller = clientCaller(c);
    const held = (await service.servers()).filter(({ id }) => holdsServer(caller, id));
    const { items, pagination } = pageOf(c, ports, held, c.req.valid('query'));
    return c.json({ object: 'list' as const, data: items.map(serverObject), meta: { pagination } }, 200);
  });

  const details = createRoute({
    method: 'get',
    path: SERVER,
    summary: 'One server',
    security: BEARER,
    middleware: [guard('backup.read')],
    request: { params: schemas.ServerParams },
    responses: {
      200: jsonAnswer(schemas.ServerDetails, 'The server, and what the token may do with it'),
      ...ANY_ERROR,
    },
  });
  app.openapi(details, async (c) => {
    const caller = clientCaller(c);
    const permissions = PERMISSIONS.filter((permission) => mayUse(caller, permission));
    const view = await service.server(c.get('server'));
    return c.json({ ...serverObject(view), meta: { is_server_owner: false, user_permissions: permissions } }, 200);
  });
}
