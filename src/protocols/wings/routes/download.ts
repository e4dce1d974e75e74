/**
 * `GET /download/backup?token=`: the archive for whoever has the panel's signed link, and nothing else to go by.
 *
 * One link is one download, not one connection: it may be asked for in pieces, by several connections and again after
 * a cut, for as long as it is valid; after that, what has begun may still be resumed (`RESUME_SECONDS`), with a range,
 * also over a restart of the daemon. A link whose `unique_id` was used for another archive opens nothing. Unlike in the
 * panels' own daemons, a link that found no archive is not used up, and server and backup of the link must belong
 * together.
 */
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import { Failure } from '../../../base/failure.ts';
import { printableText } from '../../../base/paths.ts';
import type { ServerId } from '../../../base/ids.ts';
import type { BackupService, BackupView } from '../../../jobs/contract.ts';
import type { App, AppContext, DialectDeps } from '../../dialect.ts';
import { logThrown } from '../../thrown.ts';
import { type FlavourFacts, FLAVOURS, type WingsFlavour } from '../flavour.ts';
import type { TokenDenylist } from '../tokens/denylist.ts';
import { leftWhenClosed, OpenDownloads } from './open-downloads.ts';
import { type Denials, type Objection, objectionTo, type PanelToken, readToken } from '../tokens/rules.ts';

export interface DownloadDeps {
  readonly flavour: WingsFlavour;
  /** What the panel signs with, now. */
  readonly credentials: { readonly key: Uint8Array };
  readonly grants: TokenDenylist;
}

/** The URL of the storage itself is good for a first request; redirects are followed at once. */
const REDIRECT_SECONDS = 300;

type Refusal = 'invalid' | 'not granted' | 'used' | 'busy' | 'unknown server' | 'missing' | 'broken';

const RESOURCE_NOT_FOUND = 'The requested resource was not found on this server.';
const TOO_MANY = 'This download has too many open connections.';
const UNEXPECTED = 'An unexpected error was encountered while processing this request';

const ANSWERS: Readonly<
  Record<FlavourFacts['answers'], Readonly<Record<Refusal, readonly [ContentfulStatusCode, string]>>>
> = {
  go: {
    invalid: [500, UNEXPECTED],
    'not granted': [404, RESOURCE_NOT_FOUND],
    used: [404, RESOURCE_NOT_FOUND],
    busy: [429, TOO_MANY],
    'unknown server': [404, RESOURCE_NOT_FOUND],
    missing: [404, 'The requested backup was not found on this server.'],
    broken: [500, UNEXPECTED],
  },
  rust: {
    invalid: [401, 'invalid token'],
    'not granted': [401, 'invalid token'],
    used: [401, 'token has already been used'],
    busy: [429, TOO_MANY],
    'unknown server': [404, 'server not found'],
    missing: [404, 'backup not found'],
    broken: [417, 'failed to download backup'],
  },
};

const REFUSAL_OF: Readonly<Record<Objection, Refusal>> = {
  expired: 'invalid',
  'too early': 'invalid',
  denied: 'not granted',
  'not permitted': 'not granted',
};

export function mountDownload(app: App, ports: DialectDeps, parts: DownloadDeps): void {
  const { answers } = FLAVOURS[parts.flavour];
  const open = new OpenDownloads();
  app.get('/download/backup', async (c) => {
    let leave: (() => void) | undefined;
    try {
      const found = await granted(c, ports, parts);
      if (typeof found === 'string') return refuse(c, found, answers);
      leave = open.enter(c.req.query('token') ?? '');
      if (leave === undefined) return refuse(c, 'busy', answers);
      return await send(c, found, ports, { answers, leave });
    } catch (error) {
      leave?.();
      if (isMissing(error)) return refuse(c, 'missing', answers);
      const answer = refuse(c, 'broken', answers, wordsFor(error));
      logThrown(c, error, 500, ports.log);
      return answer;
    }
  });
}

