/**
 * The stellar dialect, second generation (`panel.flavour: stellarstack-oss`): one route, `POST
 * /api/servers/{server}/backups?op=create|restore|delete`, which names backups instead of numbering them, and waits for
 * the work. The path is the native API's too: the headers of the panel pick these words.
 *
 * It promises that a name always leads to the newest good backup that bears it, that a second backup of a name never
 * destroys the first, and that a copied set of headers soon opens nothing (`credentials.ts`).
 */
import { OpenAPIHono } from '@hono/zod-openapi';
import type { Clock } from '../../base/clock.ts';
import type { PanelConfig } from '../../config/types.ts';
import type { App, AppEnv, Dialect, DialectDeps } from '../dialect.ts';
import { PANEL_CALLER, signatureCheck } from './credentials.ts';
import { mountOperations } from './operations.ts';

/** @param connection `tokenId` is the node's id, `token` its signing key in hex. */
export function stellarStackOssDialect(connection: NonNullable<PanelConfig['connection']>, clock: Clock): Dialect {
  const proves = signatureCheck(connection, clock);
  return {
    name: 'stellar',
    identify: (headers) => (proves(headers) ? PANEL_CALLER : undefined),
    mount(app: App, ports: DialectDeps) {
      const own: App = new OpenAPIHono<AppEnv>();
      mountOperations(own, ports);
      app.route('/', own);
    },
  };
}
