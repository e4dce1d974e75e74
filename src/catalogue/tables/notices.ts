import type { BackupId, JobId, ServerId } from '../../base/ids.ts';
import type { ConditionRecord, NoticeRecord, NoticeTable, OccurrenceRecord } from '../notice-contract.ts';
import type { Database } from '../sqlite/database.ts';
import { failureOrNull, integer, json, type Row, text, textOrNull } from '../sqlite/row.ts';
import type { Clock } from '../../base/clock.ts';

/** Occurrences that are taken at a time. */
const MOST_TAKEN = 1000;

export class Notices implements NoticeTable {
  readonly #database: Database;
  readonly #clock: Pick<Clock, 'now'>;

  constructor(database: Database, clock: Pick<Clock, 'now'>) {
    this.#database = database;
    this.#clock = clock;
  }

  take(): OccurrenceRecord[] {
    const sql = `DELETE FROM occurrences WHERE id IN (SELECT id FROM occurrences ORDER BY id LIMIT ${MOST_TAKEN}) RETURNING *`;
    return this.#database
      .all(sql, {})
      .map(occurrenceOf)
      .sort((one, other) => one.id - other.id);
  }

  condition(subject: string): ConditionRecord | undefined {
    const row = this.#database.one('SELECT state, since FROM conditions WHERE subject = :subject', { subject });
    return row === undefined ? undefined : { state: text(row, 'state'), since: integer(row, 'since') };
  }

  setCondition(subject: string, state: string): void {
    const sql = `INSERT INTO conditions (subject, state, since) VALUES (:subject, :state, :now)
      ON CONFLICT (subject) DO UPDATE SET state = excluded.state, since = excluded.since WHERE state <> excluded.state`;
    this.#database.run(sql, { subject, state, now: this.#clock.now() });
  }

  insert(channel: string, message: unknown): void {
    const now = this.#clock.now();
    const sql = `INSERT INTO notices (channel, message, created_at, due_at) VALUES (:channel, :message, :now, :now)`;
    this.#database.run(sql, { channel, message: JSON.stringify(message), now });
  }

  next(channel: string): NoticeRecord | undefined {
    const row = this.#database.one('SELECT * FROM notices WHERE channel = :channel ORDER BY id LIMIT 1', { channel });
    return row === undefined ? undefined : noticeOf(row);
  }

  counts(): ReadonlyMap<string, { readonly waiting: number; readonly oldest: number; readonly error: string | null }> {
    const sql = `SELECT channel, count(*) AS waiting, min(created_at) AS oldest,
      (SELECT json_extract(error, '$.message') FROM notices AS first WHERE first.channel = notices.channel ORDER BY id LIMIT 1) AS error
      FROM notices GROUP BY channel`;
    const rows = this.#database.all(sql, {});
    return new Map(
      rows.map((row) => [
        text(row, 'channel'),
        { waiting: integer(row, 'waiting'), oldest: integer(row, 'oldest'), error: textOrNull(row, 'error') },
      ]),
    );
  }

  postpone(id: number, error: unknown, dueAt: number): void {
    this.#database.run('UPDATE notices SET attempts = attempts + 1, error = :error, due_at = :dueAt WHERE id = :id', {
      id,
      error: JSON.stringify(error),
      dueAt,
    });
  }

  hasten(): void {
    this.#database.run('UPDATE notices SET due_at = :now, attempts = 0', { now: this.#clock.now() });
  }

  delete(id: number): void {
    this.#database.run('DELETE FROM notices WHERE id = :id', { id });
  }

  forget(before: number): number {
    return this.#database.run('DELETE FROM notices WHERE created_at < :before', { before });
  }

  trim(channel: string, most: number): number {
    const sql = `DELETE FROM notices WHERE channel = :channel AND id <=
      (SELECT id FROM notices WHERE channel = :channel ORDER BY id DESC LIMIT 1 OFFSET :most)`;
    return this.#database.run(sql, { channel, most });
  }
}

function occurrenceOf(row: Row): OccurrenceRecord {
  return {
    id: integer(row, 'id'),
    kind: text(row, 'kind') as OccurrenceRecord['kind'],
    state: text(row, 'state') as OccurrenceRecord['state'],
    server: text(row, 'server') as ServerId,
    backup: text(row, 'backup') as BackupId,
    job: textOrNull(row, 'job') as JobId | null,
    error: failureOrNull(row, 'error'),
    at: integer(row, 'at'),
  };
}

function noticeOf(row: Row): NoticeRecord {
  return {
    id: integer(row, 'id'),
    channel: text(row, 'channel'),
    message: json(row, 'message'),
    createdAt: integer(row, 'created_at'),
    dueAt: integer(row, 'due_at'),
    attempts: integer(row, 'attempts'),
  };
}
