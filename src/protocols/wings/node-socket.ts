/**
 * The wings socket of a node without a panel of that family, for clients with a token from `GET
 * /api/client/servers/{server}/websocket`. With `flavour: stellarstack` the path is shared; that panel's token is in
 * the address, and is served first.
 */
import { OpenAPIHono } from '@hono/zod-openapi';
import type { App, AppEnv, Dialect, DialectDeps } from '../dialect.ts';
import type { TokenDenylist } from './tokens/denylist.ts';
import { pterodactyl } from './flavours/pterodactyl.ts';
import { isSocketPath, mountSocket } from './socket/socket.ts';

export function nodeSocketDialect(denylist: TokenDenylist, allowedOrigins: readonly string[]): Dialect {
  return {
    name: 'wings',
    mount(app: App, ports: DialectDeps) {
      const own: App = new OpenAPIHono<AppEnv>();
      const credentials = {
        get key() {
          return ports.socketKey();
        },
      };
      // Client libraries know Pterodactyl's messages.
      mountSocket(own, ports, { facts: pterodactyl, credentials, panelUrl: null, allowedOrigins, denylist });
      app.route('/', own);
    },
    speaksSocket: isSocketPath,
  };
}
