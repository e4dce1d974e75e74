/**
 * Requests to a panel of the Wings family: reports of backups and restores, URLs for the parts of an upload, servers
 * and their settings.
 *
 * Promises: an answer is classified as delivered, refused or to be retried; callers decide when. A panel may ask for a
 * backup before its own transaction commits, so an unknown backup is retried for a while.
 */
import { z } from 'zod';
import { MEBIBYTE } from '../../../base/sizes.ts';
import type { Clock } from '../../../base/clock.ts';
import { asFailure, Failure, throwIfAborted } from '../../../base/failure.ts';
import { isUuid, type BackupId, type ServerId } from '../../../base/ids.ts';
import type {
  BackupReport,
  DeletionReport,
  DeliveryVerdict,
  PanelPort,
  PartPlaces,
  ReportedUpload,
  RestoreReport,
  UploadState,
} from '../../../jobs/report/panel.ts';
import type { FlavourFacts, PanelFacts } from '../flavours/contract.ts';
import {
  askPanel,
  detailOf,
  type PanelAddress,
  type PanelAnswer,
  type PanelRequest,
  parsed,
  refusedBy,
  unreachable,
} from './request.ts';
import type { PanelServers, PanelSettings } from './servers.ts';

export interface PanelClientDeps extends PanelAddress {
  readonly facts: FlavourFacts;
  readonly clock: Pick<Clock, 'now'>;
  /** The panel's file manager can look into the backups that stay here. */
  readonly browsable?: boolean;
}

/** How a server starts. */
export interface ServerStartup {
  /** Console texts of which one says that it runs. */
  readonly done: readonly string[];
  readonly invocation: string;
}

export interface PanelServer {
  readonly id: ServerId;
  readonly settings: PanelSettings;
}

/** How long a panel may take to commit what it asked for. */
const COMMITS_WITHIN_MS = 300_000;
/** Retried: answers of proxies and maintenance pages, and credentials that are being changed. */
const PASSING: ReadonlySet<number> = new Set([401, 403, 408, 425, 429]);
const ALREADY_COMPLETED = /\balready\b.*\bcomplete/i;
const NOT_RESTORING = /\bnot restoring\b/i;

/** For a maintenance page that comes with a status of success. */
const NO_PANEL = 'its answer is not the one of a panel';

/** Page size of the panels' own daemons; a server's settings are some kilobytes. */
const PER_PAGE = 50;
const PAGE_BYTES = 32 * MEBIBYTE;
/** Ends the loop for a panel that always names a further page. */
const MOST_PAGES = 2000;
const SETTINGS_BYTES = 4 * MEBIBYTE;
const PARTS_BYTES = 32 * MEBIBYTE;

const Settings = z.record(z.string(), z.unknown());
const Page = z.object({
  data: z.array(z.object({ uuid: z.string(), settings: Settings.catch({}) })),
  meta: z.object({ last_page: z.number() }).optional(),
});
const Configuration = z.object({ settings: Settings });
/** An egg may have no text that says that it runs. An answer without the part that has it is no panel's, and tells of no egg. */
const Startup = z.object({
  settings: Settings,
  process_configuration: z.object({
    startup: z.object({
      done: z.union([z.string().transform((text) => [text]), z.array(z.string())]).catch([]),
    }),
  }),
});
const Parts = z.object({
  parts: z.array(z.string()),
  part_size: z.number().int().positive(),
  // Source: pelican-dev/panel#2510.
  max_concurrent_uploads: z.number().int().optional().catch(undefined),
});
const WHERE_TO_UPLOAD = 'Cannot ask the panel where to upload the backup';
const LOOK_MS = 30_000;
/** The highest part number for which the panel gives a URL. */
const LAST_PART = 9999;
const NO_UPLOAD = /upload.?id not found/i;

export class PanelClient implements PanelPort, PanelServers {
  readonly #deps: PanelClientDeps;
  #away: Failure | undefined;

  constructor(deps: PanelClientDeps) {
    this.#deps = deps;
  }

