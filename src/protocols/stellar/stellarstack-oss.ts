/**
 * The stellar dialect, second generation (`panel.flavour: stellarstack-oss`): `POST
 * /api/servers/{server}/backups?op=create|restore|delete`, with backups by name. It waits for the work. The path is
 * shared; the panel's headers select this dialect.
 *
 * For: nodes of this panel. Promises: a name leads to its newest good backup; a second backup of a name never destroys
 * the first; a copied set of headers soon opens nothing (`credentials.ts`). Never: decides about a backup.
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
