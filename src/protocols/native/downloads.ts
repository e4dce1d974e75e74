/** The two steps of a download: a signed token for a caller with the permission, then the archive for that token. */
import { createRoute } from '@hono/zod-openapi';
import { Failure } from '../../base/failure.ts';
import type { BackupView } from '../../jobs/contract.ts';
import type { App, DialectDeps } from '../dialect.ts';
import { sendBackup } from '../send-backup.ts';
import { DOWNLOAD_TOKEN_SECONDS, downloadPath, readDownloadToken, signDownloadToken } from '../download-token.ts';
import { bearerRoute, jsonAnswer, requiredBody } from '../route-answers.ts';
import { ANY_ERROR, BACKUPS } from './answers.ts';
import { jsonBody } from '../request-body.ts';
import { backupIdOf, guard } from './guard.ts';
import * as schemas from './schemas.ts';
import { ownUrl } from './waiting.ts';

const GZIP = { 'application/gzip': { schema: { type: 'string' as const, format: 'binary' } } };

const token = bearerRoute({
  method: 'post',
  path: `${BACKUPS}/download-token`,
  summary: 'A signed token for one download, valid for five minutes',
  middleware: [guard('backup.download'), jsonBody],
  request: { params: schemas.ServerParams, body: requiredBody(schemas.DownloadTokenBody) },
  responses: { 200: jsonAnswer(schemas.DownloadTokenObject, 'The token and its URL'), ...ANY_ERROR },
});

const download = createRoute({
  method: 'get',
  path: `${BACKUPS}/download`,
  summary: 'Download a backup with a signed token',
  description: 'Takes `Range`, `If-Range` and HEAD; the ETag is the sha256 of the archive. No bearer token is needed.',
  request: { params: schemas.ServerParams, query: schemas.DownloadQuery },
  responses: {
    200: { content: GZIP, description: 'The archive' },
    206: { content: GZIP, description: 'The bytes asked for' },
    302: { description: 'The storage itself has the archive at this URL for five minutes' },
    304: { description: 'The client has these bytes' },
    412: { description: 'If-Match names other bytes' },
    416: { description: 'The range lies beyond the end' },
    ...ANY_ERROR,
  },
});

export function mountDownloads(app: App, ports: DialectDeps): void {
  const { service } = ports;

  app.openapi(token, async (c) => {
    const server = c.get('server');
    const backup = await service.backup(server, backupIdOf(c.req.valid('json').id));
    refuseUnfinished(backup);
    const expiresAt = Math.floor(ports.clock.now() / 1000) + DOWNLOAD_TOKEN_SECONDS;
    const grant = { purpose: 'backup', server, backup: backup.id, expiresAt };
    const token = signDownloadToken(grant, ports.downloadKey);
    ports.log.info('Download link issued', {
      requestId: c.get('requestId'),
      caller: c.get('caller')?.id,
      server,
      backup: backup.id,
    });
    const downloadUrl = ownUrl(ports, downloadPath(server, token));
    return c.json({ token, expiresAt, downloadUrl }, 200);
  });

  app.openapi(download, async (c) => {
    const { token } = c.req.valid('query');
    const server = c.req.valid('param').server.toLowerCase();
    const id = readDownloadToken(token, server, ports.clock.now(), ports.downloadKey);
    // The token was signed for this server, so its id is well-formed.
    const owner = server as BackupView['server'];
    const elsewhere = c.req.method === 'GET' ? await service.downloadUrl(owner, id, DOWNLOAD_TOKEN_SECONDS) : undefined;
    if (elsewhere !== undefined) return c.body(null, 302, { Location: elsewhere, 'Cache-Control': 'no-store' });
    return sendBackup(c, ports, { server: owner, id, link: token });
  });
}

// Refused with the token already, not only when the browser follows the link.
function refuseUnfinished(backup: BackupView): void {
  if (backup.status === 'FAILED') throw new Failure('backup_failed', 'Cannot download the backup: it failed');
  if (backup.status === 'IN_PROGRESS') {
    throw new Failure('backup_not_ready', 'Cannot download the backup: it is still being made', { retry: true });
  }
}