  /** Why the panel did not take the last request at all: out of reach, failing, or not of this node. */
  get away(): Failure | undefined {
    return this.#away;
  }

  async reportBackup(report: BackupReport, signal: AbortSignal): Promise<DeliveryVerdict> {
    const doing = 'Cannot report the backup to the panel';
    const { facts, browsable = false } = this.#deps;
    const { panel } = facts;
    const send = (): Promise<DeliveryVerdict> =>
      this.#report(`/backups/${report.backup}`, backupBody(report, panel, browsable), report, doing, signal);
    const verdict = await send();
    if (!panel.partsInPieces || report.successful || !hasNoUpload(verdict)) return verdict;
    // A backup that failed before its first part: the panel aborts an upload, so it needs one.
    await this.#partsFrom(report.backup, 1, signal).catch(() => undefined);
    return send();
  }

  async reportRestore(report: RestoreReport, signal: AbortSignal): Promise<DeliveryVerdict> {
    const doing = 'Cannot report the restore to the panel';
    const { successful, server } = report;
    const body = this.#deps.facts.panel.completeReports ? { successful, server_uuid: server } : { successful };
    return this.#report(`/backups/${report.backup}/restore`, body, report, doing, signal);
  }

  /** Source: calagopus/panel be2b6c40, …/remote/backups/_backup_/deletion.rs. */
  async reportDeletion(report: DeletionReport, signal: AbortSignal): Promise<DeliveryVerdict> {
    const doing = 'Cannot report the deletion to the panel';
    const { successful } = report;
    const verdict = await this.#report(`/backups/${report.backup}/deletion`, { successful }, report, doing, signal);
    // The panel has forgotten the backup, or waits for no deletion of it any more.
    const status = verdict.kind === 'delivered' ? undefined : verdict.failure.detail.httpStatus;
    return status === 404 || status === 417 ? { kind: 'delivered' } : verdict;
  }

