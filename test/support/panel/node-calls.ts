/** What a panel asks of its daemon, inside the transactions and with the checks of its own services. */
import { randomUUID } from 'node:crypto';
import { decode, encode } from '@msgpack/msgpack';
import type { PanelFlavour } from './flavours.ts';
import type { PanelBackup, PanelRows, PanelServer } from './rows.ts';

export interface DaemonAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** A daemon that cannot be reached, or that the panel takes for none of its own. */
export class DaemonConnectionError extends Error {}

export interface NodeCallParts {
  readonly flavour: PanelFlavour;
  readonly rows: PanelRows;
  readonly node: { readonly tokenId: string; readonly token: string };
  readonly downloadUrl: (backup: PanelBackup) => string;
}

export interface NewBackup {
  readonly uuid?: string;
  readonly name?: string;
  readonly ignored?: string;
  readonly disk?: 'wings' | 's3';
}

/** As the panels' HTTP clients. */
const TIMEOUT_MS = 15_000;
const SYSTEM_KEYS = ['architecture', 'cpu_count', 'kernel_version', 'os', 'version'] as const;

export class NodeCalls {
  url = '';
  readonly #parts: NodeCallParts;

  constructor(parts: NodeCallParts) {
    this.#parts = parts;
  }

  /** Any call with the node's bearer. @throws DaemonConnectionError when it is not answered. */
  async call(method: string, path: string, body?: unknown): Promise<DaemonAnswer> {
    const { flavour, node } = this.#parts;
    const packs = flavour === 'calagopus';
    const type = packs ? 'application/msgpack' : 'application/json';
    const request: RequestInit = {
      method,
      headers: { authorization: `Bearer ${node.token}`, accept: type, 'content-type': type },
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(body === undefined ? {} : { body: packs ? encode(body) : JSON.stringify(body) }),
    };
    const response = await fetch(this.url + path, request).catch((error: unknown) => {
      throw new DaemonConnectionError(`${method} ${path}: ${String(error)}`);
    });
    const text = packs ? unpacked(await response.arrayBuffer()) : await response.text();
    const answer = { status: response.status, headers: response.headers, text };
    if (flavour === 'pelican') requireIdentity(answer.headers, node.tokenId);
    return answer;
  }

