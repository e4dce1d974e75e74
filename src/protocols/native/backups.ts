/** Listing, creating, deleting, locking and estimating backups. */
import { z } from '@hono/zod-openapi';
import { Failure } from '../../base/failure.ts';
import type { Accepted, BackupView, CreateBackup } from '../../jobs/contract.ts';
import type { BackupId, ServerId } from '../../base/ids.ts';
import { originOf } from '../access.ts';
import type { App, AppContext, DialectDeps } from '../dialect.ts';
import { bearerRoute, jsonAnswer, optionalBody, requiredBody } from '../route-answers.ts';
import { ANY_ERROR, BACKUPS } from './answers.ts';
import { ignoredBody, jsonBody } from '../request-body.ts';
import { backupIdOf, guard } from './guard.ts';
import * as schemas from './schemas.ts';
import { backupObject, backupSummaryObject, estimateObject } from './views.ts';
import { BackupLists } from './backup-lists.ts';
import { backupUrl, endOf, jobUrl, ownUrl } from './waiting.ts';

const list = bearerRoute({
  method: 'get',
  path: BACKUPS,
  summary: 'List backups, newest first',
  middleware: [guard('backup.read')],
  description: 'All of them in one array; with `limit`, a page, whose `Link` header (RFC 8288) leads to the next one.',
  request: { params: schemas.ServerParams, query: schemas.ListQuery },
  responses: {
    200: jsonAnswer(
      z.union([schemas.BackupObject.array(), schemas.BackupSummaryObject.array()]),
      'Backups of the server',
    ),
    304: { description: 'If-None-Match names the list as it still is' },
    ...ANY_ERROR,
  },
});

const create = bearerRoute({
  method: 'post',
  path: BACKUPS,
  summary: 'Create a backup',
  description:
    'Answers when the backup has ended; with `Prefer: respond-async` at once. A request that is sent again with its own id, after a lost answer, is answered with the backup that it made, or makes (202).',
  middleware: [guard('backup.create'), jsonBody],
  request: { params: schemas.ServerParams, body: optionalBody(schemas.CreateBody) },
  responses: {
    200: jsonAnswer(schemas.BackupObject, 'The backup that an earlier request with this id and these values has made'),
    201: jsonAnswer(schemas.BackupObject, 'The finished backup'),
    202: jsonAnswer(schemas.BackupObject, 'The backup that was begun'),
    ...ANY_ERROR,
  },
});

const remove = bearerRoute({
  method: 'delete',
  path: `${BACKUPS}/delete`,
  summary: 'Delete a backup for good',
  middleware: [guard('backup.delete'), ignoredBody],
  request: { params: schemas.ServerParams, query: schemas.BackupQuery },
  responses: { 200: jsonAnswer(schemas.SuccessObject, 'The backup is gone'), ...ANY_ERROR },
});

const lock = bearerRoute({
  method: 'patch',
  path: `${BACKUPS}/lock`,
  summary: 'Protect a backup from deletion, or end that',
  middleware: [guard('backup.delete'), jsonBody],
  request: { params: schemas.ServerParams, query: schemas.BackupQuery, body: requiredBody(schemas.LockBody) },
  responses: { 200: jsonAnswer(schemas.LockObject, 'The lock as it is now'), ...ANY_ERROR },
});

const estimate = bearerRoute({
  method: 'post',
  path: `${BACKUPS}/estimate`,
  summary: 'What a backup with these patterns would hold',
  middleware: [guard('backup.create'), jsonBody],
  request: { params: schemas.ServerParams, body: optionalBody(schemas.EstimateBody) },
  responses: { 200: jsonAnswer(schemas.EstimateObject, 'Files and bytes'), ...ANY_ERROR },
});

/** Of a page without a `limit`. */
const PAGE = 100;

