import type { Clock } from '../../base/clock.ts';
import type { FailureRecord } from '../../base/failure.ts';
import type { BackupId } from '../../base/ids.ts';
import type { CopyTable } from '../copy-contract.ts';
import type { DueFor, DueForVerification } from '../due-contract.ts';
import type { Database } from '../sqlite/database.ts';
import type { CopyRecord, CopyState } from '../records.ts';
import { failureOrNull, integer, integerOrNull, type Row, text } from '../sqlite/row.ts';
import { where } from '../sqlite/sql.ts';
import { dueCopy } from './due.ts';

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

  find(backup: BackupId, store: string): CopyRecord | undefined {
    return this.list({ backup }).find((copy) => copy.store === store);
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

  missing(): { readonly pending: number; readonly failed: number; readonly damaged: number } {
    const sql = `SELECT CASE WHEN damaged_at IS NULL THEN state ELSE 'damaged' END AS why, count(*) AS copies
      FROM copies WHERE state IN ('pending', 'failed') GROUP BY why`;
    const counted = new Map(this.#database.all(sql, {}).map((row) => [text(row, 'why'), integer(row, 'copies')]));
    const of = (why: string): number => counted.get(why) ?? 0;
    return { pending: of('pending'), failed: of('failed'), damaged: of('damaged') };
  }

  oldestOwed(): ReadonlyMap<string, number> {
    const sql = `SELECT copies.store, min(coalesce(completed_at, created_at)) AS oldest FROM copies
      JOIN backups ON backups.id = copies.backup WHERE copies.state IN ('pending', 'failed') GROUP BY copies.store`;
    return new Map(this.#database.all(sql, {}).map((row) => [text(row, 'store'), integer(row, 'oldest')]));
  }

  dueForVerification(due: DueFor, stores: readonly string[]): DueForVerification | undefined {
    return dueCopy(this.#database, due, stores);
  }

  plan(backup: BackupId, store: string): void {
    this.#write(backup, store, 'pending', null);
  }

  complete(backup: BackupId, store: string, archive: 'written' | 'kept'): void {
    const set =
      archive === 'written'
        ? 'made_at = :now, verified_at = NULL, damaged_at = NULL'
        : 'made_at = coalesce(made_at, :now)';
    const guard = archive === 'written' ? '' : 'AND damaged_at IS NULL';
    this.#database.run(
      `UPDATE copies SET state = 'completed', error = NULL, updated_at = :now, ${set}
       WHERE backup = :backup AND store = :store ${guard}`,
      { backup, store, now: this.#clock.now() },
    );
  }

  fail(backup: BackupId, store: string, error: FailureRecord): void {
    this.#write(backup, store, 'failed', JSON.stringify(error));
  }

  markVerified(backup: BackupId, store: string, madeAt: number | null): void {
    const sql = `UPDATE copies SET verified_at = :now WHERE backup = :backup AND store = :store AND made_at IS :madeAt`;
    this.#database.run(sql, { backup, store, madeAt, now: this.#clock.now() });
  }

  markDamaged(backup: BackupId, store: string, error: FailureRecord): void {
    const sql = `UPDATE copies SET state = 'failed', error = :error, damaged_at = :now, updated_at = :now
      WHERE backup = :backup AND store = :store`;
    this.#database.run(sql, { backup, store, error: JSON.stringify(error), now: this.#clock.now() });
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
    madeAt: integerOrNull(row, 'made_at'),
    verifiedAt: integerOrNull(row, 'verified_at'),
    damagedAt: integerOrNull(row, 'damaged_at'),
  };
}
