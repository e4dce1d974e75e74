/** The token and address that open a server's socket. */
import { createRoute } from '@hono/zod-openapi';
import type { App, DialectDeps } from '../dialect.ts';
import { signSocketToken } from '../socket-token.ts';
import { BEARER, jsonAnswer } from '../route-answers.ts';
import { absoluteUrl, ANY_ERROR, SERVER } from './answers.ts';
import { clientCaller, type Guard } from './guard.ts';
import * as schemas from './schemas.ts';

export function mountWebsocket(app: App, ports: DialectDeps, guard: Guard): void {
  const { service, clock, socketKey } = ports;

  const websocket = createRoute({
    method: 'get',
    path: `${SERVER}/websocket`,
    summary: 'A token and the address of the server’s socket',
    description:
      'The first frame is `{"event":"auth","args":[token]}`. The token lives for ten minutes; `token expiring` asks for another one.',
    security: BEARER,
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
