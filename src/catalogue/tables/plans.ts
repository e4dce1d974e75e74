import type { Clock } from '../../base/clock.ts';
import { Failure } from '../../base/failure.ts';
import type { JobId, ServerId } from '../../base/ids.ts';
import type { PlanTable } from '../contract.ts';
import type { Database } from '../sqlite/database.ts';
import type { PlanRecord, PlanState } from '../records.ts';
import { integer, json, type Row, text } from '../sqlite/row.ts';
import { insertInto, where } from '../sqlite/sql.ts';

export class Plans implements PlanTable {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  insert(job: JobId, server: ServerId, plan: unknown): PlanRecord {
    const now = this.#clock.now();
    const values = { job, server, state: 'swapping', plan: JSON.stringify(plan), created_at: now, updated_at: now };
    this.#database.run(insertInto('plans', values), values);
    return { job, server, state: 'swapping', plan, createdAt: now, updatedAt: now };
  }

  find(job: JobId): PlanRecord | undefined {
    const row = this.#database.one('SELECT * FROM plans WHERE job = :job', { job });
    return row === undefined ? undefined : planOf(row);
  }

  list(filter: { readonly server?: ServerId; readonly state?: PlanState } = {}): PlanRecord[] {
    const { clause, values } = where({ ...filter });
    return this.#database.all(`SELECT * FROM plans ${clause} ORDER BY created_at, rowid`, values).map(planOf);
  }

  advance(job: JobId, from: PlanState, to: PlanState, plan?: unknown): PlanRecord {
    const row = this.#database.one(
      `UPDATE plans SET state = :to, plan = coalesce(:plan, plan), updated_at = :now
       WHERE job = :job AND state = :from RETURNING *`,
      { job, from, to, plan: plan === undefined ? null : JSON.stringify(plan), now: this.#clock.now() },
    );
    if (row !== undefined) return planOf(row);
    const state = this.find(job)?.state ?? 'gone';
    throw new Failure('not_running', `Cannot move the plan from ${from} to ${to}: it is ${state}`, {
      facts: { job, from, to, state },
    });
  }

  delete(job: JobId): void {
    this.#database.run('DELETE FROM plans WHERE job = :job', { job });
  }
}

function planOf(row: Row): PlanRecord {
  return {
    job: text(row, 'job') as JobId,
    server: text(row, 'server') as ServerId,
    state: text(row, 'state') as PlanState,
    plan: json(row, 'plan'),
    createdAt: integer(row, 'created_at'),
    updatedAt: integer(row, 'updated_at'),
  };
}
