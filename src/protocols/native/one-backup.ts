/** Details, cancellation, verification and contents of one backup. */
import { Failure } from '../../base/failure.ts';
import { wirePath } from '../../base/files/paths.ts';
import { originOf } from '../access.ts';
import type { App, DialectDeps } from '../dialect.ts';
import { sendContentOf } from '../send-backup.ts';
import { bearerRoute, jsonAnswer, requiredBody } from '../route-answers.ts';
import { ANY_ERROR, BACKUPS } from './answers.ts';
import { ignoredBody, jsonBody } from '../request-body.ts';
import { backupIdOf, guard, nativeCaller } from './guard.ts';
import { ContentQuery, DirectoryObject, LevelQuery } from './look-schemas.ts';
import * as schemas from './schemas.ts';
import { VerifiedObject } from './verify-schemas.ts';
import { backupObject, directoryObject, indexFindingObject, warningsObject } from './views.ts';
import { backupUrl, endOf } from './waiting.ts';

const BACKUP = `${BACKUPS}/{id}` as const;

const details = bearerRoute({
  method: 'get',
  path: BACKUP,
  summary: 'One backup',
  middleware: [guard('backup.read')],
  request: { params: schemas.BackupParams },
  responses: { 200: jsonAnswer(schemas.BackupObject, 'The backup'), ...ANY_ERROR },
});

const rename = bearerRoute({
  method: 'patch',
  path: BACKUP,
  summary: 'Give the backup another name',
  middleware: [guard('backup.create'), jsonBody],
  request: { params: schemas.BackupParams, body: requiredBody(schemas.RenameBody) },
  responses: { 200: jsonAnswer(schemas.BackupObject, 'The backup as it is now'), ...ANY_ERROR },
});

const remove = bearerRoute({
  method: 'delete',
  path: BACKUP,
  summary: 'Delete a backup for good',
  description: 'The same as `DELETE …/backups/delete?id=`.',
  middleware: [guard('backup.delete'), ignoredBody],
  request: { params: schemas.BackupParams },
  responses: { 200: jsonAnswer(schemas.SuccessObject, 'The backup is gone'), ...ANY_ERROR },
});

const warnings = bearerRoute({
  method: 'get',
  path: `${BACKUP}/warnings`,
  summary: 'The warnings of the backup, by pages',
  middleware: [guard('backup.read')],
  request: { params: schemas.BackupParams, query: schemas.WarningsQuery },
  responses: { 200: jsonAnswer(schemas.WarningsObject, 'Warnings, and a cursor when there are more'), ...ANY_ERROR },
});

const cancel = bearerRoute({
  method: 'post',
  path: `${BACKUP}/cancel`,
  summary: 'Cancel whatever runs on the backup',
  middleware: [guard('backup.create'), ignoredBody],
  request: { params: schemas.BackupParams },
  responses: { 202: jsonAnswer(schemas.SuccessObject, 'It will end soon'), ...ANY_ERROR },
});

const verify = bearerRoute({
  method: 'post',
  path: `${BACKUP}/verify`,
  summary: 'Read the archive through and compare it with its record',
  description: 'Answers when that has ended; with `Prefer: respond-async` at once.',
  middleware: [guard('backup.read'), ignoredBody],
  request: { params: schemas.BackupParams },
  responses: {
    200: jsonAnswer(VerifiedObject, 'The backup, which is whole'),
    202: jsonAnswer(schemas.BackupObject, 'The verification was begun'),
    ...ANY_ERROR,
  },
});

const accept = bearerRoute({
  method: 'post',
  path: `${BACKUP}/accept`,
  summary: 'Accept a suspect backup as good',
  middleware: [guard('backup.delete'), ignoredBody],
  request: { params: schemas.BackupParams },
  responses: { 200: jsonAnswer(schemas.BackupObject, 'The backup, which counts as good now'), ...ANY_ERROR },
});

const files = bearerRoute({
  method: 'get',
  path: `${BACKUP}/files`,
  summary: 'One directory level of the backup',
  middleware: [guard('backup.download')],
  request: { params: schemas.BackupParams, query: LevelQuery },
  responses: { 200: jsonAnswer(DirectoryObject, 'Entries, and a cursor when there are more'), ...ANY_ERROR },
});

const content = bearerRoute({
  method: 'get',
  path: `${BACKUP}/files/content`,
  summary: 'One file out of the backup',
  middleware: [guard('backup.download')],
  request: { params: schemas.BackupParams, query: ContentQuery },
  responses: {
    200: {
      content: { 'application/octet-stream': { schema: { type: 'string' as const, format: 'binary' } } },
      description: 'The file',
    },
    ...ANY_ERROR,
  },
});

