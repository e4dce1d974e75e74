import type { Clock } from '../../base/clock.ts';
import { Failure, type FailureRecord } from '../../base/failure.ts';
import type { BackupId, ServerId } from '../../base/ids.ts';
import { backupOf, backupValues } from './backup-row.ts';
import type { BackupFilter, BackupTable, BackupTotals, CompletedBackup, NewBackup } from '../contract.ts';
import type { Database, Values } from '../sqlite/database.ts';
import { failureText } from '../failure-text.ts';
import type { BackupRecord } from '../records.ts';
import { integer, text } from '../sqlite/row.ts';
import { insertInto, where } from '../sqlite/sql.ts';
import { isTaken } from '../sqlite/sqlite-failure.ts';

const NEWEST_FIRST = 'ORDER BY created_at DESC, seq DESC';

export class Backups implements BackupTable {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  insert(backup: NewBackup): BackupRecord {
    const now = this.#clock.now();
    return this.adopt({
      ...backup,
      status: 'IN_PROGRESS',
      size: 0,
      rawSize: 0,
      files: 0,
      entries: 0,
      reusedBytes: 0,
      sha256: null,
      warnings: [],
      warningCount: 0,
      error: null,
      damagedAt: null,
      verifiedAt: null,
      sequence: this.#nextSequence(backup.server),
      suspect: null,
      acceptedAt: null,
      indexSha256: null,
      removing: false,
      createdAt: now,
      updatedAt: now,
      completedAt: null,
    });
  }

  adopt(record: BackupRecord): BackupRecord {
    const values = backupValues(record);
    try {
      this.#database.run(insertInto('backups', values), values);
    } catch (error) {
      if (!isTaken(error)) throw error;
      throw new Failure('backup_exists', `Cannot add the backup ${record.id}: that id is taken`, { cause: error });
    }
    return this.get(record.id);
  }

  find(id: BackupId): BackupRecord | undefined {
    const row = this.#database.one('SELECT * FROM backups WHERE id = :id', { id });
    return row === undefined ? undefined : backupOf(row);
  }

  get(id: BackupId, server?: ServerId): BackupRecord {
    const record = this.find(id);
    if (record !== undefined && (server === undefined || record.server === server)) return record;
    throw new Failure('backup_not_found', 'There is no such backup', { facts: { backup: id } });
  }

  list(filter: BackupFilter = {}): BackupRecord[] {
    const { limit = -1, ...columns } = filter;
    const { clause, values } = where(columns);
    const sql = `SELECT * FROM backups ${clause} ${NEWEST_FIRST} LIMIT :limit`;
    return this.#database.all(sql, { ...values, limit }).map(backupOf);
  }

