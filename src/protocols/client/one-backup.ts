/** Details, deletion, restore and lock of one backup. */
import { Failure } from '../../base/failure.ts';
import type { BackupId, ServerId } from '../../base/ids.ts';
import type { BackupService, BackupView, RestoreBackup } from '../../jobs/contract.ts';
import type { Origin } from '../../catalogue/records.ts';
import { originOf } from '../access.ts';
import type { App, DialectDeps } from '../dialect.ts';
import { ignoredBody, jsonBody } from '../request-body.ts';
import { bearerRoute, jsonAnswer, optionalBody } from '../route-answers.ts';
import { ANY_ERROR, BACKUP } from './answers.ts';
import { backupIdOf, type Guard } from './guard.ts';
import { withMessages, REFUSALS } from './refusals.ts';
import * as schemas from './schemas.ts';
import { backupObject } from './views.ts';

export function mountOneBackup(app: App, { service }: DialectDeps, guard: Guard): void {
  const details = bearerRoute({
    method: 'get',
    path: BACKUP,
    summary: 'One backup',
    middleware: [guard('backup.read')],
    request: { params: schemas.BackupParams },
    responses: { 200: jsonAnswer(schemas.BackupObject, 'The backup'), ...ANY_ERROR },
  });
  app.openapi(details, async (c) =>
    c.json(backupObject(await service.backup(c.get('server'), backupIdOf(c.req.valid('param').backup))), 200),
  );

  const remove = bearerRoute({
    method: 'delete',
    path: BACKUP,
    summary: 'Delete a backup for good',
    middleware: [guard('backup.delete'), ignoredBody],
    request: { params: schemas.BackupParams },
    responses: { 204: { description: 'The backup is gone' }, ...ANY_ERROR },
  });
  app.openapi(remove, async (c) => {
    const id = backupIdOf(c.req.valid('param').backup);
    await withMessages(REFUSALS.delete, () =>
      removeBackup(service, { server: c.get('server'), id, origin: originOf(c.get('caller')) }),
    );
    return c.body(null, 204);
  });

  const restore = bearerRoute({
    method: 'post',
    path: `${BACKUP}/restore`,
    summary: 'Restore the server from a backup',
    description: 'Answers at once; the server’s `status` is `restoring_backup` until it has ended.',
    middleware: [guard('backup.restore'), jsonBody],
    request: { params: schemas.BackupParams, body: optionalBody(schemas.RestoreBody) },
    responses: { 202: { description: 'The restore was begun' }, ...ANY_ERROR },
  });
  app.openapi(restore, async (c) => {
    const id = backupIdOf(c.req.valid('param').backup);
    const { truncate, force } = c.req.valid('json');
    const request = { server: c.get('server'), backup: id, truncate: truncate ?? true, force: force ?? undefined };
    const origin = originOf(c.get('caller'));
    const accepted = await withMessages(REFUSALS.restore, () => restoreBackup(service, { ...request, origin }));
    // Not awaited: the failure is in the events, and must not be an unhandled rejection.
    accepted.ended.catch(() => undefined);
    return c.body(null, 202);
  });

  const lock = bearerRoute({
    method: 'post',
    path: `${BACKUP}/lock`,
    summary: 'Turn the protection from deletion on, or off',
    middleware: [guard('backup.delete'), ignoredBody],
    request: { params: schemas.BackupParams },
    responses: { 204: { description: 'The lock was turned' }, ...ANY_ERROR },
  });
  app.openapi(lock, async (c) => {
    const id = backupIdOf(c.req.valid('param').backup);
    await withMessages(REFUSALS.lock, () => toggleLock(service, c.get('server'), id));
    return c.body(null, 204);
  });
}

/** A failed backup has nothing for its lock to protect, so it can be deleted. */
async function removeBackup(
  service: BackupService,
  { server, id, origin }: { readonly server: ServerId; readonly id: BackupId; readonly origin: Origin | undefined },
): Promise<void> {
  const { status, locked } = await service.backup(server, id);
  if (status === 'FAILED' && locked) await service.setLocked(server, id, false);
  await service.remove(server, id, origin);
}

/** @throws Failure `backup_not_ready` while it is being made (the service says `server_busy`). */
async function restoreBackup(service: BackupService, request: RestoreBackup) {
  const { server, backup } = request;
  refuseUnfinished(await service.backup(server, backup), 'Cannot restore the backup');
  return service.restore(request);
}

/** Not atomic: two toggles at once may end in the same state, as in the live panel. */
async function toggleLock(service: BackupService, server: ServerId, id: BackupId): Promise<BackupView> {
  const view = await service.backup(server, id);
  refuseUnfinished(view, 'Cannot change the lock');
  if (view.status === 'FAILED' && !view.locked) throw new Failure('backup_failed', 'Cannot lock the backup: it failed');
  return service.setLocked(server, id, !view.locked);
}

function refuseUnfinished({ status }: BackupView, doing: string): void {
  if (status === 'IN_PROGRESS') throw new Failure('backup_not_ready', `${doing}: it is being made`, { retry: true });
}
