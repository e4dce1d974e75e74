/** The server list and details, which client libraries read first, and the token for a server's socket. */
import { PERMISSIONS } from '../../config/types.ts';
import { holdsServer, mayUse } from '../access.ts';
import type { App, DialectDeps } from '../dialect.ts';
import { signSocketToken } from '../socket-token.ts';
import { bearerRoute, jsonAnswer } from '../route-answers.ts';
import { absoluteUrl, ANY_ERROR, SERVER } from './answers.ts';
import { clientCaller, type Guard } from './guard.ts';
import { pageOf } from './pages.ts';
import * as schemas from './schemas.ts';
import { serverObject } from './views.ts';

export function mountServers(app: App, ports: DialectDeps, guard: Guard): void {
  const { service, clock, socketKey } = ports;

  const list = bearerRoute({
    method: 'get',
    path: '/api/client',
    summary: 'The servers that the token holds',
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

  const details = bearerRoute({
    method: 'get',
    path: SERVER,
    summary: 'One server',
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

  const websocket = bearerRoute({
    method: 'get',
    path: `${SERVER}/websocket`,
    summary: 'A token and the address of the server’s socket',
    description:
      'The first frame is `{"event":"auth","args":[token]}`. The token lives for ten minutes; `token expiring` asks for another one.',
    middleware: [guard('backup.read')],
    request: { params: schemas.ServerParams },
    responses: { 200: jsonAnswer(schemas.SocketAccess, 'Where to connect, and with what'), ...ANY_ERROR },
  });
  app.openapi(websocket, async (c) => {
    const { id } = await service.server(c.get('server'));
    const socket = absoluteUrl(c, ports, `/api/servers/${id}/ws`).replace(/^http/, 'ws');
    const token = signSocketToken(clientCaller(c), id, absoluteUrl(c, ports, ''), clock.now(), socketKey());
    return c.json({ data: { token, socket } }, 200);
  });
}
