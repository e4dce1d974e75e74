/**
 * Routes by which the file manager of Calagopus looks into backups: directories, one file, downloads of a selection.
 *
 * Promises: paths outside backups are left to Wings; a user from whom some of a server's files are hidden sees no files
 * of a backup, because those patterns are written for the live tree. Never: changes anything.
 *
 * Sources: calagopus/wings application/src/routes/api/servers/_server_/files, …/routes/download; calagopus/panel
 * backend/src/routes/api/client/servers/_server_/files/{list,download}.rs.
 */
import { z } from '@hono/zod-openapi';
import { Failure } from '../../../base/failure.ts';
import type { ServerId } from '../../../base/ids.ts';
import type { DirectoryItem } from '../../../jobs/contract.ts';
import type { App, AppContext, DialectDeps } from '../../dialect.ts';
import { lookSlots } from '../../look-slots.ts';
import { sendBackup, sendContentOf } from '../../send-backup.ts';
import type { DownloadRefusal, FlavourFacts } from '../flavours/contract.ts';
import { knownServer, panelOnly } from '../requests/guard.ts';
import type { TokenDenylist } from '../tokens/denylist.ts';
import { objectionTo, readToken } from '../tokens/rules.ts';
import { type BrowsedPath, browsedPath } from './browsed-path.ts';
import { directoryListing } from './entries.ts';
import { fileClaims } from './file-claims.ts';

export interface BrowseDeps {
  readonly facts: FlavourFacts;
  readonly credentials: { readonly key: Uint8Array };
  readonly denylist: TokenDenylist;
}

/** A level with more entries is not listed: all of it is sorted in memory. */
const MOST_ENTRIES = 50_000;
const MOST_PER_PAGE = 10_000;

const Query = z.object({
  per_page: z.coerce.number().int().min(1).max(MOST_PER_PAGE).optional().catch(undefined),
  page: z.coerce.number().int().min(1).catch(1),
  sort: z.string().catch('name_asc'),
});

export function mountBrowse(app: App, ports: DialectDeps, deps: BrowseDeps): void {
  const { service } = ports;
  const known = knownServer(service, deps.facts);
  const slots = lookSlots();

  app.get('/api/servers/:server/files/list', panelOnly, slots, known, async (c, next) => {
    const asked = browsedPath(c.req.query('root') ?? c.req.query('directory') ?? '');
    if (asked === undefined) return next();
    if ((c.req.queries('ignored') ?? []).length > 0) throw new Failure('path_not_found', 'path not found');
    const { per_page: perPage, page, sort } = Query.parse(c.req.query());
    const items = await itemsOf(c, asked, ports);
    return c.json(directoryListing(items, { sort, perPage, page }), 200);
  });

  app.get('/api/servers/:server/files/contents', panelOnly, known, async (c, next) => {
    const asked = browsedPath(c.req.query('file') ?? '');
    if (asked === undefined) return next();
    const most = z.coerce.number().min(0).catch(Number.POSITIVE_INFINITY).parse(c.req.query('max_size'));
    const content = await sendContentOf(c, ports, { holder: 'panel' }, async (signal) => {
      const stop = new AbortController();
      const either = AbortSignal.any([signal, stop.signal]);
      const found = await service.content(c.get('server'), asked.backup, asked.path, either);
      if ((found.size ?? 0) <= most) return found;
      stop.abort();
      throw new TooLarge();
    }).catch(unlessTooLarge);
    return content ?? c.json({ error: 'file size exceeds maximum allowed size' }, 413);
  });

  for (const name of ['file', 'files', 'directory']) {
    app.get(`/download/${name}`, async (c, next) => {
      const claims = fileClaims(c.req.query('token') ?? '', deps.credentials.key);
      const asked = claims === undefined ? undefined : browsedPath(claims.path);
      if (claims === undefined || asked === undefined) return next();
      const refused = refusalOf(c, claims.server, asked, ports, deps);
      if (refused !== undefined) {
        const [status, error] = deps.facts.download.refusals[refused];
        return c.json({ error }, status);
      }
      const paths = claims.names?.map((each) => joined(asked.path, each)) ?? [asked.path];
      const isHidden = claims.hides || paths.includes(undefined);
      if (isHidden) throw new Failure('path_not_found', 'file not found');
      return sendSelection(
        c,
        claims.server,
        asked,
        paths.filter((path) => path !== undefined),
        ports,
      );
    });
  }
}

class TooLarge extends Error {}

function unlessTooLarge(error: unknown): undefined {
  if (!(error instanceof TooLarge)) throw error;
  return undefined;
}

async function itemsOf(c: AppContext, { backup, path }: BrowsedPath, { service }: DialectDeps) {
  const items: DirectoryItem[] = [];
  let cursor: string | undefined;
  do {
    const page = await service.files(c.get('server'), backup, path, cursor, c.req.raw.signal);
    items.push(...page.entries);
    cursor = page.cursor;
    if (items.length > MOST_ENTRIES) throw new Failure('invalid_request', 'failed to list backup directory');
  } while (cursor !== undefined);
  return items;
}

/** Checked as links to whole backups are: one link is one download, in any number of tries. */
function refusalOf(
  c: AppContext,
  server: ServerId,
  { backup }: BrowsedPath,
  { clock }: DialectDeps,
  { facts, credentials, denylist }: BrowseDeps,
): DownloadRefusal | undefined {
  const token = readToken(c.req.query('token') ?? '', credentials.key, 'files', facts.tokens);
  if (token === undefined) return 'invalid';
  const refused = objectionTo(token, server, clock.now(), denylist, facts.tokens);
  if (refused !== undefined) return refused;
  return denylist.openDownload(token, backup) ? undefined : 'used';
}

async function sendSelection(
  c: AppContext,
  server: ServerId,
  { backup, path }: BrowsedPath,
  paths: readonly string[],
  ports: DialectDeps,
): Promise<Response> {
  const link = c.req.query('token') ?? '';
  const isWhole = paths.length === 1 && paths[0] === '' && path === '';
  const selection = isWhole ? undefined : await ports.service.select(server, backup, paths, c.req.raw.signal);
  const isArchive = selection?.file === undefined;
  if (isArchive && !['tar_gz', ''].includes(c.req.query('archive_format') ?? '')) {
    return c.json({ error: 'archives of this node are sent as tar_gz alone' }, 417);
  }
  if (selection === undefined) return sendBackup(c, ports, { server, id: backup, link });
  return sendContentOf(c, ports, { link, holder: server }, (signal) =>
    ports.service.selected(server, backup, selection, signal),
  );
}

/** @returns undefined for a name that leads out of its directory. */
function joined(directory: string, name: string): string | undefined {
  const names = name.split('/').filter((each) => each !== '' && each !== '.');
  if (names.length === 0 || names.includes('..') || name.includes('\0')) return undefined;
  return [...(directory === '' ? [] : [directory]), ...names].join('/');
}
