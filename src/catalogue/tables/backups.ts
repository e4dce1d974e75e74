import type { Clock } from '../../base/clock.ts';
import { Failure, type FailureRecord } from '../../base/failure.ts';
import type { BackupId, ServerId } from '../../base/ids.ts';
import { BackupTexts, ignoreValues, warningValues } from './backup-texts.ts';
import { backupValues, SUMMARY_COLUMNS, summaryOf } from './backup-row.ts';
import type {
  BackupFilter,
  BackupPage,
  BackupsOverview,
  BackupTable,
  BackupStates,
  BackupTotals,
  CompletedBackup,
  NewBackup,
  PageStart,
  WarningPage,
} from '../contract.ts';
import type { DueFor, DueForVerification } from '../due-contract.ts';
import { dueBackup } from './due.ts';
import type { History } from './history.ts';
import { Overviews } from './overview.ts';
import type { Database, Values } from '../sqlite/database.ts';
import { failureText } from '../failure-text.ts';
import type { BackupRecord, BackupSummary, WarningRecord, WithoutIndexDigest } from '../records.ts';
import { integer, integerOrNull, type Row } from '../sqlite/row.ts';
import { insertInto, where } from '../sqlite/sql.ts';
import { isTaken } from '../sqlite/sqlite-failure.ts';

const NEWEST_FIRST = 'ORDER BY created_at DESC, seq DESC';

export class Backups implements BackupTable {
  readonly #database: Database;
  readonly #clock: Clock;
  readonly #texts: BackupTexts;
  readonly #history: History;
  readonly #overviews: Overviews;

