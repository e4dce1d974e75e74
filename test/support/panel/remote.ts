/**
 * The API that a panel offers to its daemons, `/api/remote`, with the rules of Laravel's panels: pterodactyl/panel and
 * pelican-dev/panel app/Http/Controllers/Api/Remote. `calagopus.ts` has those of the third.
 */
import { CalagopusRemote } from './calagopus.ts';
import { configurationOf, keyOf, type PanelAnswer, type PanelCall, type RemoteParts } from './call.ts';
import { FLAVOUR_RULES, type FlavourRules, type Refusal } from './flavours.ts';
import { backupReportFaults, type Fault, restoreReportFaults } from './report-rules.ts';
import type { PanelBackup, PanelServer } from './rows.ts';
import type { UploadedPart } from './uploads.ts';

/** Thrown where a rule of the panel is broken. */
class Refused extends Error {
  readonly answer: PanelAnswer;

  constructor(answer: PanelAnswer) {
    super('refused');
    this.answer = answer;
  }
}

const UUID = '([0-9a-f-]{36})';
const NO_CONTENT: PanelAnswer = { status: 204, body: '' };

export class RemoteApi {
  readonly #parts: RemoteParts;
  readonly #rules: FlavourRules;
  readonly #calagopus: CalagopusRemote;

  constructor(parts: RemoteParts) {
    this.#parts = parts;
    this.#calagopus = new CalagopusRemote(parts);
    this.#rules = FLAVOUR_RULES[parts.flavour];
  }

  /** Answers as the panel would. Rows are looked up as they are committed now. */
  async answer(call: PanelCall): Promise<PanelAnswer> {
    this.#parts.rows.settle();
    if (this.#parts.flavour === 'calagopus') return this.#calagopus.answer(call);
    try {
      this.#requireCredential(call);
      return await this.#route(call);
    } catch (error) {
      if (error instanceof Refused) return error.answer;
      return this.#refusal({ status: 500, code: 'HttpException', detail: String(error) });
    }
  }

  /** As the panel words an error of its own. */
  #refusal(refusal: Refusal): PanelAnswer {
    return {
      status: refusal.status,
      body: this.#rules.envelope(refusal),
      headers: { 'Content-Type': 'application/json', ...refusal.headers },
    };
  }

  #refuse(refusal: Refusal): never {
    throw new Refused(this.#refusal(refusal));
  }

  #requireCredential({ headers }: PanelCall): void {
    const header = headers['authorization'];
    if (typeof header !== 'string' || !header.startsWith('Bearer ')) return this.#refuse(this.#rules.noCredential);
    const [, id = '', token = ''] = /^Bearer ([^.]+)\.([^.]+)$/.exec(header) ?? [];
    if (id === '' || token === '') return this.#refuse(this.#rules.malformedCredential);
    if (id !== this.#parts.node.tokenId) return this.#refuse(this.#rules.unknownTokenId);
    if (token !== this.#parts.node.token) return this.#refuse(this.#rules.wrongToken);
  }

  async #route(call: PanelCall): Promise<PanelAnswer> {
    const { method, path } = call;
    const is = (verb: string, pattern: string): string | undefined => {
      const match = new RegExp(`^/api/remote/${pattern}$`).exec(path);
      return method === verb && match !== null ? (match[1] ?? '') : undefined;
    };
    let uuid: string | undefined;
    if ((uuid = is('GET', `backups/${UUID}`)) !== undefined) return this.#partUrls(this.#backup(uuid), call);
    if ((uuid = is('POST', `backups/${UUID}`)) !== undefined) return this.#backupReport(this.#backup(uuid), call);
    if ((uuid = is('POST', `backups/${UUID}/restore`)) !== undefined) return this.#restoreReport(uuid, call);
    if (is('GET', 'servers') !== undefined) return this.#servers(call);
    if (is('POST', 'servers/reset') !== undefined) return this.#reset(call);
    if ((uuid = is('GET', `servers/${UUID}`)) !== undefined) return json(configurationOf(this.#server(uuid)));
    if ((uuid = is('POST', `servers/${UUID}/install`)) !== undefined) return this.#installed(uuid, call);
    return this.#refuse(NOT_FOUND);
  }

  #backup(uuid: string): PanelBackup {
    const backup = this.#parts.rows.backups.get(uuid) ?? this.#refuse(this.#rules.unknownBackup);
    if (backup.server.elsewhere) this.#refuse(this.#rules.otherNode);
    return backup;
  }

  #server(uuid: string): PanelServer {
    const server = this.#parts.rows.servers.get(uuid);
    return server === undefined || server.elsewhere ? this.#refuse(NOT_FOUND) : server;
  }

