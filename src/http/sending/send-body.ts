/**
 * Writes the answers whose bodies come in pieces. @hono/node-server would read them as streams without reporting when
 * the socket has taken a piece, so their memory could not be reused.
 */
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { App, Bindings } from '../../protocols/dialect.ts';

export function sendingBodies(fetch: App['fetch']) {
  return async (request: Request, env: object): Promise<Response> => {
    const response = await fetch(request, env);
    const { sending, outgoing }: Bindings = env;
    if (sending === undefined || outgoing === undefined) return response;
    if (response.body !== sending.body) {
      sending.drop();
      return response;
    }
    outgoing.setHeaders(response.headers);
    outgoing.writeHead(response.status);
    void sending.send(outgoing);
    return RESPONSE_ALREADY_SENT;
  };
}