  async partUrls(backup: BackupId, size: number, signal: AbortSignal): Promise<PartPlaces> {
    if (this.#deps.facts.panel.partsInPieces) {
      const more = async (from: number, stop: AbortSignal) => (await this.#partsFrom(backup, from, stop)).parts;
      return { ...(await this.#partsFrom(backup, 1, signal)), more };
    }
    const doing = WHERE_TO_UPLOAD;
    const path = `/backups/${backup}?size=${size}`;
    const {
      parts,
      part_size: partSize,
      max_concurrent_uploads: sideBySide,
    } = await this.#read({ method: 'GET', path, signal, maxBytes: PARTS_BYTES }, Parts, doing);
    return { parts, partSize, ...(sideBySide === undefined ? {} : { sideBySide }) };
  }

  /**
   * Puts one byte behind the last part, which is not in the report and is dropped: S3 answers 404 once it is closed.
   * Behind part 9,999 the panel gives no place any more: there the last part itself is sent again.
   */
  async uploadState({ backup, parts, sendLastAgain }: ReportedUpload, signal: AbortSignal): Promise<UploadState> {
    if (!this.#deps.facts.panel.partsInPieces) return 'unknown';
    const doing = 'Cannot see whether the upload of the backup is completed';
    if (parts >= LAST_PART) {
      const [place = ''] = (await this.#partsFrom(backup, parts, signal)).parts;
      return sendLastAgain(place, signal);
    }
    const [url = ''] = (await this.#partsFrom(backup, parts + 1, signal)).parts;
    const limit = AbortSignal.any([signal, AbortSignal.timeout(LOOK_MS)]);
    try {
      const answer = await this.#deps.fetch(url, { method: 'PUT', body: '0', redirect: 'manual', signal: limit });
      await answer.body?.cancel();
      if (answer.status === 200) return 'open';
      if (answer.status === 404) return 'closed';
      throw unreachable(doing, `its storage answered ${answer.status}`);
    } catch (error) {
      throwIfAborted(signal, doing);
      throw error instanceof Failure ? error : unreachable(doing, 'its storage does not answer');
    }
  }

  /** Source: calagopus/panel 76dfc96, backend/src/routes/api/remote/backups/_backup_/s3/parts.rs. */
  async #partsFrom(backup: BackupId, from: number, signal: AbortSignal) {
    const request = { method: 'GET', path: `/backups/${backup}/s3/parts?from_part=${from}`, signal } as const;
    const answer = await this.#read({ ...request, maxBytes: PARTS_BYTES }, Parts, WHERE_TO_UPLOAD);
    const { parts, part_size: partSize } = answer;
    // The panel tells the wanted format by nothing but this name; an archive of Roost under another would not be read.
    const other = parts.find((text) => URL.parse(text)?.pathname.endsWith('.tar.gz') !== true);
    if (other === undefined) return { parts, partSize };
    throw new Failure('invalid_request', `${WHERE_TO_UPLOAD}: it wants another format than .tar.gz`, {
      hint: 'Set compression_type to gz in the panel’s backup configuration.',
    });
  }

  /**
   * All servers of this node, page by page.
   *
   * @throws Failure `store_unreachable` when the panel does not answer, or not as it should.
   */
  async *servers(signal: AbortSignal): AsyncGenerator<PanelServer> {
    const doing = 'Cannot read the servers’ settings from the panel';
    for (let page = 1, last = 1; page <= Math.min(last, MOST_PAGES); page++) {
      const path = `/servers?page=${page}&per_page=${PER_PAGE}`;
      const answer = await this.#read({ method: 'GET', path, signal, maxBytes: PAGE_BYTES }, Page, doing);
      last = answer.meta?.last_page ?? 1;
      for (const { uuid, settings } of answer.data) {
        const id = uuid.toLowerCase();
        if (isUuid(id)) yield { id: id as ServerId, settings };
      }
    }
  }

  async settings(server: ServerId, signal: AbortSignal): Promise<PanelSettings> {
    const doing = 'Cannot read the server’s settings from the panel';
    const request = { method: 'GET', path: `/servers/${server}`, signal, maxBytes: SETTINGS_BYTES } as const;
    return (await this.#read(request, Configuration, doing, 'server_not_found')).settings;
  }

  /**
   * Source: pterodactyl/panel app/Services/Servers/ServerConfigurationStructureService.php, EggConfigurationService.php.
   *
   * @throws Failure `server_not_found`; `store_unreachable` when the panel does not answer, or not as it should.
   */
  async startup(server: ServerId, signal: AbortSignal): Promise<ServerStartup> {
    const doing = 'Cannot ask the panel which game the server runs';
    const request = { method: 'GET', path: `/servers/${server}`, signal, maxBytes: SETTINGS_BYTES } as const;
    const answer = await this.#read(request, Startup, doing, 'server_not_found');
    const { invocation } = answer.settings;
    const { done } = answer.process_configuration.startup;
    return { done, invocation: typeof invocation === 'string' ? invocation : '' };
  }

  async reportInstalled(server: ServerId, signal: AbortSignal): Promise<void> {
    const body = { successful: true, reinstall: false };
    await this.#post(`/servers/${server}/install`, body, 'Cannot report the installation to the panel', signal);
  }

  /** Has the panel end the restores (and unfinished backups) that it believes to be under way on this node. */
  async resetServers(signal: AbortSignal): Promise<void> {
    await this.#post('/servers/reset', undefined, 'Cannot have the panel reset its servers', signal);
  }

  async #report(
    path: string,
    body: unknown,
    { askedAt }: { readonly askedAt: number },
    doing: string,
    signal: AbortSignal,
  ): Promise<DeliveryVerdict> {
    try {
      const answer = await this.#ask({ method: 'POST', path, body, signal }, doing);
      return this.#verdict(answer, askedAt, doing);
    } catch (error) {
      if (signal.aborted) throw error;
      return { kind: 'retry', failure: asFailure(error, doing) };
    }
  }

  #verdict(answer: PanelAnswer, askedAt: number, doing: string): DeliveryVerdict {
    const { status } = answer;
    if (isTaken(answer)) return { kind: 'delivered' };
    if (isSuccess(status)) return { kind: 'retry', failure: unreachable(doing, NO_PANEL) };
    const detail = detailOf(answer.text);
    if ((status === 400 || status === 409) && ALREADY_COMPLETED.test(detail)) return { kind: 'delivered' };
    const age = this.#deps.clock.now() - askedAt;
    // Absolute, because a clock that was set back puts the request into the future.
    const uncommitted = Math.abs(age) < COMMITS_WITHIN_MS;
    if (status === 417 && NOT_RESTORING.test(detail) && !uncommitted) return { kind: 'delivered' };
    const unknown = status === 404 || status === 422 || status === 417;
    const retry = unknown ? uncommitted : isPassing(status);
    const code = status === 404 ? 'backup_not_found' : 'store_unreachable';
    const failure = refusedBy(this.#deps, answer, doing, { code, retry });
    return { kind: retry ? 'retry' : 'refused', failure };
  }

  async #ask(request: PanelRequest, doing: string): Promise<PanelAnswer> {
    try {
      const answer = await askPanel(this.#deps, request, doing);
      const isAway = answer.status >= 500 || answer.status === 401 || answer.status === 403;
      this.#away = isAway ? refusedBy(this.#deps, answer, doing, { retry: true }) : undefined;
      return answer;
    } catch (error) {
      if (!request.signal.aborted) this.#away = asFailure(error, doing);
      throw error;
    }
  }

  async #post(path: string, body: unknown, doing: string, signal: AbortSignal): Promise<void> {
    const answer = await this.#ask({ method: 'POST', path, body, signal }, doing);
    if (isTaken(answer)) return;
    throw isSuccess(answer.status) ? unreachable(doing, NO_PANEL) : this.#refused(answer, doing);
  }

  async #read<Answer>(
    request: PanelRequest,
    shape: z.ZodType<Answer>,
    doing: string,
    unknown: Failure['code'] = 'backup_not_found',
  ): Promise<Answer> {
    const answer = await this.#ask(request, doing);
    if (!isSuccess(answer.status)) throw this.#refused(answer, doing, unknown);
    const body = shape.safeParse(parsed(answer.text));
    if (!body.success) throw unreachable(doing, NO_PANEL);
    return body.data;
  }

  #refused(answer: PanelAnswer, doing: string, unknown?: Failure['code']): Failure {
    const { status } = answer;
    const code = status === 404 && unknown !== undefined ? unknown : 'store_unreachable';
    return refusedBy(this.#deps, answer, doing, { code, retry: isPassing(status) || status === 404 });
  }
}

function hasNoUpload(verdict: DeliveryVerdict): boolean {
  return (
    verdict.kind !== 'delivered' && verdict.failure.detail.httpStatus === 417 && NO_UPLOAD.test(verdict.failure.message)
  );
}

function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

/** Panels answer nothing or JSON on success. An HTML page comes from something else, whatever its status. */
function isTaken({ status, text }: PanelAnswer): boolean {
  return isSuccess(status) && !text.trimStart().startsWith('<');
}

function isPassing(status: number): boolean {
  return status < 400 || status >= 500 || PASSING.has(status);
}

/** The fields of the panels' own daemons; a failure has the same ones, empty. */
function backupBody(
  report: BackupReport,
  { completeReports }: PanelFacts,
  canBrowse: boolean,
): Readonly<Record<string, unknown>> {
  const { successful, sha256, size, files } = report;
  const parts = report.parts?.map(({ etag, partNumber }) => ({ etag, part_number: partNumber })) ?? null;
  const body = { checksum: sha256 ?? '', checksum_type: sha256 === null ? '' : 'sha256', size, successful };
  if (!completeReports) return { ...body, parts };
  const browsable = canBrowse && successful && parts === null;
  return { ...body, files, browsable, streaming: false, parts: parts ?? [] };
}
