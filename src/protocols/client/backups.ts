/** Listing and creating backups. */
import type { z } from '@hono/zod-openapi';
import type { ServerId } from '../../base/ids.ts';
import type { CreateBackup } from '../../jobs/contract.ts';
import { originOf } from '../access.ts';
import type { App, DialectDeps } from '../dialect.ts';
import { jsonBody } from '../request-body.ts';
import { bearerRoute, jsonAnswer, optionalBody } from '../route-answers.ts';
import { ANY_ERROR, BACKUPS } from './answers.ts';
import type { Guard } from './guard.ts';
import { paginationOf } from './pages.ts';
import { withMessages, REFUSALS } from './refusals.ts';
import * as schemas from './schemas.ts';
import { backupObject } from './views.ts';

export function mountBackups(app: App, ports: DialectDeps, guard: Guard): void {
  const { service } = ports;

  const list = bearerRoute({
    method: 'get',
    path: BACKUPS,
    summary: 'List backups, newest first',
    middleware: [guard('backup.read')],
    request: { params: schemas.ServerParams, query: schemas.PageQuery },
    responses: { 200: jsonAnswer(schemas.BackupList, 'One page of backups'), ...ANY_ERROR },
  });
  app.openapi(list, async (c) => {
    const query = c.req.valid('query');
    const offset = (query.page - 1) * query.per_page;
    const { backups, counts } = await service.backupPage(c.get('server'), query.per_page, { offset });
    const pagination = paginationOf(c, ports, { total: counts.all, count: backups.length }, query);
    const meta = { pagination, backup_count: counts.kept };
    return c.json({ object: 'list' as const, data: backups.map(backupObject), meta }, 200);
  });

  const create = bearerRoute({
    method: 'post',
    path: BACKUPS,
    summary: 'Create a backup',
    description: 'Answers at once; poll the details until `completed_at` is set, or `is_successful` is false.',
    middleware: [guard('backup.create'), jsonBody],
    request: { params: schemas.ServerParams, body: optionalBody(schemas.CreateBody) },
    responses: { 200: jsonAnswer(schemas.BackupObject, 'The backup that was begun'), ...ANY_ERROR },
  });
  app.openapi(create, async (c) => {
    const request = {
      ...createRequest(c.get('server'), c.req.valid('json')),
      limits: c.get('caller')?.limits,
      origin: originOf(c.get('caller')),
    };
    const accepted = await withMessages(REFUSALS.create, () => service.create(request));
    // Not awaited: the failure is in the record and the events, and must not be an unhandled rejection.
    accepted.ended.catch(() => undefined);
    return c.json(backupObject(accepted.backup), 200);
  });
}

function createRequest(server: ServerId, body: z.output<typeof schemas.CreateBody>): CreateBackup {
  const name = body.name?.trim() ?? '';
  return {
    server,
    name: name === '' ? undefined : name,
    ignore: body.ignored ?? [],
    locked: body.is_locked ?? false,
  };
}
