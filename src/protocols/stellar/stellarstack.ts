/**
 * The stellar dialect, first generation (`panel.flavour: stellarstack`): the daemon API that the StellarStack panel
 * calls. Every call waits for the work, as that panel expects.
 *
 * It promises that its panel shows real names, locks and checksums (the list carries the fields that the panel reads
 * although its own daemon never sent them), and that nothing is served without the panel's credential: downloads, which
 * that panel's own daemon gives to anybody, included. Calls for a server that is busy wait for their turn.
 */
import { OpenAPIHono } from '@hono/zod-openapi';
import type { PanelConfig } from '../../config/types.ts';
import type { App, AppEnv, Dialect, DialectDeps } from '../dialect.ts';
import { mountBackups } from './backups.ts';
import { bearerCheck, PANEL_CALLER } from './credentials.ts';
import { mountDownload } from './download.ts';
import { answerError, logged } from './errors.ts';
import { isSocketPath, mountSocket } from './socket.ts';
import { mountSystem } from './system.ts';

/** @param connection the node's own id and token in that panel. */
export function stellarStackDialect(connection: NonNullable<PanelConfig['connection']>): Dialect {
  const proves = bearerCheck(connection);
  return {
    name: 'stellar',
    identify: (headers) => (proves(headers) ? PANEL_CALLER : undefined),
    mount(app: App, ports: DialectDeps) {
      const own: App = new OpenAPIHono<AppEnv>();
      own.onError((error, c) => logged(c, error, ports.log, answerError));
      mountBackups(own, ports);
      mountDownload(own, ports);
      mountSystem(own, ports);
      mountSocket(own, ports, connection);
      app.route('/', own);
    },
    speaksSocket: isSocketPath,
  };
}
