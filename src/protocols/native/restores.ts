/** Restoring a server from a backup, and undoing that. */
import type { z } from '@hono/zod-openapi';
import type { BackupId, ServerId } from '../../base/ids.ts';
import type { AcceptedRestore, RestoreBackup } from '../../jobs/contract.ts';
import { originOf } from '../access.ts';
import type { App, AppContext, DialectDeps } from '../dialect.ts';
import { ignoredBody, jsonBody } from '../request-body.ts';
import { bearerRoute, jsonAnswer, optionalBody } from '../route-answers.ts';
import { ANY_ERROR, BACKUPS } from './answers.ts';
import { backupIdOf, guard } from './guard.ts';
import * as schemas from './schemas.ts';
import { restoreObject } from './views.ts';
import { backupUrl, endOf, jobUrl } from './waiting.ts';

const answers = {
  200: jsonAnswer(schemas.RestoreObject, 'It is done'),
  202: jsonAnswer(schemas.RestoreObject, 'It was begun'),
  ...ANY_ERROR,
};
const WAITS = 'Answers when it has ended; with `Prefer: respond-async` at once.';

const restore = bearerRoute({
  method: 'post',
  path: `${BACKUPS}/restore`,
  summary: 'Restore the server from a backup',
  description: WAITS,
  middleware: [guard('backup.restore'), jsonBody],
  request: { params: schemas.ServerParams, query: schemas.BackupQuery, body: optionalBody(schemas.RestoreBody) },
  responses: answers,
});

const undo = bearerRoute({
  method: 'post',
  path: `${BACKUPS}/{id}/undo`,
  summary: 'Put back what the newest restore of this backup set aside',
  description: `Possible for the hours that the restore was given as keepPrevious. ${WAITS}`,
  middleware: [guard('backup.restore'), ignoredBody],
  request: { params: schemas.BackupParams },
  responses: answers,
});

export function mountRestores(app: App, ports: DialectDeps): void {
  const { service } = ports;

  app.openapi(restore, async (c) => {
    const body = c.req.valid('json');
    const request = restoreRequest(c.get('server'), backupIdOf(c.req.valid('query').id), body);
    const origin = originOf(c.get('caller'));
    const { preview, backupFirst = false } = body;
    const accepted =
      preview === undefined
        ? await service.restore({ ...request, origin })
        : await ports.comparisons.restorePreviewed(
            { ...chosen(request), origin },
            preview,
            // The job begins although its caller has gone: a look before it ends with the caller.
            c.req.raw.signal,
            { backupFirst },
          );
    const done = await outcomeOf(c, accepted, ports);
    if (done === undefined) return begun(c, accepted, 'Backup restore started', ports);
    return c.json(
      {
        ...restoreObject(body.dryRun === true ? 'Nothing was changed' : 'Backup restored successfully', done),
        backedUp: accepted.backedUp,
      },
      200,
    );
  });

  app.openapi(undo, async (c) => {
    const accepted = await service.undo(
      c.get('server'),
      backupIdOf(c.req.valid('param').id),
      originOf(c.get('caller')),
    );
    const done = await outcomeOf(c, accepted, ports);
    if (done === undefined) return begun(c, accepted, 'Undo started', ports);
    return c.json(restoreObject('Restore undone successfully', done), 200);
  });
}

/** The job is what a caller who does not wait can follow: the backup does not tell how a restore of it ended. */
function begun(c: AppContext, { job, backedUp }: AcceptedRestore, message: string, ports: DialectDeps) {
  c.header('Location', jobUrl(ports, job));
  return c.json({ ...restoreObject(message), jobId: job, backedUp }, 202);
}

async function outcomeOf(c: AppContext, accepted: AcceptedRestore, ports: DialectDeps) {
  c.header('Location', backupUrl(ports, accepted.backup));
  return (await endOf(c, accepted)) === undefined ? undefined : accepted.outcome();
}

/** What a restore by a preview may say besides. */
function chosen({ server, backup, force, keepPreviousHours }: RestoreBackup) {
  return {
    server,
    backup,
    ...(force === undefined ? {} : { force }),
    ...(keepPreviousHours === undefined ? {} : { keepPreviousHours }),
  };
}

export function restoreRequest(
  server: ServerId,
  backup: BackupId,
  body: z.infer<typeof schemas.RestoreBody>,
): RestoreBackup {
  const { truncate = false, paths, files, globs, force, keepIgnored, dryRun, backupFirst } = body;
  const request = { server, backup, truncate, paths, globs, force, keepIgnored, dryRun };
  const more = { ...(files === undefined ? {} : { files }), ...(backupFirst === undefined ? {} : { backupFirst }) };
  return { ...request, ...more, keepPreviousHours: body.keepPrevious };
}