export function mountOneBackup(app: App, ports: DialectDeps): void {
  const { service } = ports;

  app.openapi(details, async (c) =>
    c.json(backupObject(await service.backup(c.get('server'), backupIdOf(c.req.valid('param').id))), 200),
  );

  app.openapi(remove, async (c) => {
    await service.remove(c.get('server'), backupIdOf(c.req.valid('param').id), originOf(c.get('caller')));
    return c.json({ success: true as const }, 200);
  });

  app.openapi(rename, async (c) => {
    const name = c.req.valid('json').name.trim();
    const view = await service.rename(c.get('server'), backupIdOf(c.req.valid('param').id), name);
    return c.json(backupObject(view), 200);
  });

  app.openapi(warnings, async (c) => {
    const { cursor = 0 } = c.req.valid('query');
    return c.json(
      warningsObject(await service.warnings(c.get('server'), backupIdOf(c.req.valid('param').id), cursor)),
      200,
    );
  });

  app.openapi(cancel, async (c) => {
    await service.cancel(c.get('server'), backupIdOf(c.req.valid('param').id));
    return c.json({ success: true as const }, 202);
  });

  app.openapi(verify, async (c) => {
    const accepted = await service.verify(
      c.get('server'),
      backupIdOf(c.req.valid('param').id),
      originOf(c.get('caller')),
    );
    c.header('Location', backupUrl(ports, accepted.backup));
    const ended = await endOf(c, accepted);
    if (ended === undefined) return c.json(backupObject(accepted.backup), 202);
    return c.json({ ...backupObject(ended), index: indexFindingObject(service.job(accepted.job)) }, 200);
  });

  app.openapi(accept, async (c) =>
    c.json(backupObject(await service.accept(c.get('server'), backupIdOf(c.req.valid('param').id))), 200),
  );

  app.openapi(files, async (c) => {
    const { cursor, with: besides } = c.req.valid('query');
    const id = backupIdOf(c.req.valid('param').id);
    const { signal } = c.req.raw;
    const page = await service.files(c.get('server'), id, pathOfQuery(c.req.url), cursor, signal);
    if (besides === undefined) return c.json(directoryObject(page), 200);
    const wanted = { totals: besides.includes('totals'), live: besides.includes('live') };
    const facts = await ports.comparisons.levelFacts(c.get('server'), id, page.entries, wanted, signal);
    return c.json(directoryObject(page, facts), 200);
  });

  app.openapi(content, async (c) => {
    const id = backupIdOf(c.req.valid('param').id);
    const path = pathOfQuery(c.req.url);
    return sendContentOf(c, ports, { holder: nativeCaller(c).id }, (signal) =>
      service.content(c.get('server'), id, path, signal),
    );
  });
}

// Linux PATH_MAX.
const LONGEST_PATH = 4096;

/**
 * The `path` parameter of a URL in the form of `BackupService`. Names are bytes: percent-encoded, UTF-8 or not, or in
 * the printable form (`\xNN`) of a listing. `+` is a space, as in forms.
 *
 * @returns '' for the root or without the parameter; no slash at either end.
 * @throws Failure `invalid_request` when too long; `path_not_found` for what no archive can hold (`..`, NUL).
 */
function pathOfQuery(url: string): string {
  const path = decodedBytes(rawParameter(url, 'path')).replace(/^(?:\.?\/+)+|\/+$/g, '');
  if (path.length > LONGEST_PATH) {
    throw new Failure('invalid_request', `Cannot read the path: it is longer than ${LONGEST_PATH} bytes`);
  }
  if (path === '' || path === '.') return '';
  const unnameable = path.split('/').some((name) => name === '' || name === '.' || name === '..');
  if (unnameable || path.includes('\0')) throw new Failure('path_not_found', 'There is no such path in the backup');
  return wirePath(path);
}

function rawParameter(url: string, name: string): string {
  const [, query = ''] = url.split('?', 2);
  const found = query
    .split('#', 1)[0]
    ?.split('&')
    .find((part) => part.startsWith(`${name}=`));
  return found === undefined ? '' : found.slice(name.length + 1);
}

// A parsed URL is ASCII, so each character is a byte and the result a byte string.
function decodedBytes(text: string): string {
  return text
    .replaceAll('+', ' ')
    .replace(/%([0-9a-f]{2})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}
