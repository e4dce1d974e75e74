/**
 * The SQLite file under the catalogue: opening, statements, transactions, and errors in Roost's own words.
 *
 * Every commit is flushed to the disk before the call returns (WAL with synchronous=FULL): the renames of a restore
 * and the answers to callers depend on it. Writes that nothing depends on use `unflushed`. After a kill at any instant
 * the database opens again without repair.
 */
import fs from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { asFailure, Failure } from '../../base/failure.ts';
import { explainSqlite } from './sqlite-failure.ts';
import type { Row } from './row.ts';

export type Values = Readonly<Record<string, SQLInputValue>>;

/** Called when a statement finds the disk full. True: there is room now, and it may be tried again. */
export type OnFull = () => boolean;

/** How long a call waits for another process (a command line tool) that holds the database. */
const BUSY_MS = 5000;

export class Database {
  readonly path: string;
  readonly #connection: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  readonly #onFull: OnFull;
  #depth = 0;

  private constructor(path: string, connection: DatabaseSync, onFull: OnFull) {
    this.path = path;
    this.#connection = connection;
    this.#onFull = onFull;
  }

  /**
   * Opens the file, making it (0600) and its directory (0700) when they are missing.
   *
   * @throws Failure `internal` with a hint: damaged, no database, not readable; `insufficient_storage`.
   */
  static open(path: string, onFull: OnFull = () => false): Database {
    prepareFile(path);
    let connection: DatabaseSync | undefined;
    try {
      connection = new DatabaseSync(path, {
        timeout: BUSY_MS,
        enableForeignKeyConstraints: true,
        enableDoubleQuotedStringLiterals: false,
        allowUnknownNamedParameters: false,
      });
      connection.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF;');
      requireSound(connection, path);
      return new Database(path, connection, onFull);
    } catch (error) {
      if (connection?.isOpen) connection.close();
      throw explainSqlite(error, path, 'Cannot open the catalogue');
    }
  }

  /** Statements without values: schema changes, pragmas. */
  exec(sql: string): void {
    this.#guard(() => this.#connection.exec(sql));
  }

  /** Runs a statement and returns how many rows it changed. */
  run(sql: string, values: Values): number {
    return this.#guard(() => Number(this.#prepare(sql).run(values).changes));
  }

  /** All rows. Also for changes with RETURNING: they are committed only when the last row was taken. */
  all(sql: string, values: Values): Row[] {
    return this.#guard(() => this.#prepare(sql).all(values));
  }

  one(sql: string, values: Values): Row | undefined {
    return this.all(sql, values)[0];
  }

  /** @see Catalogue.transaction */
  transaction<Result>(work: () => Result): Result {
    const depth = this.#depth;
    // IMMEDIATE takes the write lock at once: a read that later turns into a write can't fail half-way.
    this.exec(depth === 0 ? 'BEGIN IMMEDIATE' : `SAVEPOINT level${depth}`);
    this.#depth = depth + 1;
    try {
      const result = work();
      if (result instanceof Promise) throw new Failure('internal', 'Cannot commit: a transaction must be synchronous');
      this.exec(depth === 0 ? 'COMMIT' : `RELEASE level${depth}`);
      return result;
    } catch (error) {
      this.#undo(depth);
      throw error;
    } finally {
      this.#depth = depth;
    }
  }

  /**
   * For changes that nothing else depends on. They survive the end of the process, but a power cut may undo them, the last
   * ones first; the next flushed commit flushes them too. Saves a flush, which blocks the process on a busy disk.
   */
  unflushed<Result>(work: () => Result): Result {
    // In a transaction the outermost commit decides.
    if (this.#depth > 0) return work();
    this.exec('PRAGMA synchronous = NORMAL');
    try {
      return work();
    } finally {
      this.exec('PRAGMA synchronous = FULL');
    }
  }

  /** True inside a transaction: its writes may still be rolled back. */
  get inTransaction(): boolean {
    return this.#depth > 0;
  }

  /** How many rows this connection has changed so far, those of cascades included. */
  revision(): number {
    return Number(this.one('SELECT total_changes() AS changes', {})?.['changes']);
  }

  close(): void {
    this.#statements.clear();
    // A full checkpoint leaves one plain file behind. If it can't be made, the WAL is read at the next start instead.
    try {
      this.#connection.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    } finally {
      this.#connection.close();
    }
  }

  #undo(depth: number): void {
    // After a full disk or an I/O error SQLite may already have rolled the transaction back.
    if (!this.#connection.isTransaction) return;
    this.exec(depth === 0 ? 'ROLLBACK' : `ROLLBACK TO level${depth}; RELEASE level${depth}`);
  }

  #prepare(sql: string): StatementSync {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const made = this.#connection.prepare(sql);
    this.#statements.set(sql, made);
    return made;
  }

  #guard<Result>(call: () => Result): Result {
    try {
      return call();
    } catch (error) {
      const failure = explainSqlite(error, this.path, 'Cannot use the catalogue');
      const hasRoom = failure.code === 'insufficient_storage' && this.#onFull();
      // Within a transaction SQLite may have undone what went before.
      if (!hasRoom || this.#depth > 0) throw failure;
      return call();
    }
  }
}

/** Makes a private file and its directory when they are missing. */
export function prepareFile(path: string): void {
  try {
    fs.mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    // Made here and not by SQLite, for the mode: its -wal and -shm files take over the mode of the database.
    fs.closeSync(fs.openSync(path, 'a', 0o600));
  } catch (error) {
    throw asFailure(error, `Cannot open ${path}`);
  }
}

function requireSound(connection: DatabaseSync, path: string): void {
  const verdict = connection.prepare('PRAGMA quick_check(1)').get();
  const words = Object.values(verdict ?? {})[0];
  if (words !== 'ok') throw explainSqlite(new DamagedDatabase(String(words)), path, 'Cannot open the catalogue');
}

/** Looks like SQLite's own error for a damaged file (SQLITE_CORRUPT), which quick_check reports as rows instead. */
class DamagedDatabase extends Error {
  readonly errcode = 11;
}
