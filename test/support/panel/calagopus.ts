/**
 * What Calagopus' panel answers to its daemons, as its code of 1.1.4 does (76dfc96): each rule names its file below
 * backend/src/routes/api/remote, or shared/src.
 */
import { configurationOf, keyOf, type PanelAnswer, type PanelCall, type RemoteParts } from './call.ts';
import { FLAVOUR_RULES, type Refusal } from './flavours.ts';
import { backupReportFaults, type Fault, restoreReportFaults } from './report-rules.ts';
import type { PanelBackup, PanelServer } from './rows.ts';

/** A credential is 16 characters, a dot and 64. mod.rs (auth). */
const CREDENTIAL_LENGTH = 81;
/** backups/_backup_/s3/parts.rs. */
const MAX_PARTS = 10_000;
const PARTS_AT_ONCE = 50;
const UUID = '[0-9a-f-]{36}';
const RULES = FLAVOUR_RULES.calagopus;

type Body = Readonly<Record<string, unknown>>;

class Refused extends Error {
  readonly answer: PanelAnswer;

  constructor(answer: PanelAnswer) {
    super('refused');
    this.answer = answer;
  }
}

export class CalagopusRemote {
  readonly #parts: RemoteParts;

  constructor(parts: RemoteParts) {
    this.#parts = parts;
  }

  async answer(call: PanelCall): Promise<PanelAnswer> {
    try {
      this.#requireCredential(call);
      return await this.#route(call);
    } catch (error) {
      if (error instanceof Refused) return error.answer;
      return refusal(500, 'internal server error');
    }
  }

  /** mod.rs (auth). */
  #requireCredential({ headers }: PanelCall): void {
    const header = headers['authorization'];
    const [type, credential = '', ...more] = typeof header === 'string' ? header.split(' ') : [];
    const [id, ...secret] = credential.split('.');
    const isWhole = type === 'Bearer' && more.length === 0 && credential.length === CREDENTIAL_LENGTH;
    if (!isWhole || secret.length === 0) refuse(RULES.malformedCredential);
    const { tokenId, token } = this.#parts.node;
    if (id !== tokenId || secret.join('.') !== token) refuse(RULES.wrongToken);
  }

  #route(call: PanelCall): PanelAnswer | Promise<PanelAnswer> {
    const path = call.path.replace(/^\/api\/remote\//, '');
    const [, uuid = '', topic] = new RegExp(`^backups/(${UUID})(?:/(s3/parts|restore|deletion))?$`).exec(path) ?? [];
    if (uuid !== '') return this.#ofBackup(this.#backup(uuid), topic, call);
    if (path === 'servers') return only('GET', call, () => this.#servers(call));
    if (path === 'servers/reset') return only('POST', call, () => this.#reset(call));
    const [, server = '', install] = new RegExp(`^servers/(${UUID})(/install)?$`).exec(path) ?? [];
    if (server === '') return refusal(404, 'route not found');
    const found = this.#server(server);
    if (install === undefined) return only('GET', call, () => json(configurationOf(found)));
    return only('POST', call, () => this.#installed(found, call));
  }

  #ofBackup(backup: PanelBackup, topic: string | undefined, call: PanelCall): PanelAnswer | Promise<PanelAnswer> {
    if (topic === 's3/parts') return only('GET', call, () => this.#partsFrom(backup, call));
    if (topic === 'restore') return only('POST', call, () => this.#restored(backup, call));
    if (topic === 'deletion') return only('POST', call, () => this.#deleted(backup, call));
    return only('POST', call, () => this.#made(backup, call));
  }

  /** Of this node, deleted ones too. shared models/server_backup/mod.rs (by_node_uuid_uuid). */
  #backup(uuid: string): PanelBackup {
    const { backups, deleted } = this.#parts.rows;
    const backup = backups.get(uuid) ?? deleted.get(uuid);
    return backup === undefined || backup.server.elsewhere ? refuse(RULES.unknownBackup) : backup;
  }

  #server(uuid: unknown): PanelServer {
    const server = typeof uuid === 'string' ? this.#parts.rows.servers.get(uuid) : undefined;
    if (server !== undefined && !server.elsewhere) return server;
    return refuse({ status: 404, code: '', detail: 'server not found' });
  }

  /** backups/_backup_/s3/parts.rs: the first call begins the upload, later ones take it up again. */
  async #partsFrom(backup: PanelBackup, { query }: PanelCall): Promise<PanelAnswer> {
    const asked = query.get('from_part') ?? '';
    if (!/^\d{1,5}$/.test(asked)) return text(400, 'Failed to deserialize query string');
    const from = Number(asked);
    if (from < 1 || from > MAX_PARTS) return refusal(400, 'from_part: lower than 1');
    const { uploads, partSize } = this.#parts;
    if (backup.disk !== 's3' || uploads === undefined) return refusal(417, 'backup is not stored on S3');
    const count = Math.min(PARTS_AT_ONCE, MAX_PARTS - from);
    if (count === 0) return refusal(417, 'no more parts can be uploaded');
    const key = keyOf(backup);
    const id = (backup.uploadId ??= await uploads.begin(key));
    const parts = Array.from({ length: count }, (_, index) => uploads.partUrl(key, id, from + index));
    return json({ parts, part_size: partSize() });
  }

  /** backups/_backup_/mod.rs (post): nothing asks whether it is completed already. */
  async #made(backup: PanelBackup, call: PanelCall): Promise<PanelAnswer> {
    const body = extracted(call, backupReportFaults(bodyOf(call), 'calagopus'));
    let successful = body['successful'] === true;
    if (backup.disk === 's3') {
      const { uploads } = this.#parts;
      if (backup.uploadId === null || uploads === undefined) return refusal(417, 'upload ID not found');
      const parts = (body['parts'] as { etag: string; part_number: number }[]).map(({ etag, part_number }) => ({
        etag,
        partNumber: part_number,
      }));
      const ended = successful
        ? uploads.complete(keyOf(backup), backup.uploadId, parts)
        : uploads.abort(keyOf(backup), backup.uploadId);
      // A store that refuses is logged; the answer is 200 all the same.
      await ended.catch(() => void (successful = false));
    }
    backup.successful = successful;
    backup.completedAt = this.#parts.now();
    if (successful) {
      backup.checksum = `${String(body['checksum_type'])}:${String(body['checksum'])}`;
      backup.bytes = Number(body['size']);
    }
    return taken(call);
  }

  /** backups/_backup_/restore.rs. */
  #restored(backup: PanelBackup, call: PanelCall): PanelAnswer {
    const body = payload(call, restoreReportFaults(bodyOf(call), 'calagopus'));
    const server = this.#server(body['server_uuid'] ?? backup.server.uuid);
    if (server.status !== 'restoring_backup') return refusal(417, 'server is not restoring a backup');
    server.status = body['successful'] === true ? null : 'restore_failed';
    return taken(call);
  }

  /** backups/_backup_/deletion.rs; shared models/server_backup/mod.rs (finish_deletion, fail_deletion_attempt). */
  #deleted(backup: PanelBackup, call: PanelCall): PanelAnswer {
    const body = payload(call, restoreReportFaults(bodyOf(call), 'calagopus'));
    const { backups, deleted } = this.#parts.rows;
    if (deleted.has(backup.uuid)) return json({});
    if (!backup.deleting) return refusal(417, 'backup is not being deleted');
    if (body['successful'] === true) {
      backup.deleting = false;
      backups.delete(backup.uuid);
      deleted.set(backup.uuid, backup);
    } else backup.deletionRetries++;
    return taken(call);
  }

  /** servers/mod.rs; shared models/mod.rs (PaginationParams). */
  #servers({ query }: PanelCall): PanelAnswer {
    const [page, perPage] = [Number(query.get('page') ?? 1), Number(query.get('per_page') ?? 50)];
    if (!Number.isSafeInteger(page) || !Number.isSafeInteger(perPage)) {
      return text(400, 'Failed to deserialize query string');
    }
    if (page < 1 || perPage < 1 || perPage > 100) return refusal(400, 'page or per_page: out of range');
    const all = [...this.#parts.rows.servers.values()].filter(({ elsewhere }) => !elsewhere);
    const shown = all.slice((page - 1) * perPage, page * perPage);
    const data = shown.map(listed);
    return json({ data, meta: { current_page: page, last_page: Math.ceil(all.length / perPage), total: all.length } });
  }

  /** servers/reset.rs: restores and unfinished backups of servers on this node fail; installs stay. */
  #reset(call: PanelCall): PanelAnswer {
    const { rows, now } = this.#parts;
    for (const server of rows.servers.values()) {
      if (!server.elsewhere && server.status === 'restoring_backup') server.status = 'restore_failed';
    }
    for (const backup of rows.backups.values()) {
      if (backup.server.elsewhere || backup.completedAt !== null) continue;
      backup.successful = false;
      backup.completedAt = now();
    }
    return taken(call);
  }

  /** servers/_server_/install.rs. */
  #installed(server: PanelServer, call: PanelCall): PanelAnswer {
    const body = payload(call, restoreReportFaults(bodyOf(call), 'calagopus'));
    server.status = body['successful'] === true ? null : server.status;
    return taken(call);
  }
}

