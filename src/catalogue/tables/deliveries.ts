import type { Clock } from '../../base/clock.ts';
import type { FailureRecord } from '../../base/failure.ts';
import type { BackupId, JobId, ServerId } from '../../base/ids.ts';
import type { DeliveryTable, NewDelivery } from '../contract.ts';
import type { Database } from '../sqlite/database.ts';
import { failureText } from '../failure-text.ts';
import type { DeliveryData, DeliveryKind, DeliveryRecord, DeliveryState } from '../records.ts';
import { failureOrNull, integer, integerOrNull, json, type Row, text, textOrNull } from '../sqlite/row.ts';
import { insertInto, where } from '../sqlite/sql.ts';
import { readDeliveryData } from './row-data.ts';

/**
 * The oldest pending one of its backup: reports of one backup go out in the order in which they came about. Deleting waits
 * for no report, since the panel may be away for days. What is only sent a second time (the end of a short restore, half a
 * minute later) holds up nothing: the panel has it.
 */
const FIRST_OF_ITS_BACKUP = `NOT EXISTS (
  SELECT 1 FROM deliveries AS earlier
  WHERE earlier.backup = deliveries.backup AND earlier.id < deliveries.id AND earlier.state = 'pending'
    AND earlier.step <> 'repeat'
)`;

export class Deliveries implements DeliveryTable {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  insert(delivery: NewDelivery): DeliveryRecord {
    const values = {
      job: delivery.job,
      kind: delivery.kind,
      server: delivery.server,
      backup: delivery.backup,
      successful: Number(delivery.successful),
      sha256: delivery.sha256,
      size: delivery.size,
      files: delivery.files,
      step: delivery.step,
      data: JSON.stringify(delivery.data),
      asked_at: delivery.askedAt,
      created_at: this.#clock.now(),
      due_at: delivery.dueAt,
      give_up_at: delivery.giveUpAt,
    };
    const [row] = this.#database.all(`${insertInto('deliveries', values)} RETURNING *`, values);
    return deliveryOf(row ?? {});
  }

  find(id: number): DeliveryRecord | undefined {
    const row = this.#database.one('SELECT * FROM deliveries WHERE id = :id', { id });
    return row === undefined ? undefined : deliveryOf(row);
  }

  list(filter: { readonly state?: DeliveryState; readonly backup?: BackupId } = {}): DeliveryRecord[] {
    const { clause, values } = where({ ...filter });
    return this.#database.all(`SELECT * FROM deliveries ${clause} ORDER BY id`, values).map(deliveryOf);
  }

  counts(): { readonly [State in DeliveryState]: number } {
    const counts = { pending: 0, parked: 0 };
    for (const row of this.#database.all('SELECT state, count(*) AS n FROM deliveries GROUP BY state', {})) {
      counts[text(row, 'state') as DeliveryState] = integer(row, 'n');
    }
    return counts;
  }

  due(step: string, now: number, limit: number): DeliveryRecord[] {
    const sql = `SELECT * FROM deliveries
      WHERE state = 'pending' AND step = :step AND due_at <= :now AND (step = 'delete' OR ${FIRST_OF_ITS_BACKUP})
      ORDER BY due_at, id LIMIT :limit`;
    return this.#database.all(sql, { step, now, limit }).map(deliveryOf);
  }

  nextDue(after: number): number | undefined {
    const sql = `SELECT min(due_at) AS at FROM deliveries WHERE state = 'pending' AND due_at > :after`;
    return integerOrNull(this.#database.one(sql, { after }) ?? { at: null }, 'at') ?? undefined;
  }

  advance(id: number, step: string, data: DeliveryData, dueAt: number): void {
    this.#database.run(
      `UPDATE deliveries SET step = :step, data = json_patch(data, :data), due_at = :dueAt, attempts = 0, error = NULL
       WHERE id = :id AND state = 'pending'`,
      { id, step, data: JSON.stringify(data), dueAt },
    );
  }

  postpone(id: number, error: FailureRecord, dueAt: number, step?: string): void {
    this.#database.run(
      `UPDATE deliveries SET attempts = attempts + 1, error = :error, due_at = :dueAt, step = coalesce(:step, step)
       WHERE id = :id AND state = 'pending'`,
      { id, error: failureText(error), dueAt, step: step ?? null },
    );
  }

  park(id: number, error: FailureRecord): void {
    this.#database.run(
      `UPDATE deliveries SET state = 'parked', attempts = attempts + 1, error = :error
       WHERE id = :id AND state = 'pending'`,
      { id, error: failureText(error) },
    );
  }

  retryParked(giveUpAt: number, id?: number): number {
    return this.#database.run(
      `UPDATE deliveries SET state = 'pending', attempts = 0, due_at = :now, give_up_at = max(give_up_at, :giveUpAt)
       WHERE state = 'parked' AND id = coalesce(:id, id)`,
      { now: this.#clock.now(), giveUpAt, id: id ?? null },
    );
  }

  hasten(latest: number): number {
    const sql = `UPDATE deliveries SET attempts = 0, due_at = :now
      WHERE state = 'pending' AND (attempts > 0 OR due_at > :latest)`;
    return this.#database.run(sql, { now: this.#clock.now(), latest });
  }

  withdraw(backup: BackupId, step: string, arrived: string): void {
    this.#database.run(
      `UPDATE deliveries SET withdrawn = 1, successful = 0, sha256 = NULL, size = 0, files = 0,
         state = 'pending', step = :step, attempts = 0, due_at = :now
       WHERE backup = :backup AND kind = 'backup' AND step <> :arrived`,
      { backup, step, arrived, now: this.#clock.now() },
    );
  }

  delete(id: number): void {
    this.#database.run('DELETE FROM deliveries WHERE id = :id', { id });
  }
}

function deliveryOf(row: Row): DeliveryRecord {
  return {
    id: integer(row, 'id'),
    job: text(row, 'job') as JobId,
    kind: text(row, 'kind') as DeliveryKind,
    server: text(row, 'server') as ServerId,
    backup: text(row, 'backup') as BackupId,
    successful: integer(row, 'successful') === 1,
    sha256: textOrNull(row, 'sha256'),
    size: integer(row, 'size'),
    files: integer(row, 'files'),
    withdrawn: integer(row, 'withdrawn') === 1,
    step: text(row, 'step'),
    data: readDeliveryData(json(row, 'data')),
    state: text(row, 'state') as DeliveryState,
    attempts: integer(row, 'attempts'),
    error: failureOrNull(row, 'error'),
    askedAt: integer(row, 'asked_at'),
    createdAt: integer(row, 'created_at'),
    dueAt: integer(row, 'due_at'),
    giveUpAt: integer(row, 'give_up_at'),
  };
}
