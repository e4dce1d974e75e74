/** Previews of restores, comparisons, and searches for names. None of them makes a job or an event. */
import type { z } from '@hono/zod-openapi';
import type { Change, ComparisonView } from '../../../jobs/compare-contract.ts';
import type { App, DialectDeps } from '../../dialect.ts';
import { jsonBody } from '../../request-body.ts';
import { bearerRoute, jsonAnswer, optionalBody } from '../../route-answers.ts';
import { ANY_ERROR, BACKUPS } from '../answers.ts';
import { backupIdOf, guard } from '../guard.ts';
import { restoreRequest } from '../restores.ts';
import { BackupParams, ServerParams } from '../schemas.ts';
import * as schemas from './schemas.ts';

const BACKUP = `${BACKUPS}/{id}` as const;

const preview = bearerRoute({
  method: 'post',
  path: `${BACKUP}/preview`,
  summary: 'What a restore would do, without a job',
  description: 'Read from the backup’s index and the live tree. A restore takes the id as `preview`.',
  middleware: [guard('backup.restore'), jsonBody],
  request: { params: BackupParams, body: optionalBody(schemas.PreviewBody) },
  responses: { 200: jsonAnswer(schemas.ComparisonObject, 'What it would do'), ...ANY_ERROR },
});

const compare = bearerRoute({
  method: 'get',
  path: `${BACKUP}/compare`,
  summary: 'What changed from this backup to another, or to the server now',
  description: 'What the ignore list of the backup covers is passed over in the live tree.',
  middleware: [guard('backup.download')],
  request: { params: BackupParams, query: schemas.CompareQuery },
  responses: { 200: jsonAnswer(schemas.ComparisonObject, 'What changed'), ...ANY_ERROR },
});

const changes = bearerRoute({
  method: 'get',
  path: '/api/servers/{server}/comparisons/{id}',
  summary: 'A page of a preview or a comparison',
  middleware: [guard('backup.download', 'backup.restore')],
  request: { params: schemas.ComparisonParams, query: schemas.ChangesQuery },
  responses: { 200: jsonAnswer(schemas.ChangesObject, 'Changes, and a cursor when there are more'), ...ANY_ERROR },
});

const find = bearerRoute({
  method: 'get',
  path: `${BACKUP}/find`,
  summary: 'Where a name is in the backup',
  middleware: [guard('backup.download')],
  request: { params: BackupParams, query: schemas.FindQuery },
  responses: { 200: jsonAnswer(schemas.FoundObject, 'Entries, and a cursor when there are more'), ...ANY_ERROR },
});

const versions = bearerRoute({
  method: 'get',
  path: '/api/servers/{server}/find',
  summary: 'Where a name is in the backups of the server, with its versions',
  description: 'Each page looks into twenty backups, the newest first.',
  middleware: [guard('backup.download')],
  request: { params: ServerParams, query: schemas.VersionsQuery },
  responses: { 200: jsonAnswer(schemas.VersionsObject, 'Paths and their versions'), ...ANY_ERROR },
});

/** Rows of a page without a `limit`. */
const PAGE = 100;

export function mountCompare(app: App, { comparisons }: Pick<DialectDeps, 'comparisons'>): void {
  app.openapi(preview, async (c) => {
    const request = restoreRequest(c.get('server'), backupIdOf(c.req.valid('param').id), c.req.valid('json'));
    return c.json(comparisonObject(await comparisons.preview(request, c.req.raw.signal)), 200);
  });

  app.openapi(compare, async (c) => {
    const { with: other } = c.req.valid('query');
    const to = other === 'live' ? other : backupIdOf(other);
    const from = backupIdOf(c.req.valid('param').id);
    return c.json(comparisonObject(await comparisons.compare(c.get('server'), from, to, c.req.raw.signal)), 200);
  });

  app.openapi(changes, (c) => {
    const { limit = PAGE, ...page } = c.req.valid('query');
    const found = comparisons.changes(c.get('server'), c.req.valid('param').id.toLowerCase(), { ...page, limit });
    return c.json({ changes: found.changes.map(changeObject), cursor: found.cursor }, 200);
  });

  app.openapi(find, async (c) => {
    const { q: text, cursor, limit = PAGE } = c.req.valid('query');
    const id = backupIdOf(c.req.valid('param').id);
    const found = await comparisons.find(c.get('server'), id, { text, cursor, limit }, c.req.raw.signal);
    return c.json({ entries: found.entries.map((entry) => ({ ...entry })), cursor: found.cursor }, 200);
  });

  app.openapi(versions, async (c) => {
    const { q: text, cursor } = c.req.valid('query');
    const found = await comparisons.findVersions(c.get('server'), { text, cursor }, c.req.raw.signal);
    const paths = found.paths.map(({ path, versions: all }) => ({
      path,
      versions: all.map(({ kind, size, mtime, backups }) => ({ kind, size, mtime, backups: [...backups] })),
    }));
    return c.json({ paths, searched: [...found.searched], cut: [...found.cut], cursor: found.cursor }, 200);
  });
}

function comparisonObject(view: ComparisonView): z.infer<typeof schemas.ComparisonObject> {
  const { id, totals, folders, missing, changes: first, cursor } = view;
  return {
    id,
    totals,
    folders: folders.map(({ path, totals: own }) => ({ path, totals: own })),
    missing: missing.length === 0 ? undefined : [...missing],
    changes: first.map(changeObject),
    cursor,
  };
}

function changeObject(change: Change): z.infer<typeof schemas.ChangeObject> {
  const { path, directory, size, before } = change;
  return { class: change.class, path, directory: directory ? true : undefined, size, before };
}
