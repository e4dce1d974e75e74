import type { Clock } from '../../base/clock.ts';
import type { FailureRecord } from '../../base/failure.ts';
import type { BackupId } from '../../base/ids.ts';
import type { CopyTable } from '../contract.ts';
import type { Database } from '../sqlite/database.ts';
import type { CopyRecord, CopyState } from '../records.ts';
import { failureOrNull, integer, type Row, text } from '../sqlite/row.ts';
import { where } from '../sqlite/sql.ts';

export class Copies implements CopyTable {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  list(filter: { readonly backup?: BackupId; readonly state?: CopyState } = {}): CopyRecord[] {
    const { clause, values } = where({ ...filter });
    const sql = `SELECT * FROM copies ${clause} ORDER BY updated_at, backup, store`;
    return this.#database.all(sql, values).map(copyOf);
  }

  ofBackups(backups: readonly BackupId[]): ReadonlyMap<BackupId, readonly CopyRecord[]> {
    const sql = `SELECT * FROM copies WHERE backup IN (SELECT value FROM json_each(:ids)) ORDER BY updated_at, backup, store`;
    const found = this.#database.all(sql, { ids: JSON.stringify(backups) }).map(copyOf);
    return Map.groupBy(found, ({ backup }) => backup);
  }

  counts(): ReadonlyMap<string, { readonly [State in CopyState]?: number }> {
    const counted = new Map<string, { [State in CopyState]?: number }>();
    for (const row of this.#database.all(
      'SELECT store, state, count(*) AS copies FROM copies GROUP BY store, state',
      {},
    )) {
      const store = text(row, 'store');
      counted.set(store, { ...counted.get(store), [text(row, 'state')]: integer(row, 'copies') });
    }
    return counted;
  }

  oldestOwed(): ReadonlyMap<string, number> {
    const sql = `SELECT copies.store, min(coalesce(completed_at, created_at)) AS oldest FROM copies
      JOIN backups ON backups.id = copies.backup WHERE copies.state IN ('pending', 'failed') GROUP BY copies.store`;
    return new Map(this.#database.all(sql, {}).map((row) => [text(row, 'store'), integer(row, 'oldest')]));
  }

  plan(backup: BackupId, store: string): void {
    this.#write(backup, store, 'pending', null);
  }

  complete(backup: BackupId, store: string): void {
    this.#write(backup, store, 'completed', null);
  }

  fail(backup: BackupId, store: string, error: FailureRecord): void {
    this.#write(backup, store, 'failed', JSON.stringify(error));
  }

  retryFailed(): number {
    const sql = `UPDATE copies SET state = 'pending', error = NULL, updated_at = :now WHERE state = 'failed' RETURNING 1`;
    return this.#database.all(sql, { now: this.#clock.now() }).length;
  }

  #write(backup: BackupId, store: string, state: CopyState, error: string | null): void {
    // Inserts nothing when the backup's row is gone.
    this.#database.run(
      `INSERT INTO copies (backup, store, state, error, updated_at)
       SELECT id, :store, :state, :error, :now FROM backups WHERE id = :backup
       ON CONFLICT (backup, store) DO UPDATE SET state = :state, error = :error, updated_at = :now`,
      { backup, store, state, error, now: this.#clock.now() },
    );
  }
}

function copyOf(row: Row): CopyRecord {
  return {
    backup: text(row, 'backup') as BackupId,
    store: text(row, 'store'),
    state: text(row, 'state') as CopyState,
    error: failureOrNull(row, 'error'),
    updatedAt: integer(row, 'updated_at'),
  };
}
