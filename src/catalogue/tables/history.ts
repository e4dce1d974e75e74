/**
 * A small row of every attempt at a backup, written when it ends and kept when its backup is gone: what shows growth and
 * failures over longer than retention keeps backups.
 */
import type { Clock } from '../../base/clock.ts';
import type { FailureCode } from '../../base/failure.ts';
import type { BackupId, ServerId } from '../../base/ids.ts';
import type { HistoryTable } from '../contract.ts';
import { type AttemptRecord, type BackupRecord, originOf, type StoreFlow } from '../records.ts';
import type { Database } from '../sqlite/database.ts';
import { integer, integerOrNull, type Row, text, textOrNull } from '../sqlite/row.ts';
import { insertInto } from '../sqlite/sql.ts';

/** Rows of one server; a backup an hour makes fewer in 400 days. */
const MOST_OF_SERVER = 20_000;

export class History implements HistoryTable {
  readonly #database: Database;
  readonly #clock: Pick<Clock, 'now'>;

  constructor(database: Database, clock: Pick<Clock, 'now'>) {
    this.#database = database;
    this.#clock = clock;
  }

  /**
   * Stores how a backup ended. Call it in the transaction that ends it. A second note of the same backup
   * replaces the first, and the backup counts as present again.
   */
  note(record: BackupRecord): void {
    const { id: backup, server, store, status, error, size, rawSize, files, reusedBytes } = record;
    if (status === 'IN_PROGRESS') return;
    const values = {
      backup,
      server,
      store,
      status,
      code: error?.code ?? null,
      size,
      raw_size: rawSize,
      files,
      reused_bytes: reusedBytes,
      origin: record.origin ?? null,
      created_at: record.createdAt,
      started_at: record.startedAt ?? null,
      ended_at: record.completedAt ?? record.updatedAt,
    };
    this.#database.run(
      `${insertInto('history', values)} ON CONFLICT (backup) DO UPDATE SET gone_at = NULL, status = excluded.status,
       code = excluded.code, size = excluded.size, ended_at = excluded.ended_at, store = excluded.store`,
      values,
    );
  }

  /** To be called in the transaction that removes the backup's row. */
  noteGone(backup: BackupId): void {
    const sql = 'UPDATE history SET gone_at = :now WHERE backup = :backup AND gone_at IS NULL';
    this.#database.run(sql, { backup, now: this.#clock.now() });
  }

  find(backup: BackupId): AttemptRecord | undefined {
    const row = this.#database.one('SELECT * FROM history WHERE backup = :backup', { backup });
    return row === undefined ? undefined : attemptOf(row);
  }

  list(server: ServerId, since: number, limit: number): AttemptRecord[] {
    const sql = `SELECT * FROM history WHERE server = :server AND created_at >= :since
      ORDER BY created_at DESC LIMIT :limit`;
    return this.#database.all(sql, { server, since, limit }).map(attemptOf);
  }

  failuresSince(server: ServerId, since: number): number {
    const sql = `SELECT count(*) AS failures FROM history
      WHERE server = :server AND created_at > :since AND status = 'FAILED' AND code <> 'cancelled'`;
    const row = this.#database.one(sql, { server, since });
    return row === undefined ? 0 : integer(row, 'failures');
  }

  flows(since: number): StoreFlow[] {
    const sql = `SELECT store, sum(added) AS added, sum(removed) AS removed, min(first) AS first FROM (
        SELECT store, sum(size) AS added, 0 AS removed, min(created_at) AS first FROM history
          WHERE created_at >= :since AND status = 'COMPLETED' GROUP BY store
        UNION ALL
        SELECT store, 0, sum(size), NULL FROM history WHERE gone_at IS NOT NULL AND gone_at >= :since GROUP BY store
      ) GROUP BY store`;
    return this.#database.all(sql, { since }).map((row) => ({
      store: text(row, 'store'),
      added: integer(row, 'added'),
      removed: integer(row, 'removed'),
      first: integerOrNull(row, 'first'),
    }));
  }

  forget(before: number): number {
    let gone = this.#database.run('DELETE FROM history WHERE created_at < :before AND gone_at IS NOT NULL', { before });
    const full = `SELECT server FROM history GROUP BY server HAVING count(*) > :most`;
    for (const row of this.#database.all(full, { most: MOST_OF_SERVER })) {
      const sql = `DELETE FROM history WHERE backup IN (SELECT backup FROM history WHERE server = :server
        ORDER BY created_at DESC LIMIT -1 OFFSET :most)`;
      gone += this.#database.run(sql, { server: text(row, 'server'), most: MOST_OF_SERVER });
    }
    return gone;
  }
}

function attemptOf(row: Row): AttemptRecord {
  const origin = originOf(textOrNull(row, 'origin'));
  return {
    backup: text(row, 'backup') as BackupId,
    server: text(row, 'server') as ServerId,
    store: text(row, 'store'),
    status: text(row, 'status') as AttemptRecord['status'],
    code: textOrNull(row, 'code') as FailureCode | null,
    size: integer(row, 'size'),
    rawSize: integer(row, 'raw_size'),
    files: integer(row, 'files'),
    reusedBytes: integer(row, 'reused_bytes'),
    ...(origin === undefined ? {} : { origin }),
    createdAt: integer(row, 'created_at'),
    startedAt: integerOrNull(row, 'started_at'),
    endedAt: integer(row, 'ended_at'),
    goneAt: integerOrNull(row, 'gone_at'),
  };
}
