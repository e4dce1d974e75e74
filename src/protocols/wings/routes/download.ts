/**
 * `GET /download/backup?token=`: the archive, for the panel's signed link and no other credential.
 *
 * One link is one download, in any number of pieces, connections and retries, while it is valid. After that a download
 * that has begun may be resumed with a range (`RESUME_SECONDS`), also across a restart. A `unique_id` that was used for
 * another archive opens nothing. Unlike the panels' daemons: a link that found no archive is not used up, and its
 * server and backup must belong together.
 */
import { Failure } from '../../../base/failure.ts';
import { printableText } from '../../../base/files/paths.ts';
import type { ServerId } from '../../../base/ids.ts';
import type { BackupService, BackupView } from '../../../jobs/contract.ts';
import type { App, AppContext, DialectDeps } from '../../dialect.ts';
import { sendBackup } from '../../send-backup.ts';
import { isTooMany, logThrown } from '../../thrown.ts';
import type { DownloadFacts, DownloadRefusal, FlavourFacts } from '../flavours/contract.ts';
import type { TokenDenylist } from '../tokens/denylist.ts';
import type { PanelToken } from '../tokens/panel-token.ts';
import { type Denials, objectionTo, readToken } from '../tokens/rules.ts';

export interface DownloadDeps {
  readonly facts: Pick<FlavourFacts, 'download' | 'tokens'>;
  readonly credentials: { readonly key: Uint8Array };
  readonly denylist: TokenDenylist;
}

/** Life of a storage URL: redirects are followed at once. */
const REDIRECT_SECONDS = 300;

export function mountDownload(app: App, ports: DialectDeps, deps: DownloadDeps): void {
  const { download } = deps.facts;
  app.get('/download/backup', async (c) => {
    try {
      const found = await granted(c, ports, deps);
      return typeof found === 'string' ? refuse(c, found, download) : await send(c, found, ports, download);
    } catch (error) {
      if (isMissing(error)) return refuse(c, 'missing', download);
      if (isTooMany(error)) return refuse(c, 'busy', download);
      const answer = refuse(c, 'broken', download, messageFor(error));
      logThrown(c, error, 500, ports.log);
      return answer;
    }
  });
}

async function granted(
  c: AppContext,
  { clock, service }: DialectDeps,
  { facts, credentials, denylist }: DownloadDeps,
): Promise<BackupView | DownloadRefusal> {
  const token = readToken(c.req.query('token') ?? '', credentials.key, 'download', facts.tokens);
  if (token === undefined) return 'invalid';
  const begun = token.backup !== undefined && denylist.hasBegun(token, token.backup);
  const resumed = begun && c.req.header('range') !== undefined;
  // A resumed download is checked as of the link's last valid moment,
  const now = resumed ? Math.min(clock.now(), (token.expiresAt ?? 0) * 1000) : clock.now();
  // and may be older than the daemon's start, since its use was stored.
  const denials: Denials = begun ? { startedAt: 0, isDenied: (...asked) => denylist.isDenied(...asked) } : denylist;
  const refusal = (server: ServerId | undefined): DownloadRefusal | undefined =>
    objectionTo(token, server, now, denials, facts.tokens);

  const refused = refusal(token.server);
  if (refused !== undefined) return refused;
  const backup = await backupOf(token, service, facts.download, c.req.raw.signal);
  if (typeof backup === 'string') return backup;
  // Checked again, for links that do not name the server.
  return refusal(backup.server) ?? (begun || denylist.openDownload(token, backup.id) ? backup : 'used');
}

async function backupOf(
  token: PanelToken,
  service: BackupService,
  { takesBackupAlone }: DownloadFacts,
  signal: AbortSignal,
): Promise<BackupView | DownloadRefusal> {
  if (token.server === undefined && !takesBackupAlone) return 'unknown server';
  const backup = token.backup === undefined ? undefined : await unlessMissing(service.findBackup(token.backup));
  if (backup !== undefined && (token.server ?? backup.server) === backup.server) {
    return backup.status === 'IN_PROGRESS' || backup.status === 'FAILED' ? 'missing' : backup;
  }
  const { server, backup: id } = token;
  if (server === undefined || id === undefined) return 'missing';
  if ((await unlessMissing(service.backupPage(server, 1))) === undefined) return 'unknown server';
  // The archive may be one of a former daemon: then it is read to its end and adopted for the server that the panel names.
  const isTakenOver = backup === undefined && (await service.claim(server, id, signal));
  return isTakenOver ? service.backup(server, id) : 'missing';
}

async function send(
  c: AppContext,
  { server, id }: BackupView,
  ports: DialectDeps,
  { contentType }: DownloadFacts,
): Promise<Response> {
  const elsewhere = c.req.method === 'GET' ? await ports.service.downloadUrl(server, id, REDIRECT_SECONDS) : undefined;
  if (elsewhere !== undefined) return c.body(null, 302, { Location: elsewhere, 'Cache-Control': 'no-store' });
  return sendBackup(c, ports, { server, id, link: c.req.query('token') ?? '', contentType });
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

/** Damage of the archive is shown to the link's holder. */
function messageFor(error: unknown): string | undefined {
  const shown = error instanceof Failure && ['archive_damaged', 'invalid_request'].includes(error.code);
  return shown ? printableText(error.message) : undefined;
}

function refuse(c: AppContext, refusal: DownloadRefusal, facts: DownloadFacts, message?: string): Response {
  const [status, usual] = facts.refusals[refusal];
  const error = message ?? usual;
  const named = status === 500 && !facts.hidesRequestId ? { error, request_id: c.get('requestId') } : { error };
  return c.body(JSON.stringify(named), status, { 'Content-Type': facts.refusalType });
}
