import type { Clock } from '../../base/clock.ts';
import { Failure, type FailureRecord } from '../../base/failure.ts';
import type { BackupId, JobId, ServerId } from '../../base/ids.ts';
import type { JobFilter, JobTable, NewJob } from '../contract.ts';
import type { Database, Values } from '../sqlite/database.ts';
import { failureText } from '../failure-text.ts';
import { type JobRecord, type JobResult, type JobState, originOf } from '../records.ts';
import { readRequest } from './job-request.ts';
import { failureOrNull, integer, integerOrNull, json, type Row, text, textOrNull } from '../sqlite/row.ts';
import { insertInto, where } from '../sqlite/sql.ts';

export class Jobs implements JobTable {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  insert(job: NewJob): JobRecord {
    const values = {
      id: job.id,
      kind: job.kind,
      server: job.server,
      backup: job.backup,
      state: 'queued',
      phase: 'queued',
      request: JSON.stringify(job.request),
      created_at: this.#clock.now(),
      origin: job.origin ?? null,
    };
    this.#database.run(insertInto('jobs', values), values);
    return this.get(job.id);
  }

  find(id: JobId): JobRecord | undefined {
    const row = this.#database.one('SELECT * FROM jobs WHERE id = :id', { id });
    return row === undefined ? undefined : jobOf(row);
  }

  get(id: JobId): JobRecord {
    const record = this.find(id);
    if (record === undefined) throw new Failure('job_not_found', 'There is no such job', { facts: { job: id } });
    return record;
  }

  list(filter: JobFilter = {}): JobRecord[] {
    const { limit = -1, before, ...columns } = filter;
    const { clause, values } = where(columns);
    const place = before === undefined ? {} : this.#placeOf(before);
    const behind =
      before === undefined ? '' : `${clause === '' ? 'WHERE' : 'AND'} (created_at, seq) < (:createdAt, :seq)`;
    const sql = `SELECT * FROM jobs ${clause} ${behind} ORDER BY created_at DESC, seq DESC LIMIT :limit`;
    return this.#database.all(sql, { ...values, ...place, limit }).map(jobOf);
  }

  active(filter: { readonly server?: ServerId; readonly backup?: BackupId } = {}): JobRecord[] {
    const { clause, values } = where({ ...filter });
    const sql = `SELECT * FROM jobs ${clause === '' ? 'WHERE' : `${clause} AND`} ended_at IS NULL ORDER BY created_at, seq`;
    return this.#database.all(sql, values).map(jobOf);
  }

  start(id: JobId, phase: string): JobRecord {
    const sql = `UPDATE jobs SET state = 'running', phase = :phase, started_at = :now
      WHERE id = :id AND state = 'queued' RETURNING *`;
    const now = this.#clock.now();
    return this.#database.transaction(() => {
      const job = this.#change(sql, { id, phase, now }, 'start');
      const noted = `UPDATE backups SET started_at = :now WHERE id = :backup AND status = 'IN_PROGRESS'`;
      if (job.kind === 'backup') this.#database.run(noted, { backup: job.backup, now });
      return job;
    });
  }

  setPhase(id: JobId, phase: string): JobRecord {
    const sql = `UPDATE jobs SET phase = :phase WHERE id = :id AND state = 'running' RETURNING *`;
    // A phase is only shown: what a restart does depends on the state and the plan.
    return this.#database.unflushed(() => this.#change(sql, { id, phase }, 'go on with'));
  }

  requeue(id: JobId): JobRecord {
    const sql = `UPDATE jobs SET state = 'queued', phase = 'queued', started_at = NULL
      WHERE id = :id AND state = 'running' RETURNING *`;
    return this.#change(sql, { id }, 'queue again');
  }

  finish(
    id: JobId,
    state: 'done' | 'failed' | 'cancelled',
    error: FailureRecord | null = null,
    result?: JobResult,
  ): JobRecord {
    const from = state === 'done' ? `state = 'running'` : `state IN ('queued', 'running')`;
    const sql = `UPDATE jobs SET state = :state, phase = :state, error = :error, ended_at = :now, result = :result
      WHERE id = :id AND ${from} RETURNING *`;
    const values = {
      id,
      state,
      error: error === null ? null : failureText(error),
      result: result === undefined ? null : JSON.stringify(result),
      now: this.#clock.now(),
    };
    return this.#change(sql, values, 'end');
  }

  forgetEnded(before: number): number {
    const sql = `DELETE FROM jobs WHERE ended_at < :before AND id NOT IN (SELECT job FROM plans)`;
    return this.#database.run(sql, { before });
  }

  #placeOf(id: JobId): Values {
    const row = this.#database.one('SELECT created_at, seq FROM jobs WHERE id = :id', { id });
    if (row === undefined) throw new Failure('job_not_found', 'There is no such job', { facts: { job: id } });
    return { createdAt: integer(row, 'created_at'), seq: integer(row, 'seq') };
  }

  #change(sql: string, values: Values & { readonly id: JobId }, verb: string): JobRecord {
    const row = this.#database.one(sql, values);
    if (row !== undefined) return jobOf(row);
    const { state } = this.get(values.id);
    throw new Failure('not_running', `Cannot ${verb} the job: it is ${state}`, { facts: { job: values.id, state } });
  }
}

function jobOf(row: Row): JobRecord {
  return {
    id: text(row, 'id') as JobId,
    ...readRequest(text(row, 'kind'), json(row, 'request')),
    server: text(row, 'server') as ServerId,
    backup: text(row, 'backup') as BackupId,
    state: text(row, 'state') as JobState,
    phase: text(row, 'phase'),
    error: failureOrNull(row, 'error'),
    createdAt: integer(row, 'created_at'),
    startedAt: integerOrNull(row, 'started_at'),
    endedAt: integerOrNull(row, 'ended_at'),
    ...toldOf(row),
  };
}

function toldOf(row: Row): Pick<JobRecord, 'origin' | 'result'> {
  const origin = originOf(textOrNull(row, 'origin'));
  return {
    ...(origin === undefined ? {} : { origin }),
    ...(row['result'] === null ? {} : { result: json(row, 'result') as JobResult }),
  };
}
