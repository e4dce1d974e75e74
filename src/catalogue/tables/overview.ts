/**
 * What an overview shows of each server's backups, counted once and counted again only after one of them has changed:
 * with a million rows, counting all of them for each look would hold everything else up.
 */
import type { BackupId, ServerId } from '../../base/ids.ts';
import type { BackupsOverview, ShownBackup } from '../contract.ts';
import { originOf, type BackupRecord } from '../records.ts';
import type { Database } from '../sqlite/database.ts';
import { failureOrNull, integer, integerOrNull, type Row, text, textOrNull } from '../sqlite/row.ts';
import type { History } from './history.ts';

/** Newest backups of a server that an overview shows. */
const RECENT = 14;

const COLUMNS = `id, server, name, status, locked, size, raw_size, files, reused_bytes, error, damaged_at, doubtful,
  removing, origin, named, created_at, started_at, completed_at`;

// A loose scan: one seek for each server, however many backups it has.
const SERVERS = `WITH RECURSIVE found (server) AS (
    SELECT min(server) FROM backups
    UNION ALL SELECT (SELECT min(server) FROM backups WHERE server > found.server) FROM found WHERE found.server IS NOT NULL
  ) SELECT server FROM found WHERE server IS NOT NULL`;

const COUNTS = 'SELECT * FROM backup_counts WHERE server = :server ORDER BY store';

const NEWEST_GOOD = `SELECT ${COLUMNS} FROM backups WHERE server = :server AND status = 'COMPLETED'
  AND damaged_at IS NULL AND removing = 0 AND doubtful = 0
  ORDER BY sequence DESC, created_at DESC, seq DESC LIMIT 1`;

const NEWEST = `SELECT ${COLUMNS} FROM backups WHERE server = :server ORDER BY created_at DESC, seq DESC LIMIT ${RECENT}`;

const LAST_FAILURE = `SELECT ${COLUMNS} FROM backups WHERE server = :server AND status = 'FAILED'
  AND json_extract(error, '$.code') <> 'cancelled' ORDER BY created_at DESC, seq DESC LIMIT 1`;

export class Overviews {
  readonly #database: Database;
  readonly #history: History;
  readonly #kept = new Map<ServerId, BackupsOverview>();

  constructor(database: Database, history: History) {
    this.#database = database;
    this.#history = history;
  }

  /** The next look counts again. To be called with each change of a backup. */
  changed(server: ServerId): void {
    this.#kept.delete(server);
  }

  /** By id. */
  servers(): ServerId[] {
    return this.#database.all(SERVERS, {}).map((row) => text(row, 'server') as ServerId);
  }

  of(server: ServerId): BackupsOverview {
    const kept = this.#kept.get(server);
    if (kept !== undefined) return kept;
    const made = this.#read(server);
    // What a transaction has written may be taken back.
    if (!this.#database.inTransaction) this.#kept.set(server, made);
    return made;
  }

  #read(server: ServerId): BackupsOverview {
    const counts = this.#database.all(COUNTS, { server });
    const sum = (column: string): number => counts.reduce((total, row) => total + integer(row, column), 0);
    const [damaged, suspect, failed] = [sum('damaged'), sum('suspect'), sum('failed')];
    const newest = this.#one(NEWEST_GOOD, server);
    const last = failed === 0 ? undefined : this.#one(LAST_FAILURE, server);
    const since = newest?.createdAt ?? Number.MIN_SAFE_INTEGER;
    const isNews = last !== undefined && last.createdAt > since;
    const failures = isNews ? Math.max(1, this.#history.failuresSince(server, since)) : 0;
    return {
      backups: sum('backups'),
      bytes: sum('bytes'),
      states: { completed: sum('completed') - damaged - suspect, damaged, suspect, failed },
      locked: sum('locked'),
      stores: new Map(
        counts.map((row) => [text(row, 'store'), { backups: integer(row, 'backups'), bytes: integer(row, 'bytes') }]),
      ),
      newest: newest ?? null,
      lastFailure: isNews ? { ...last, failures } : null,
      recent: this.#database.all(NEWEST, { server }).map(shownBackup),
    };
  }

  #one(sql: string, server: ServerId): ShownBackup | undefined {
    const row = this.#database.one(sql, { server });
    return row === undefined ? undefined : shownBackup(row);
  }
}

function shownBackup(row: Row): ShownBackup {
  const origin = originOf(textOrNull(row, 'origin'));
  return {
    id: text(row, 'id') as BackupId,
    name: text(row, 'name'),
    status: text(row, 'status') as BackupRecord['status'],
    locked: integer(row, 'locked') === 1,
    size: integer(row, 'size'),
    rawSize: integer(row, 'raw_size'),
    files: integer(row, 'files'),
    reusedBytes: integer(row, 'reused_bytes'),
    error: failureOrNull(row, 'error'),
    damaged: row['damaged_at'] !== null,
    suspect: integer(row, 'doubtful') === 1,
    ...(origin === undefined ? {} : { origin }),
    named: integerOrNull(row, 'named') !== 0,
    createdAt: integer(row, 'created_at'),
    startedAt: integerOrNull(row, 'started_at'),
    completedAt: integerOrNull(row, 'completed_at'),
  };
}