  async #partUrls(backup: PanelBackup, { query }: PanelCall): Promise<PanelAnswer> {
    const size = Number(query.get('size') ?? 0);
    const missing = { code: 'BadRequestHttpException', detail: 'A non-empty "size" query parameter must be provided.' };
    if (!(size > 0)) this.#refuse({ status: 400, ...missing });
    // Of one that failed as well.
    if (backup.completedAt !== null) this.#refuse(CONFLICT);
    const { uploads } = this.#parts;
    if (backup.disk !== 's3' || uploads === undefined) return this.#refuse(this.#rules.notUploaded);
    const key = keyOf(backup);
    const uploadId = await uploads.begin(key);
    // An earlier upload is forgotten, as panels do.
    backup.uploadId = uploadId;
    const partSize = this.#parts.partSize();
    const count = Math.ceil(size / partSize);
    const parts = Array.from({ length: count }, (_, index) => uploads.partUrl(key, uploadId, index + 1));
    const more = this.#parts.flavour === 'pelican' ? { max_concurrent_uploads: 10 } : {};
    return json({ parts, part_size: partSize, ...more });
  }

  async #backupReport(backup: PanelBackup, call: PanelCall): Promise<PanelAnswer> {
    const body = bodyOf(call);
    this.#refuseFaults(backupReportFaults(body, this.#parts.flavour));
    if (backup.successful && this.#rules.completed !== null) this.#refuse(this.#rules.completed);
    const successful = Boolean(body['successful']);
    if (backup.disk === 's3') await this.#endUpload(backup, successful, body['parts']);
    backup.successful = successful;
    if (!successful) backup.locked = false;
    backup.checksum = successful ? `${String(body['checksum_type'])}:${String(body['checksum'])}` : null;
    backup.bytes = successful ? Number(body['size']) : 0;
    backup.completedAt = this.#parts.now();
    call.effective = true;
    return this.#taken();
  }

  async #endUpload(backup: PanelBackup, successful: boolean, told: unknown): Promise<void> {
    const { uploads } = this.#parts;
    if (backup.uploadId === null || uploads === undefined) {
      if (!successful) return;
      throw new Error('Cannot complete backup request: no upload_id present on model.');
    }
    const key = keyOf(backup);
    // What the object storage refuses, as one that is aborted already, undoes the whole report.
    if (!successful) return uploads.abort(key, backup.uploadId);
    const parts = Array.isArray(told) ? told.map(partOf) : null;
    await uploads.complete(key, backup.uploadId, parts);
  }

  #restoreReport(uuid: string, call: PanelCall): PanelAnswer {
    const { rows, flavour } = this.#parts;
    const backup = rows.backups.get(uuid) ?? this.#refuse(this.#rules.unknownBackup);
    if (backup.server.elsewhere && this.#rules.restoreOfOtherNode !== null)
      this.#refuse(this.#rules.restoreOfOtherNode);
    const body = bodyOf(call);
    this.#refuseFaults(restoreReportFaults(body, flavour));
    const { server } = backup;
    if (server.status !== 'restoring_backup') {
      // Nothing to change: a report that came before the commit is lost in these panels.
      return this.#taken();
    }
    server.status = null;
    call.effective = true;
    return this.#taken();
  }

  #servers({ query }: PanelCall): PanelAnswer {
    const asked = query.get('per_page') ?? '50';
    if (!/^\d+$/.test(asked)) {
      this.#refuseFaults([{ field: 'per_page', rule: 'integer', detail: 'The per page must be an integer.' }]);
    }
    const perPage = Math.max(1, Number(asked));
    // Laravel takes page 0 for page 1.
    const page = Math.max(1, Number(query.get('page') ?? 1) || 1);
    const all = [...this.#parts.rows.servers.values()].filter(({ elsewhere }) => !elsewhere);
    const from = (page - 1) * perPage;
    const data = all.slice(from, from + perPage).map(listed);
    const lastPage = Math.max(1, Math.ceil(all.length / perPage));
    const bounds = data.length === 0 ? { from: null, to: null } : { from: from + 1, to: from + data.length };
    const meta = { current_page: page, ...bounds, last_page: lastPage, per_page: perPage, total: all.length };
    return json({ data, links: { first: null, last: null, prev: null, next: null }, meta });
  }

  #reset(call: PanelCall): PanelAnswer {
    for (const server of this.#parts.rows.servers.values()) {
      if (server.elsewhere) continue;
      if (server.status === 'restoring_backup' || server.status === 'installing') server.status = null;
    }
    call.effective = true;
    return this.#taken();
  }

  #installed(uuid: string, call: PanelCall): PanelAnswer {
    const server = this.#server(uuid);
    if (server.status === 'installing') server.status = null;
    call.effective = true;
    return NO_CONTENT;
  }

  #taken(): PanelAnswer {
    const { status, body } = this.#rules.taken;
    return { status, body, ...(body === '' ? {} : { headers: { 'Content-Type': 'application/json' } }) };
  }

  #refuseFaults(faults: readonly Fault[]): void {
    const [first] = faults;
    if (first === undefined) return;
    const errors = faults.map(({ field, rule, detail }) => ({
      code: 'ValidationException',
      status: '422',
      detail,
      meta: { source_field: field, rule },
    }));
    throw new Refused({
      status: 422,
      body: JSON.stringify({ errors }),
      headers: { 'Content-Type': 'application/json' },
    });
  }
}

const NOT_FOUND = { status: 404, code: 'NotFoundHttpException', detail: 'The requested resource was not found.' };
const CONFLICT = { status: 409, code: 'ConflictHttpException', detail: 'This backup is already in a completed state.' };

function bodyOf({ body }: PanelCall): Readonly<Record<string, unknown>> {
  return typeof body === 'object' && body !== null ? { ...body } : {};
}

function partOf(part: unknown): UploadedPart {
  const { etag, part_number: number } = part as { etag: string; part_number: number };
  return { etag, partNumber: number };
}

function json(value: unknown): PanelAnswer {
  return { status: 200, body: JSON.stringify(value), headers: { 'Content-Type': 'application/json' } };
}

function listed(server: PanelServer) {
  return { uuid: server.uuid, ...configurationOf(server) };
}
