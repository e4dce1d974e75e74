/**
 * The stellar dialect, first generation (`panel.flavour: stellarstack`): the daemon API of the StellarStack panel.
 *
 * For: nodes of this panel, whose calls wait for the work. Promises: real names, locks and checksums (the list has the
 * fields that the panel reads, though its own daemon never sent them); calls for a busy server queue. Never: serves
 * anything without the panel's credential, downloads included.
 */
import os from 'node:os';
import { OpenAPIHono } from '@hono/zod-openapi';
import { parseBackupId, parseServerId } from '../../base/ids.ts';
import type { PanelConfig } from '../../config/types.ts';
import type { App, AppEnv, Dialect, DialectDeps } from '../dialect.ts';
import { sendBackup } from '../send-backup.ts';
import { mountBackups } from './backups.ts';
import { bearerCheck, PANEL_CALLER } from './credentials.ts';
import { answerError, logged } from './errors.ts';
import { panelOnly } from './requests.ts';
import { isSocketPath, mountSocket } from './socket.ts';

/** @param connection the node's id and token in that panel. */
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

/** `GET /download/backup?server=&backup=`: the archive, for the panel only. */
function mountDownload(app: App, ports: DialectDeps): void {
  app.get('/download/backup', panelOnly, async (c) => {
    const server = parseServerId((c.req.query('server') ?? '').toLowerCase());
    const id = parseBackupId((c.req.query('backup') ?? '').toLowerCase());
    return sendBackup(c, ports, { server, id });
  });
}

/** `GET /api/system` for this panel; the path is shared. */
function mountSystem(app: App, { service, version }: DialectDeps): void {
  app.get('/api/system', async (c, next) => {
    if (c.get('caller')?.dialect !== 'stellar') return next();
    return c.json({
      version,
      architecture: os.arch(),
      cpu_count: os.availableParallelism(),
      kernel_version: os.release(),
      os: 'linux',
      server_count: (await service.servers()).filter(({ directory }) => directory).length,
    });
  });
}