  /**
   * A backup of a server: the row stays only when the daemon accepted it. Calagopus commits it first, and fails it then
   * (76dfc96 shared/src/models/server_backup/mod.rs, create).
   */
  async create(server: PanelServer, wanted: NewBackup = {}): Promise<PanelBackup> {
    const { rows } = this.#parts;
    const { uuid = randomUUID(), name = 'Backup', ignored = '', disk = 'wings' } = wanted;
    const transaction = rows.begin();
    const row: PanelBackup = {
      uuid,
      server,
      disk,
      ignored,
      name,
      successful: false,
      locked: false,
      checksum: null,
      bytes: 0,
      completedAt: null,
      uploadId: null,
      deleting: false,
      deletionRetries: 0,
    };
    transaction.write(() => void rows.backups.set(uuid, row));
    if (this.#parts.flavour === 'calagopus') {
      transaction.commit();
      const body = { adapter: disk, uuid, ignore: ignored };
      await this.#expect(202, 'POST', `/api/servers/${server.uuid}/backup`, body).catch((error: unknown) => {
        row.completedAt = Date.now();
        throw error;
      });
      return row;
    }
    await this.#orRollBack(transaction, () =>
      this.#expect(202, 'POST', `/api/servers/${server.uuid}/backup`, { adapter: disk, uuid, ignore: ignored }),
    );
    return row;
  }

  /** @throws Error when this server is not in order, or the daemon refused. */
  async restore(backup: PanelBackup, { truncate = false } = {}): Promise<void> {
    const { rows, flavour } = this.#parts;
    const { server, uuid, disk } = backup;
    if (server.status !== null)
      throw new Error('This server is not currently in a state that allows for a backup to be restored.');
    if (flavour === 'calagopus' && (backup.deleting || backup.completedAt === null || !backup.successful))
      throw new Error('backup has not been completed yet, has failed, or is being deleted');
    const transaction = rows.begin();
    transaction.write(() => void (server.status = 'restoring_backup'));
    // Pelican sends a link of the daemon's own for backups that lie on it, which is to be ignored.
    const none = flavour === 'calagopus' ? null : '';
    const download_url = disk === 's3' || flavour === 'pelican' ? this.#parts.downloadUrl(backup) : none;
    const body = { adapter: disk, truncate_directory: truncate, download_url };
    const path = `/api/servers/${server.uuid}/backup/${uuid}/restore`;
    await this.#orRollBack(transaction, () => this.#expect(202, 'POST', path, body));
  }

  /**
   * The row goes only when the daemon has removed the archive, or knows none. Calagopus keeps it until the daemon reports
   * (panel be2b6c40, shared/src/models/server_backup finish_deletion).
   */
  async remove(backup: PanelBackup): Promise<void> {
    const { rows, flavour } = this.#parts;
    if (backup.locked && backup.successful) throw new Error('Cannot delete a backup that is marked as locked.');
    if (flavour === 'calagopus') {
      if (backup.deleting) throw new Error('backup is already being deleted');
      backup.deleting = true;
      backup.deletionRetries = 0;
      const body = { adapter: backup.disk, foreground: false, server: backup.server.uuid };
      const answer = await this.call('DELETE', `/api/backups/${backup.uuid}`, body);
      if (answer.status === 404) {
        rows.backups.delete(backup.uuid);
        rows.deleted.set(backup.uuid, backup);
      } else if (![200, 202].includes(answer.status)) {
        backup.deleting = false;
        throw new Error(`the daemon refused: ${answer.status} ${answer.text}`);
      }
      return;
    }
    const { status, text } = await this.call('DELETE', `/api/servers/${backup.server.uuid}/backup/${backup.uuid}`);
    if (![204, 404].includes(status)) throw new Error(`the daemon refused: ${status} ${text}`);
    rows.backups.delete(backup.uuid);
  }

  /** Looks whether the node is healthy, as its page in the panel does. */
  async system(): Promise<Readonly<Record<string, unknown>>> {
    const { text } = await this.#expect(200, 'GET', '/api/system');
    const facts = JSON.parse(text) as Record<string, unknown>;
    for (const key of SYSTEM_KEYS) if (facts[key] === undefined) throw new DaemonConnectionError(`no ${key}`);
    return facts;
  }

  async #expect(status: number, method: string, path: string, body?: unknown): Promise<DaemonAnswer> {
    const answer = await this.call(method, path, body);
    if (answer.status !== status) throw new Error(`${method} ${path}: ${answer.status} ${answer.text}`);
    return answer;
  }

  async #orRollBack(transaction: { rollBack(): void }, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      transaction.rollBack();
      throw error;
    }
  }
}

/**
 * The answer as the panel reads it: what is no MessagePack is a failure, whatever its status.
 *
 * Source: calagopus/panel 76dfc96 api-clients/wings-api/src/client.rs (request_impl).
 */
function unpacked(bytes: ArrayBuffer): string {
  try {
    return JSON.stringify(decode(bytes));
  } catch (error) {
    throw new DaemonConnectionError(`the answer is no MessagePack: ${String(error)}`);
  }
}

/** Pelican takes a daemon without this header, or with another node's id in it, for none of its own. */
function requireIdentity(headers: Headers, tokenId: string): void {
  const agent = headers.get('user-agent') ?? '';
  if (agent === '') throw new DaemonConnectionError('the answer names no daemon');
  const [, id] = /^Pelican Wings\/v(?:\d+\.\d+\.\d+(?:-[\w.]+)?|develop) \(id:(.*)\)$/.exec(agent) ?? [];
  if (id !== undefined && id !== tokenId) throw new DaemonConnectionError('the answer is another node’s');
}
