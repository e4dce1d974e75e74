/** The two steps of a download: a signed token for a caller with the permission, then the archive for that token. */
import { createRoute } from '@hono/zod-openapi';
import { Failure } from '../../base/failure.ts';
import type { BackupView } from '../../jobs/contract.ts';
import type { BackupId, ServerId } from '../../base/ids.ts';
import { archiveName, asciiName } from '../archive-name.ts';
import type { App, DialectDeps } from '../dialect.ts';
import { sendBackup, sendContentOf } from '../send-backup.ts';
import { DOWNLOAD_TOKEN_SECONDS, downloadPath, readDownloadToken, signDownloadToken } from '../download-token.ts';
import { bearerRoute, jsonAnswer, requiredBody } from '../route-answers.ts';
import { ANY_ERROR, BACKUPS } from './answers.ts';
import { jsonBody } from '../request-body.ts';
import { backupIdOf, guard, nativeCaller } from './guard.ts';
import * as schemas from './schemas.ts';
import { SelectionLinks } from './selection-links.ts';
import type { Sessions } from './sign-in/sessions.ts';
import { ownUrl } from './waiting.ts';

const BINARY = { schema: { type: 'string' as const, format: 'binary' } };
const GZIP = { 'application/gzip': BINARY };

const token = bearerRoute({
  method: 'post',
  path: `${BACKUPS}/download-token`,
  summary: 'A signed token for one download, valid for five minutes',
  description:
    'With `paths`, for one file as it is, or for a tar.gz of several; the address then ends with the rights of who asked for it, too.',
  middleware: [guard('backup.download'), jsonBody],
  request: { params: schemas.ServerParams, body: requiredBody(schemas.DownloadTokenBody) },
  responses: { 200: jsonAnswer(schemas.DownloadTokenObject, 'The token and its URL'), ...ANY_ERROR },
});

const download = createRoute({
  method: 'get',
  path: `${BACKUPS}/download`,
  summary: 'Download a backup with a signed token',
  description:
    'Takes `Range`, `If-Range` and HEAD; the ETag is the sha256 of the archive. No bearer token is needed. A selection is made while it is sent, without ranges or an ETag.',
  request: { params: schemas.ServerParams, query: schemas.DownloadQuery },
  responses: {
    200: {
      content: { ...GZIP, 'application/octet-stream': BINARY },
      description: 'The archive, a tar.gz of a selection, or one file of it',
    },
    206: { content: GZIP, description: 'The bytes asked for' },
    302: { description: 'The storage itself has the archive at this URL for five minutes' },
    304: { description: 'The client has these bytes' },
    412: { description: 'If-Match names other bytes' },
    416: { description: 'The range lies beyond the end' },
    ...ANY_ERROR,
  },
});

export function mountDownloads(app: App, ports: DialectDeps, sessions: Pick<Sessions, 'standing'>): void {
  const { service } = ports;
  const selections = new SelectionLinks(ports.clock, sessions);

  app.openapi(token, async (c) => {
    const server = c.get('server');
    const { id, paths, named } = c.req.valid('json');
    const backup = await service.backup(server, backupIdOf(id));
    refuseUnfinished(backup);
    const selection = paths && (await service.select(server, backup.id, paths, c.req.raw.signal));
    const expiresAt = Math.floor(ports.clock.now() / 1000) + DOWNLOAD_TOKEN_SECONDS;
    const wanted =
      selection === undefined
        ? { purpose: 'backup' }
        : { purpose: 'files', nonce: selections.keep({ selection, caller: nativeCaller(c), expiresAt }) };
    const grant = { ...wanted, server, backup: backup.id, expiresAt };
    const token = signDownloadToken(grant, ports.downloadKey);
    ports.log.info('Download link issued', {
      requestId: c.get('requestId'),
      caller: c.get('caller')?.id,
      server,
      backup: backup.id,
      paths: paths?.length,
    });
    const downloadUrl = `${ownUrl(ports, downloadPath(server, token))}${named === true ? '&named=true' : ''}`;
    return c.json({ token, expiresAt, downloadUrl }, 200);
  });

  app.openapi(download, async (c) => {
    const { token, named } = c.req.valid('query');
    const server = c.req.valid('param').server.toLowerCase();
    const grant = readDownloadToken(token, server, ports.clock.now(), ports.downloadKey);
    const { backup: id } = grant;
    // The token was signed for this server, so its id is well-formed.
    const owner = server as BackupView['server'];
    if (grant.purpose === 'files') {
      const { selection, holder } = selections.find(grant.nonce);
      return sendContentOf(c, ports, { link: token, holder }, (signal) =>
        service.selected(owner, id, selection, signal),
      );
    }
    const fileName = named === undefined ? undefined : await nameOf(service, owner, id);
    const elsewhere =
      c.req.method === 'GET'
        ? await service.downloadUrl(owner, id, DOWNLOAD_TOKEN_SECONDS, fileName && asciiName(fileName))
        : undefined;
    if (elsewhere !== undefined) return c.body(null, 302, { Location: elsewhere, 'Cache-Control': 'no-store' });
    return sendBackup(c, ports, { server: owner, id, link: token, ...(fileName !== undefined && { fileName }) });
  });
}

async function nameOf(service: DialectDeps['service'], server: ServerId, id: BackupId): Promise<string> {
  // A server without a directory has no name any more.
  const named = await service.server(server).catch(() => undefined);
  return archiveName(named?.name ?? server, await service.backup(server, id));
}

// Refused with the token already, not only when the browser follows the link.
function refuseUnfinished(backup: BackupView): void {
  if (backup.status === 'FAILED') throw new Failure('backup_failed', 'Cannot download the backup: it failed');
  if (backup.status === 'IN_PROGRESS') {
    throw new Failure('backup_not_ready', 'Cannot download the backup: it is still being made', { retry: true });
  }
}