export function mountBackups(app: App, ports: DialectDeps): void {
  const { service } = ports;
  const lists = new BackupLists(service);

  app.openapi(list, async (c): Promise<Response> => {
    const server = c.get('server');
    const { limit, cursor, before, fields } = c.req.valid('query');
    if ([limit, cursor, before, fields].every((given) => given === undefined)) {
      const { json, tag } = await lists.of(server);
      c.header('ETag', tag);
      if (c.req.header('if-none-match') === tag) return c.body(null, 304);
      const headers = { 'Content-Type': 'application/json', 'Content-Length': `${json.byteLength}` };
      return c.body(c.env?.outgoing === undefined ? json : sharedBody(c, json), 200, headers);
    }
    const start = cursor === undefined && before !== undefined ? { before } : { after: cursor };
    const page = await service.backupPage(server, limit ?? PAGE, start);
    if (page.next !== undefined) {
      const more = fields === undefined ? '' : '&fields=summary';
      const query = `limit=${limit ?? PAGE}&cursor=${encodeURIComponent(page.next)}${more}`;
      c.header('Link', `<${ownUrl(ports, `/api/servers/${server}/backups?${query}`)}>; rel="next"`);
    }
    const shown = fields === undefined ? page.backups.map(backupObject) : page.backups.map(backupSummaryObject);
    return c.json(shown, 200);
  });

  app.openapi(create, async (c) => {
    const wanted = createRequest(c.get('server'), c.req.valid('json'));
    let accepted: Accepted;
    try {
      accepted = await service.create({
        ...wanted,
        limits: c.get('caller')?.limits,
        origin: originOf(c.get('caller')),
      });
    } catch (error) {
      const made = await madeBefore(error, wanted, service);
      if (made === undefined) throw error;
      c.header('Location', backupUrl(ports, made));
      return made.status === 'IN_PROGRESS' ? c.json(backupObject(made), 202) : c.json(backupObject(made), 200);
    }
    c.header('Location', backupUrl(ports, accepted.backup));
    const ended = await endOf(c, accepted);
    if (ended !== undefined) return c.json(backupObject(ended), 201);
    c.header('Link', `<${jobUrl(ports, accepted.job)}>; rel="monitor"`);
    return c.json({ ...backupObject(accepted.backup), jobId: accepted.job }, 202);
  });

  app.openapi(remove, async (c) => {
    await service.remove(c.get('server'), backupIdOf(c.req.valid('query').id), originOf(c.get('caller')));
    return c.json({ success: true as const }, 200);
  });

  app.openapi(lock, async (c) => {
    const { locked } = c.req.valid('json');
    const view = await service.setLocked(c.get('server'), backupIdOf(c.req.valid('query').id), locked);
    return c.json({ success: true as const, locked: view.locked }, 200);
  });

  app.openapi(estimate, async (c) =>
    c.json(estimateObject(await service.estimate(c.get('server'), c.req.valid('json').ignore, c.req.raw.signal)), 200),
  );
}

/** The kept list itself goes to the socket: a copy for each caller would be megabytes of garbage. */
function sharedBody(c: AppContext, json: Uint8Array): ReadableStream<Uint8Array> {
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.enqueue(json);
      controller.close();
    },
  });
  c.env.sending = {
    body,
    send: async (outgoing) => void outgoing.end(json),
    drop: () => undefined,
  };
  return body;
}

/**
 * The backup that an earlier try of the same request has begun, so that a caller who lost the answer may send the request
 * again. Undefined when the id is of another server, its backup failed, or the name or patterns given now differ from it.
 */
async function madeBefore(
  thrown: unknown,
  { server, id, name, ignore }: CreateBackup,
  service: DialectDeps['service'],
): Promise<BackupView | undefined> {
  if (id === undefined || !(thrown instanceof Failure) || thrown.code !== 'backup_exists') return undefined;
  // Of another server: the refusal stands.
  const made = await service.backup(server, id).catch(() => undefined);
  if (made === undefined || made.status === 'FAILED') return undefined;
  if (name !== undefined && name !== made.name) return undefined;
  const sameIgnore = ignore === undefined || ignore.length === 0 || ignore.join('\n') === made.ignore.join('\n');
  return sameIgnore ? made : undefined;
}

function createRequest(server: ServerId, body: z.infer<typeof schemas.CreateBody>): CreateBackup {
  const { ignore, locked } = body;
  const id = (body.id ?? body.uuid) as BackupId | undefined;
  const name = body.name?.trim() ?? '';
  // A form's empty field means "name it for me".
  return { server, id, name: name === '' ? undefined : name, ignore, locked };
}
