import type { LinkRecord, SessionRecord, SessionScope, SessionTable } from '../sessions.ts';
import type { Database } from '../sqlite/database.ts';
import { integer, integerOrNull, json, type Row, text } from '../sqlite/row.ts';
import { insertInto } from '../sqlite/sql.ts';

export class Sessions implements SessionTable {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  insert(session: SessionRecord): void {
    const { id, secretHash, kept, address, createdAt, lastUsedAt, expiresAt } = session;
    const values = {
      id,
      secret_hash: secretHash,
      ...scopeValues(session),
      kept: Number(kept),
      address,
      created_at: createdAt,
      last_used_at: lastUsedAt,
      expires_at: expiresAt,
    };
    this.#database.run(insertInto('sessions', values), values);
  }

  bySecret(secretHash: string): SessionRecord | undefined {
    return sessionOf(this.#database.one('SELECT * FROM sessions WHERE secret_hash = :secretHash', { secretHash }));
  }

  find(id: string): SessionRecord | undefined {
    return sessionOf(this.#database.one('SELECT * FROM sessions WHERE id = :id', { id }));
  }

  list(): SessionRecord[] {
    const rows = this.#database.all('SELECT * FROM sessions ORDER BY last_used_at DESC, rowid DESC', {});
    return rows.flatMap((row) => sessionOf(row) ?? []);
  }

  touch(id: string, { address, lastUsedAt, expiresAt }: Pick<SessionRecord, 'address' | 'lastUsedAt' | 'expiresAt'>) {
    const sql =
      'UPDATE sessions SET address = :address, last_used_at = :lastUsedAt, expires_at = :expiresAt WHERE id = :id';
    this.#database.unflushed(() => this.#database.run(sql, { id, address, lastUsedAt, expiresAt }));
  }

  delete(id: string): void {
    this.#database.run('DELETE FROM sessions WHERE id = :id', { id });
  }

  insertLink(link: LinkRecord): void {
    const { id, codeHash, createdAt, expiresAt, usedAt } = link;
    const values = {
      id,
      code_hash: codeHash,
      ...scopeValues(link),
      created_at: createdAt,
      expires_at: expiresAt,
      used_at: usedAt,
    };
    this.#database.run(insertInto('session_links', values), values);
  }

  byCode(codeHash: string): LinkRecord | undefined {
    const row = this.#database.one('SELECT * FROM session_links WHERE code_hash = :codeHash', { codeHash });
    return row === undefined ? undefined : linkOf(row);
  }

  useLink(id: string, usedAt: number): boolean {
    const sql = 'UPDATE session_links SET used_at = :usedAt WHERE id = :id AND used_at IS NULL';
    return this.#database.run(sql, { id, usedAt }) === 1;
  }

  links(): LinkRecord[] {
    return this.#database.all('SELECT * FROM session_links ORDER BY created_at DESC, rowid DESC', {}).map(linkOf);
  }

  deleteLink(id: string): void {
    this.#database.run('DELETE FROM session_links WHERE id = :id', { id });
  }
}

function scopeValues({ token, fingerprint, permissions, servers, label, ancestors }: SessionScope) {
  return {
    token,
    fingerprint,
    permissions: JSON.stringify(permissions),
    servers: JSON.stringify(servers),
    label,
    ancestors: JSON.stringify(ancestors),
  };
}

function scopeOf(row: Row): SessionScope {
  return {
    token: text(row, 'token'),
    fingerprint: text(row, 'fingerprint'),
    permissions: json(row, 'permissions') as SessionScope['permissions'],
    servers: json(row, 'servers') as SessionScope['servers'],
    label: text(row, 'label'),
    ancestors: json(row, 'ancestors') as SessionScope['ancestors'],
  };
}

function sessionOf(row: Row | undefined): SessionRecord | undefined {
  if (row === undefined) return undefined;
  return {
    id: text(row, 'id'),
    secretHash: text(row, 'secret_hash'),
    ...scopeOf(row),
    kept: integer(row, 'kept') === 1,
    address: text(row, 'address'),
    createdAt: integer(row, 'created_at'),
    lastUsedAt: integer(row, 'last_used_at'),
    expiresAt: integer(row, 'expires_at'),
  };
}

function linkOf(row: Row): LinkRecord {
  return {
    id: text(row, 'id'),
    codeHash: text(row, 'code_hash'),
    ...scopeOf(row),
    createdAt: integer(row, 'created_at'),
    expiresAt: integer(row, 'expires_at'),
    usedAt: integerOrNull(row, 'used_at'),
  };
}
