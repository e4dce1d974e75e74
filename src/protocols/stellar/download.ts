import { parseBackupId, parseServerId } from '../../base/ids.ts';
import type { App, DialectDeps } from '../dialect.ts';
import { panelOnly } from './guard.ts';

/** `GET /download/backup?server=&backup=`: the archive, for the panel alone. */
export function mountDownload(app: App, ports: DialectDeps): void {
  app.get('/download/backup', panelOnly, async (c) => {
    const server = parseServerId((c.req.query('server') ?? '').toLowerCase());
    const id = parseBackupId((c.req.query('backup') ?? '').toLowerCase());
    const { backup, source } = await ports.service.download(server, id);
    return ports.sendArchive(c, {
      source,
      fileName: `${backup.id}.tar.gz`,
      contentType: 'application/gzip',
      ...(backup.sha256 === null ? {} : { tag: backup.sha256 }),
    });
  });
}