  constructor(database: Database, clock: Clock, history: History) {
    this.#database = database;
    this.#history = history;
    this.#overviews = new Overviews(database, history);
    this.#texts = new BackupTexts(database);
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
      this.#database.transaction(() => {
        this.#database.run(insertInto('backups', values), values);
        this.#texts.write(record.id, record);
        this.#history.note(record);
      });
    } catch (error) {
      if (!isTaken(error)) throw error;
      throw new Failure('backup_exists', `Cannot add the backup ${record.id}: that id is taken`, { cause: error });
    }
    this.#overviews.changed(record.server);
    return this.get(record.id);
  }

  find(id: BackupId): BackupRecord | undefined {
    const row = this.#database.one('SELECT * FROM backups WHERE id = :id', { id });
    return row === undefined ? undefined : this.#record(row);
  }

  get(id: BackupId, server?: ServerId): BackupRecord {
    const record = this.find(id);
    if (record !== undefined && (server === undefined || record.server === server)) return record;
    throw new Failure('backup_not_found', 'There is no such backup', { facts: { backup: id } });
  }

  details(id: BackupId, server: ServerId): BackupRecord {
    const row = this.#database.one(`SELECT ${SUMMARY_COLUMNS} FROM backups WHERE id = :id AND server = :server`, {
      id,
      server,
    });
    if (row === undefined) return this.get(id, server);
    return this.#whole(summaryOf(row), () => this.#texts.warningPage(id, 0).warnings);
  }

  list(filter: BackupFilter = {}): BackupSummary[] {
    const { limit = -1, ...columns } = filter;
    const { clause, values } = where(columns);
    const sql = `SELECT ${SUMMARY_COLUMNS} FROM backups ${clause} ${NEWEST_FIRST} LIMIT :limit`;
    return this.#database.all(sql, { ...values, limit }).map(summaryOf);
  }

  page(server: ServerId, limit: number, start: PageStart = {}): BackupPage {
    const offset = 'offset' in start ? start.offset : 0;
    const behind = this.#placeOf(server, start);
    // One more than asked for tells whether there is a next page.
    const rows = this.#database.all(
      `SELECT ${SUMMARY_COLUMNS} FROM backups
       WHERE server = :server ${behind === undefined ? '' : 'AND (created_at, seq) < (:createdAt, :seq)'}
       ${NEWEST_FIRST} LIMIT :limit OFFSET :offset`,
      { server, limit: limit + 1, offset, ...behind },
    );
    const last = rows[limit] === undefined ? undefined : rows[limit - 1];
    const backups = rows.slice(0, limit).map(summaryOf);
    return last === undefined
      ? { backups }
      : { backups, next: `${integer(last, 'created_at')}.${integer(last, 'seq')}` };
  }

  counts(server: ServerId): { readonly all: number; readonly kept: number } {
    const sql = `SELECT coalesce(sum(backups), 0) AS rows, coalesce(sum(backups - failed), 0) AS kept FROM backup_counts WHERE server = :server`;
    const row = this.#database.one(sql, { server });
    return row === undefined ? { all: 0, kept: 0 } : { all: integer(row, 'rows'), kept: integer(row, 'kept') };
  }

  warningPage(id: BackupId, page: number): WarningPage {
    const row = this.#database.one(`SELECT ${SUMMARY_COLUMNS} FROM backups WHERE id = :id`, { id });
    const inRow = row === undefined ? undefined : summaryOf(row).warnings;
    if (inRow === undefined) return this.#texts.warningPage(id, page);
    return { warnings: page === 0 ? inRow : [] };
  }

  newestGood(server: ServerId, store?: string): BackupRecord | undefined {
    const row = this.#database.one(
      `SELECT * FROM backups WHERE server = :server AND (:store IS NULL OR store = :store) AND status = 'COMPLETED'
       AND damaged_at IS NULL AND removing = 0 AND (suspect IS NULL OR accepted_at IS NOT NULL)
       ORDER BY sequence DESC, created_at DESC, seq DESC LIMIT 1`,
      { server, store: store ?? null },
    );
    return row === undefined ? undefined : this.#record(row);
  }

  lastVerified(server: ServerId): number | null {
    const sql = `SELECT max(verified_at) AS at FROM backups WHERE server = :server AND verified_at IS NOT NULL`;
    const row = this.#database.one(sql, { server });
    return row === undefined ? null : integerOrNull(row, 'at');
  }

  dueForVerification(due: DueFor): DueForVerification | undefined {
    return dueBackup(this.#database, due);
  }

  withoutIndexDigest(after: number, rows: number): WithoutIndexDigest {
    const newest = this.#database.one('SELECT coalesce(max(seq), 0) AS seq FROM backups', {});
    const seen = Math.min(after + rows, Math.max(after, newest === undefined ? 0 : integer(newest, 'seq')));
    const sql = `SELECT * FROM backups WHERE seq > :after AND seq <= :seen AND status = 'COMPLETED' AND damaged_at IS NULL
      AND index_sha256 IS NULL ORDER BY seq`;
    const found = this.#database.all(sql, { after, seen });
    return { found: found.map((row) => ({ row: integer(row, 'seq'), backup: this.#record(row) })), seen };
  }

  countKept(server: ServerId): { readonly good: number; readonly suspect: number } {
    const sql = `SELECT count(*) AS kept, count(*) FILTER (WHERE suspect IS NOT NULL AND accepted_at IS NULL) AS suspect
      FROM backups WHERE server = :server AND status <> 'FAILED'`;
    const row = this.#database.one(sql, { server });
    if (row === undefined) return { good: 0, suspect: 0 };
    const suspect = integer(row, 'suspect');
    return { good: integer(row, 'kept') - suspect, suspect };
  }

  countCreatedAfter(time: number): number {
    const row = this.#database.one('SELECT count(*) AS later FROM backups WHERE created_at > :time', { time });
    return row === undefined ? 0 : integer(row, 'later');
  }

  totals(): Map<ServerId, BackupTotals> {
    return new Map(
      this.servers().map((server) => {
        const { backups, bytes } = this.overview(server);
        return [server, { backups, bytes }];
      }),
    );
  }

  states(): Map<ServerId, BackupStates> {
    return new Map(this.servers().map((server) => [server, this.overview(server).states]));
  }

  servers(): readonly ServerId[] {
    return this.#overviews.servers();
  }

  overview(server: ServerId): BackupsOverview {
    return this.#overviews.of(server);
  }

  complete(id: BackupId, facts: CompletedBackup): BackupRecord {
    const sql = `UPDATE backups SET status = 'COMPLETED', size = :size, raw_size = :rawSize, files = :files,
      entries = :entries, reused_bytes = :reusedBytes, sha256 = :sha256, ignore = :ignore, ignore_lines = :ignore_lines,
      warnings = :warnings, warning_pages = :warning_pages, warning_count = :warningCount, suspect = :suspect, index_sha256 = :indexSha256, stored_bytes = :storedBytes, quiesced = :quiesced, completed_at = :completedAt, updated_at = :completedAt
      WHERE id = :id AND status = 'IN_PROGRESS' RETURNING *`;
    const values = {
      id,
      size: facts.size,
      rawSize: facts.rawSize,
      files: facts.files,
      entries: facts.entries,
      reusedBytes: facts.reusedBytes,
      sha256: facts.sha256,
      ...ignoreValues(facts.ignore),
      ...warningValues(facts.warnings),
      warningCount: facts.warningCount,
      suspect: facts.suspect === null ? null : JSON.stringify(facts.suspect),
      indexSha256: facts.indexSha256,
      storedBytes: facts.storedBytes ?? null,
      quiesced: facts.quiesced === undefined ? null : JSON.stringify(facts.quiesced),
      completedAt: facts.completedAt,
    };
    return this.#database.transaction(() => {
      if (this.#database.one(sql, values) === undefined) return this.#refuse(id, 'complete');
      this.#texts.write(id, facts);
      return this.#ended(this.get(id));
    });
  }

  fail(id: BackupId, error: FailureRecord): BackupRecord {
    const sql = `UPDATE backups SET status = 'FAILED', error = :error, updated_at = :now
      WHERE id = :id AND status = 'IN_PROGRESS' RETURNING *`;
    const values = { id, error: failureText(error), now: this.#clock.now() };
    return this.#database.transaction(() => this.#ended(this.#update(sql, values) ?? this.#refuse(id, 'fail')));
  }

  setLocked(id: BackupId, locked: boolean): BackupRecord {
    const sql = 'UPDATE backups SET locked = :locked, updated_at = :now WHERE id = :id RETURNING *';
    return this.#update(sql, { id, locked: Number(locked), now: this.#clock.now() }) ?? this.get(id);
  }

  rename(id: BackupId, name: string): BackupRecord {
    const sql = 'UPDATE backups SET name = :name, named = 1, updated_at = :now WHERE id = :id RETURNING *';
    return this.#update(sql, { id, name, now: this.#clock.now() }) ?? this.get(id);
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

  markRemoving(id: BackupId): BackupRecord {
    const sql = 'UPDATE backups SET removing = 1, updated_at = :now WHERE id = :id RETURNING *';
    return this.#update(sql, { id, now: this.#clock.now() }) ?? this.get(id);
  }

  removing(): BackupRecord[] {
    return this.#database
      .all('SELECT * FROM backups WHERE removing = 1 ORDER BY seq', {})
      .map((row) => this.#record(row));
  }

  delete(id: BackupId): BackupRecord {
    const sql = `DELETE FROM backups WHERE id = :id AND locked = 0 AND status <> 'IN_PROGRESS' RETURNING id`;
    // Read before, since its warnings go with the row.
    const record = this.get(id);
    const isGone = this.#database.transaction(() => {
      if (this.#database.one(sql, { id }) === undefined) return false;
      this.#history.noteGone(id);
      return true;
    });
    this.#overviews.changed(record.server);
    if (isGone) return record;
    const { locked, status } = record;
    if (locked) {
      throw new Failure('backup_locked', 'Cannot delete the backup: it is locked', { hint: 'Unlock it first.' });
    }
    throw new Failure('server_busy', `Cannot delete the backup: it is ${status}`, { hint: 'Cancel it, or wait.' });
  }

  #record(row: Row): BackupRecord {
    const summary = summaryOf(row);
    return this.#whole(summary, () => this.#texts.warnings(summary.id));
  }

  #whole(summary: BackupSummary, readWarnings: () => readonly WarningRecord[]): BackupRecord {
    const { ignoreCount: _, ...record } = summary;
    return { ...record, ignore: this.#texts.ignore(summary), warnings: summary.warnings ?? readWarnings() };
  }

  /** Behind the backups that a removal of the server covers too: of those, the last ones may be gone already. */
  #nextSequence(server: ServerId): number {
    const sql = `SELECT 1 + max(
        coalesce((SELECT max(sequence) FROM backups WHERE server = :server), 0),
        coalesce((SELECT CAST(settings ->> '$.givenUp.sequence' AS INTEGER) FROM servers WHERE id = :server), 0)
      ) AS next`;
    const row = this.#database.one(sql, { server });
    return row === undefined ? 1 : integer(row, 'next');
  }

  #update(sql: string, values: Values): BackupRecord | undefined {
    const row = this.#database.one(sql, values);
    if (row === undefined) return undefined;
    const record = this.#record(row);
    this.#overviews.changed(record.server);
    return record;
  }

  #ended(record: BackupRecord): BackupRecord {
    this.#history.note(record);
    this.#overviews.changed(record.server);
    return record;
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

  /**
   * What a page begins behind. The row may be gone since, and is known by its number alone then.
   *
   * @throws Failure `invalid_request` for what is no `next` of a page of the server.
   */
  #placeOf(server: ServerId, start: PageStart): { readonly createdAt: number; readonly seq: number } | undefined {
    if ('offset' in start) return undefined;
    if ('before' in start) return { createdAt: start.before, seq: 0 };
    if (start.after === undefined) return undefined;
    const [, createdAt, seq] = /^(-?\d{1,15})\.(\d{1,15})$/.exec(start.after)?.map(Number) ?? [];
    if (createdAt !== undefined && seq !== undefined) {
      const row = this.#database.one('SELECT server, created_at FROM backups WHERE seq = :seq', { seq });
      if (row === undefined && seq > 0 && seq <= this.#mostSeq()) return { createdAt, seq };
      if (row?.['server'] === server && row['created_at'] === createdAt) return { createdAt, seq };
    }
    throw new Failure('invalid_request', 'Cannot list from there: the cursor is none that a page had');
  }

  /** Of all rows that there ever were. */
  #mostSeq(): number {
    const row = this.#database.one(`SELECT seq FROM sqlite_sequence WHERE name = 'backups'`, {});
    return row === undefined ? 0 : integer(row, 'seq');
  }
}
