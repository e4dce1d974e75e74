/** A signed URL of the archive, valid for an hour without further credentials. */
import { randomUUID } from 'node:crypto';
import { Failure } from '../../base/failure.ts';
import type { BackupService, BackupView } from '../../jobs/contract.ts';
import type { App, DialectDeps } from '../dialect.ts';
import { downloadPath, signDownloadToken } from '../download-token.ts';
import { bearerRoute, jsonAnswer } from '../route-answers.ts';
import { absoluteUrl, ANY_ERROR, BACKUP } from './answers.ts';
import { backupIdOf, type Guard } from './guard.ts';
import { withMessages, REFUSALS } from './refusals.ts';
import * as schemas from './schemas.ts';

const SIGNED_URL_SECONDS = 3600;

export function mountDownload(app: App, ports: DialectDeps, guard: Guard): void {
  const { service, clock, downloadKey, log } = ports;

  const download = bearerRoute({
    method: 'get',
    path: `${BACKUP}/download`,
    summary: 'A signed URL of the archive, valid for one hour',
    middleware: [guard('backup.download')],
    request: { params: schemas.BackupParams },
    responses: { 200: jsonAnswer(schemas.SignedUrl, 'The URL; it needs no further credential'), ...ANY_ERROR },
  });
  app.openapi(download, async (c) => {
    const server = c.get('server');
    const id = backupIdOf(c.req.valid('param').backup);
    const backup = await withMessages(REFUSALS.download, () => finishedBackup(service, server, id));
    const expiresAt = Math.floor(clock.now() / 1000) + SIGNED_URL_SECONDS;
    const grant = { purpose: 'backup', server, backup: backup.id, expiresAt, nonce: randomUUID() };
    const path = downloadPath(server, signDownloadToken(grant, downloadKey));
    log.info('Download link issued', {
      requestId: c.get('requestId'),
      caller: c.get('caller')?.id,
      server,
      backup: backup.id,
    });
    return c.json({ object: 'signed_url' as const, attributes: { url: absoluteUrl(c, ports, path) } }, 200);
  });
}

async function finishedBackup(
  service: Pick<BackupService, 'backup'>,
  ...[server, id]: Parameters<BackupService['backup']>
): Promise<BackupView> {
  const backup = await service.backup(server, id);
  if (backup.status === 'FAILED') throw new Failure('backup_failed', 'Cannot download the backup: it failed');
  if (backup.status === 'IN_PROGRESS') {
    throw new Failure('backup_not_ready', 'Cannot download the backup: it is still being made', { retry: true });
  }
  return backup;
}
