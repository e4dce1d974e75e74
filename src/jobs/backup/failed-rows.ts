/**
 * Bounds what failed and cancelled backups leave: rows by number and age, and the rate at which a server makes them. Without
 * it, a caller who creates and cancels in a loop fills the catalogue and every list.
 *
 * A row goes only once its store was searched for what the backup left (failed-backup-sweep.ts finds that by the row).
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { BelievableClock } from '../../base/believable-clock.ts';
import { type Clock, DAY_MS, HOUR_MS } from '../../base/clock.ts';
import { Failure } from '../../base/failure.ts';
import type { ServerId } from '../../base/ids.ts';
import type { Log } from '../../base/log/log.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import type { BackupSummary } from '../../catalogue/records.ts';
import { newestFirst } from '../../policy/order.ts';
import type { EventHub } from '../runner/events.ts';
import type { JobRunner } from '../runner/runner.ts';
import type { FailedBackupSweep } from './failed-backup-sweep.ts';

export interface FailedRowsDeps {
  readonly catalogue: Pick<Catalogue, 'backups' | 'transaction'>;
  readonly events: Pick<EventHub, 'subscribe'>;
  readonly runner: Pick<JobRunner, 'open'>;
  readonly failedBackups: Pick<FailedBackupSweep, 'isDue'>;
  readonly believable: Pick<BelievableClock, 'canDelete' | 'now'>;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly log: Log;
}

/** Failed rows of a server that are kept. */
const KEPT = 10;
const KEPT_FOR_MS = 30 * DAY_MS;
/** Failures of a server within an hour, after which creates are refused. */
const MOST_AN_HOUR = 100;
/** Rows that go in one transaction: an earlier version may have left tens of thousands, and requests wait meanwhile. */
const MOST_AT_ONCE = 100;

export class FailedRows {
  readonly #deps: FailedRowsDeps;
  /** Monotonic times of the failures of the last hour; at most `MOST_AN_HOUR` of a server. */
  readonly #times = new Map<ServerId, number[]>();

  constructor(deps: FailedRowsDeps) {
    this.#deps = deps;
    deps.events.subscribe(({ type, server }) => {
      if (type !== 'backup.failed' && type !== 'backup.cancelled') return;
      this.#note(server);
      this.#forget(this.#surplus(deps.catalogue.backups.list({ server, status: 'FAILED' })).slice(0, MOST_AT_ONCE));
    });
  }

  /** @throws Failure `too_many_backups` while too many backups of the server failed or were cancelled within the hour. */
  checkRate(server: ServerId): void {
    const times = this.#recent(server);
    const [first] = times;
    if (first === undefined || times.length < MOST_AN_HOUR) return;
    const seconds = Math.ceil((first + HOUR_MS - this.#deps.clock.monotonic()) / 1000);
    throw new Failure(
      'too_many_backups',
      `Cannot create a backup: ${times.length} backups of the server failed or were cancelled within an hour`,
      { facts: { failed: times.length, seconds }, hint: `Try again in ${seconds} seconds.`, retry: true },
    );
  }

  /** Trims the rows of every server; also those that grew too old. Gives way between transactions. Never rejects. */
  async sweep(): Promise<void> {
    const servers = Map.groupBy(this.#deps.catalogue.backups.list({ status: 'FAILED' }), ({ server }) => server);
    const surplus = [...servers.values()].flatMap((rows) => this.#surplus(rows));
    for (let done = 0; done < surplus.length; done += MOST_AT_ONCE) {
      this.#forget(surplus.slice(done, done + MOST_AT_ONCE));
      await nextTurn();
    }
    for (const server of this.#times.keys()) if (this.#recent(server).length === 0) this.#times.delete(server);
  }

  #note(server: ServerId): void {
    this.#times.set(server, [...this.#recent(server), this.#deps.clock.monotonic()].slice(-MOST_AN_HOUR));
  }

  #recent(server: ServerId): number[] {
    const since = this.#deps.clock.monotonic() - HOUR_MS;
    return (this.#times.get(server) ?? []).filter((at) => at > since);
  }

  /** Those of a server beyond what is kept, oldest first; none while the clock is in doubt. */
  #surplus(rows: readonly BackupSummary[]): BackupSummary[] {
    const { believable } = this.#deps;
    if (!believable.canDelete()) return [];
    const oldest = believable.now() - KEPT_FOR_MS;
    const surplus = newestFirst(rows).filter(({ createdAt }, place) => place >= KEPT || createdAt < oldest);
    return surplus.reverse();
  }

  /** Each row is removed in a savepoint of its own, so one that cannot be removed does not stop the others. */
  #forget(rows: readonly BackupSummary[]): void {
    const { believable, catalogue, log } = this.#deps;
    // Asked again for each piece, because other work runs between two pieces.
    if (!believable.canDelete()) return;
    try {
      catalogue.transaction(() => {
        for (const record of rows) this.#forgetOne(record);
      });
    } catch (error) {
      log.warn('Cannot forget failed backups', { backups: rows.length, error });
    }
  }

  /** A report that a panel waits for is a row of its own, and stays. */
  #forgetOne({ id, server, store, locked }: BackupSummary): void {
    const { catalogue, failedBackups, log, runner } = this.#deps;
    if (failedBackups.isDue(store) || runner.open({ backup: id }).length > 0) return;
    try {
      catalogue.transaction(() => {
        if (locked) catalogue.backups.setLocked(id, false);
        catalogue.backups.delete(id);
      });
    } catch (error) {
      log.warn('Cannot forget a failed backup', { server, backup: id, error });
    }
  }
}