function listed(server: PanelServer) {
  return { uuid: server.uuid, ...configurationOf(server) };
}

/** axum: a route is there with another method. */
function only<Answer>(method: string, call: PanelCall, answer: () => Answer): Answer | PanelAnswer {
  return call.method === method ? answer() : { status: 405, body: '', headers: { Allow: method } };
}

function bodyOf({ body }: PanelCall): Body {
  return typeof body === 'object' && body !== null ? { ...body } : {};
}

/** axum's `Json`, which reports of backups are read with. */
function extracted(call: PanelCall, [first]: readonly Fault[]): Body {
  if (!/^application\/json\b/.test(String(call.headers['content-type']))) {
    throw new Refused(text(415, 'Expected request with `Content-Type: application/json`'));
  }
  if (typeof call.body === 'string') throw new Refused(text(400, 'Failed to parse the request body as JSON'));
  if (first === undefined) return bodyOf(call);
  throw new Refused(text(422, `Failed to deserialize the JSON body into the target type: ${first.detail}`));
}

/** shared payload.rs, which all other bodies are read with. */
function payload(call: PanelCall, [first]: readonly Fault[]): Body {
  if (!/^application\/json\b/.test(String(call.headers['content-type']))) {
    throw new Refused(refusal(400, 'invalid payload: unsupported content type'));
  }
  if (first !== undefined) throw new Refused(refusal(400, `invalid payload: ${first.detail}`));
  return bodyOf(call);
}

function taken(call: PanelCall): PanelAnswer {
  call.effective = true;
  return json({});
}

function refuse({ status, detail }: Refusal): never {
  throw new Refused(refusal(status, detail));
}

/** shared lib.rs (ApiError), response.rs. */
function refusal(status: number, detail: string): PanelAnswer {
  return { ...json({ errors: [detail] }), status };
}

function text(status: number, body: string): PanelAnswer {
  return { status, body, headers: { 'Content-Type': 'text/plain; charset=utf-8' } };
}

function json(value: unknown): PanelAnswer {
  return { status: 200, body: JSON.stringify(value), headers: { 'Content-Type': 'application/json' } };
}
