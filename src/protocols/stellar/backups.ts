/** Listing, creating, restoring and deleting for the first generation's panel. */
import { z } from '@hono/zod-openapi';
import { isoDate } from '../../base/clock.ts';
import { wireText } from '../../base/files/paths.ts';
import { isUuid, parseBackupId, type BackupId } from '../../base/ids.ts';
import type { BackupSummaryView } from '../../jobs/contract.ts';
import type { App, DialectDeps } from '../dialect.ts';
import { ignoredBody } from '../request-body.ts';
import { bodyAs, panelOnly } from './requests.ts';

const uuid = z
  .string()
  .transform((text) => text.toLowerCase())
  .refine(isUuid, 'must be a UUID')
  .transform((text) => text as BackupId);

const CreateBody = z.object({
  uuid: uuid.optional(),
  ignore: z.array(z.string().max(4096)).max(10_000).nullish(),
  name: z.string().max(255).nullish(),
  locked: z.boolean().nullish(),
});

const RestoreBody = z.object({ uuid, truncate: z.boolean().nullish(), force: z.boolean().nullish() });

export function mountBackups(app: App, { service }: DialectDeps): void {
  const path = '/api/servers/:server/backup';

  app.get(path, panelOnly, async (c) => {
    const backups = await service.backups(c.get('server'));
    return c.json({ backups: backups.map(listEntry) });
  });

  app.post(path, panelOnly, async (c) => {
    const { uuid: id, ignore, locked, ...body } = await bodyAs(c, CreateBody);
    const name = body.name?.trim() ?? '';
    const accepted = await service.create({
      server: c.get('server'),
      whenBusy: 'queue',
      origin: 'panel',
      id,
      name: name === '' ? undefined : name,
      ignore: ignore ?? [],
      locked: locked ?? false,
    });
    return c.json(createdAnswer(await accepted.ended));
  });

  app.post(`${path}/restore`, panelOnly, async (c) => {
    const { uuid: backup, truncate, force } = await bodyAs(c, RestoreBody);
    const request = { server: c.get('server'), backup, truncate: truncate ?? false, force: force ?? undefined };
    await (
      await service.restore({ ...request, whenBusy: 'queue', origin: 'panel' })
    ).ended;
    return c.json({ success: true, message: 'Backup restored successfully' });
  });

  app.delete(`${path}/:backup`, panelOnly, ignoredBody, async (c) => {
    await service.remove(c.get('server'), parseBackupId(c.req.param('backup').toLowerCase()), 'panel');
    return c.json({ success: true });
  });
}

/** One entry of the list: the fields that the panel maps to its own, dates in Unix seconds. */
function listEntry(view: BackupSummaryView) {
  return {
    uuid: view.id,
    name: wireText(view.name),
    size: view.size,
    checksum: view.sha256,
    checksum_type: 'sha256',
    status: view.status,
    is_locked: view.locked,
    storage_path: `/backups/${view.key}`,
    ignored_files: view.ignore.map(wireText),
    // The panel reads null as the first second of 1970.
    completed_at: view.completedAt === null ? undefined : Math.floor(view.completedAt / 1000),
    created_at: Math.floor(view.createdAt / 1000),
    updated_at: Math.floor(view.updatedAt / 1000),
  };
}

/**
 * The answer to a create: the backup's object, as the panel's documentation promises to its users, with the fields of
 * the panel's own daemon.
 */
function createdAnswer(view: BackupSummaryView) {
  return {
    success: true,
    id: view.id,
    name: wireText(view.name),
    size: view.size,
    checksum: view.sha256,
    checksumType: 'sha256',
    status: view.status,
    isLocked: view.locked,
    storagePath: `/backups/${view.key}`,
    serverId: view.server,
    ignoredFiles: view.ignore.map(wireText),
    completedAt: view.completedAt === null ? null : isoDate(view.completedAt),
    createdAt: isoDate(view.createdAt),
    updatedAt: isoDate(view.updatedAt),
  };
}