/** The backup that the link opens, or why it opens none. */
async function granted(
  c: AppContext,
  { clock, service }: DialectDeps,
  { flavour, credentials, grants }: DownloadDeps,
): Promise<BackupView | Refusal> {
  const token = readToken(c.req.query('token') ?? '', credentials.key, 'download', flavour);
  if (token === undefined) return 'invalid';
  const begun = token.backup !== undefined && grants.hasBegun(token, token.backup);
  const resumed = begun && c.req.header('range') !== undefined;
  // What has begun may be resumed by whoever could begin it at the link's last moment,
  const now = resumed ? Math.min(clock.now(), (token.expiresAt ?? 0) * 1000) : clock.now();
  // and by a link of before the start, since what is needed of that time was kept.
  const denials: Denials = begun ? { startedAt: 0, isDenied: (...asked) => grants.isDenied(...asked) } : grants;
  const refusal = (server: ServerId | undefined): Refusal | undefined => {
    const objection = objectionTo(token, server, now, denials, flavour);
    return objection === undefined ? undefined : REFUSAL_OF[objection];
  };

  const refused = refusal(token.server);
  if (refused !== undefined) return refused;
  const backup = await backupOf(token, service, FLAVOURS[flavour], c.req.raw.signal);
  if (typeof backup === 'string') return backup;
  // Asked again for links that do not name the server.
  return refusal(backup.server) ?? (begun || grants.openDownload(token, backup.id) ? backup : 'used');
}

async function backupOf(
  token: PanelToken,
  service: BackupService,
  { answers }: FlavourFacts,
  signal: AbortSignal,
): Promise<BackupView | Refusal> {
  // Calagopus names the backup alone.
  if (token.server === undefined && answers === 'go') return 'unknown server';
  const backup = token.backup === undefined ? undefined : await unlessMissing(service.findBackup(token.backup));
  if (backup !== undefined && (token.server ?? backup.server) === backup.server) {
    return backup.status === 'IN_PROGRESS' || backup.status === 'FAILED' ? 'missing' : backup;
  }
  const { server, backup: id } = token;
  if (server === undefined || id === undefined) return 'missing';
  if ((await unlessMissing(service.backups(server))) === undefined) return 'unknown server';
  // Made by the daemon that was here before: the panel's word on whose it is counts, once the archive was read.
  const isTakenOver = backup === undefined && (await service.claim(server, id, signal));
  return isTakenOver ? service.backup(server, id) : 'missing';
}

async function send(
  c: AppContext,
  view: BackupView,
  ports: DialectDeps,
  { answers, leave }: { readonly answers: FlavourFacts['answers']; readonly leave: () => void },
): Promise<Response> {
  // The URL is signed for GET alone.
  const elsewhere =
    c.req.method === 'GET' ? await ports.service.downloadUrl(view.server, view.id, REDIRECT_SECONDS) : undefined;
  if (elsewhere !== undefined) {
    leave();
    return c.body(null, 302, { Location: elsewhere, 'Cache-Control': 'no-store' });
  }
  const { backup, source } = await ports.service.download(view.server, view.id);
  return ports.sendArchive(c, {
    source: leftWhenClosed(source, leave),
    fileName: `${backup.id}.tar.gz`,
    contentType: answers === 'go' ? 'application/octet-stream' : 'application/gzip',
    ...(backup.sha256 === null ? {} : { tag: backup.sha256 }),
  });
}

const MISSING = new Set<string>(['server_not_found', 'backup_not_found', 'backup_not_ready', 'backup_failed']);

function isMissing(error: unknown): boolean {
  return error instanceof Failure && MISSING.has(error.code);
}

async function unlessMissing<Value>(asked: Promise<Value>): Promise<Value | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/** What is wrong with an archive is worth telling whoever holds a link to it. */
function wordsFor(error: unknown): string | undefined {
  const tells = error instanceof Failure && ['archive_damaged', 'invalid_request'].includes(error.code);
  return tells ? printableText(error.message) : undefined;
}

function refuse(c: AppContext, refusal: Refusal, answers: FlavourFacts['answers'], words?: string): Response {
  const [status, usual] = ANSWERS[answers][refusal];
  const error = words ?? usual;
  const named = answers === 'go' && status === 500 ? { error, request_id: c.get('requestId') } : { error };
  const type = answers === 'go' ? 'application/json; charset=utf-8' : 'application/json';
  return c.body(JSON.stringify(named), status, { 'Content-Type': type });
}