  newestGood(server: ServerId, store?: string): BackupRecord | undefined {
    const row = this.#database.one(
      `SELECT * FROM backups WHERE server = :server AND (:store IS NULL OR store = :store) AND status = 'COMPLETED'
       AND damaged_at IS NULL AND removing = 0 AND (suspect IS NULL OR accepted_at IS NOT NULL)
       ORDER BY sequence DESC, created_at DESC, seq DESC LIMIT 1`,
      { server, store: store ?? null },
    );
    return row === undefined ? undefined : backupOf(row);
  }

  dueForVerification(before: number, limit: number): BackupRecord[] {
    const sql = `SELECT * FROM backups WHERE status = 'COMPLETED' AND damaged_at IS NULL
      AND coalesce(verified_at, completed_at) < :before ORDER BY coalesce(verified_at, completed_at), seq LIMIT :limit`;
    return this.#database.all(sql, { before, limit }).map(backupOf);
  }

  countKept(server: ServerId): { readonly good: number; readonly suspect: number } {
    const sql = `SELECT count(*) AS kept, count(*) FILTER (WHERE suspect IS NOT NULL AND accepted_at IS NULL) AS suspect
      FROM backups WHERE server = :server AND status <> 'FAILED'`;
    const row = this.#database.one(sql, { server });
    if (row === undefined) return { good: 0, suspect: 0 };
    const suspect = integer(row, 'suspect');
    return { good: integer(row, 'kept') - suspect, suspect };
  }

  totals(): Map<ServerId, BackupTotals> {
    const sql = 'SELECT server, count(*) AS backups, sum(size) AS bytes FROM backups GROUP BY server';
    const rows = this.#database.all(sql, {});
    return new Map(
      rows.map((row) => [
        text(row, 'server') as ServerId,
        { backups: integer(row, 'backups'), bytes: integer(row, 'bytes') },
      ]),
    );
  }

  complete(id: BackupId, facts: CompletedBackup): BackupRecord {
    const sql = `UPDATE backups SET status = 'COMPLETED', size = :size, raw_size = :rawSize, files = :files,
      entries = :entries, reused_bytes = :reusedBytes, sha256 = :sha256, ignore = :ignore, warnings = :warnings,
      warning_count = :warningCount, suspect = :suspect, index_sha256 = :indexSha256, completed_at = :completedAt, updated_at = :completedAt
      WHERE id = :id AND status = 'IN_PROGRESS' RETURNING *`;
    return (
      this.#update(sql, {
        id,
        size: facts.size,
        rawSize: facts.rawSize,
        files: facts.files,
        entries: facts.entries,
        reusedBytes: facts.reusedBytes,
        sha256: facts.sha256,
        ignore: JSON.stringify(facts.ignore),
        warnings: JSON.stringify(facts.warnings),
        warningCount: facts.warningCount,
        suspect: facts.suspect === null ? null : JSON.stringify(facts.suspect),
        indexSha256: facts.indexSha256,
        completedAt: facts.completedAt,
      }) ?? this.#refuse(id, 'complete')
    );
  }

  fail(id: BackupId, error: FailureRecord): BackupRecord {
    const sql = `UPDATE backups SET status = 'FAILED', error = :error, updated_at = :now
      WHERE id = :id AND status = 'IN_PROGRESS' RETURNING *`;
    const values = { id, error: failureText(error), now: this.#clock.now() };
    return this.#update(sql, values) ?? this.#refuse(id, 'fail');
  }

  setLocked(id: BackupId, locked: boolean): BackupRecord {
    const sql = 'UPDATE backups SET locked = :locked, updated_at = :now WHERE id = :id RETURNING *';
    return this.#update(sql, { id, locked: Number(locked), now: this.#clock.now() }) ?? this.get(id);
  }

  markVerified(id: BackupId): BackupRecord {
    const sql = `UPDATE backups SET verified_at = :now, damaged_at = NULL, updated_at = :now
      WHERE id = :id AND status = 'COMPLETED' RETURNING *`;
    return this.#update(sql, { id, now: this.#clock.now() }) ?? this.#refuseUnready(id);
  }

  markDamaged(id: BackupId): BackupRecord {
    const sql = `UPDATE backups SET damaged_at = coalesce(damaged_at, :now), updated_at = :now
      WHERE id = :id AND status = 'COMPLETED' RETURNING *`;
    return this.#update(sql, { id, now: this.#clock.now() }) ?? this.#refuseUnready(id);
  }

  markAccepted(id: BackupId): BackupRecord {
    const sql = `UPDATE backups SET accepted_at = iif(suspect IS NULL, NULL, coalesce(accepted_at, :now)), updated_at = :now
      WHERE id = :id AND status = 'COMPLETED' RETURNING *`;
    return this.#update(sql, { id, now: this.#clock.now() }) ?? this.#refuseUnready(id);
  }

  delete(id: BackupId): BackupRecord {
    const sql = `DELETE FROM backups WHERE id = :id AND locked = 0 AND status <> 'IN_PROGRESS' RETURNING *`;
    const removed = this.#update(sql, { id });
    if (removed !== undefined) return removed;
    const { locked, status } = this.get(id);
    if (locked) {
      throw new Failure('backup_locked', 'Cannot delete the backup: it is locked', { hint: 'Unlock it first.' });
    }
    throw new Failure('server_busy', `Cannot delete the backup: it is ${status}`, { hint: 'Cancel it, or wait.' });
  }

  #nextSequence(server: ServerId): number {
    const sql = 'SELECT coalesce(max(sequence), 0) + 1 AS next FROM backups WHERE server = :server';
    const row = this.#database.one(sql, { server });
    return row === undefined ? 1 : integer(row, 'next');
  }

  #update(sql: string, values: Values): BackupRecord | undefined {
    const row = this.#database.one(sql, values);
    return row === undefined ? undefined : backupOf(row);
  }

  #refuse(id: BackupId, verb: string): never {
    const { status } = this.get(id);
    throw new Failure('not_running', `Cannot ${verb} the backup: it is ${status}`, { facts: { backup: id, status } });
  }

  #refuseUnready(id: BackupId): never {
    const { status } = this.get(id);
    throw new Failure('backup_not_ready', `Cannot note a verification: the backup is ${status}`, {
      facts: { backup: id, status },
    });
  }
}
