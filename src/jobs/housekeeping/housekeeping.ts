/**
 * Periodic work of the daemon: schedules, retention, verification, delayed deletions, and the watchdog over jobs.
 *
 * For: the daemon, which opens it after recovery.
 * Promises: each task starts jobs through the service, under the rules of any request; a failing task does not stop others.
 * Never: starts anything after `close`.
 */
import type { BelievableClock } from '../../base/believable-clock.ts';
import type { Clock } from '../../base/clock.ts';
import type { KeyedMutex } from '../../base/keyed-mutex.ts';
import type { Log } from '../../base/log/log.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import type { Config } from '../../config/types.ts';
import type { Registry } from '../../servers/registry.ts';
import type { EventHub } from '../runner/events.ts';
import { deleteCoveredBackups, serversPastGrace } from '../delete/server-removal.ts';
import type { DeleteBackup } from '../delete/checked.ts';
import { Pruner } from '../delete/prune.ts';
import { Reverify } from '../verify/reverify.ts';
import type { ListingsAhead } from '../look/listings-ahead.ts';
import type { JobRunner } from '../runner/runner.ts';
import type { StoreSet } from '../stored/stores.ts';
import { Schedules } from './schedules.ts';
import type { Service } from '../service.ts';

export interface HousekeepingDeps {
  readonly catalogue: Catalogue;
  readonly registry: Registry;
  readonly runner: JobRunner;
  readonly stores: StoreSet;
  readonly service: Service;
  readonly deleteBackup: DeleteBackup;
  readonly listingsAhead?: ListingsAhead;
  readonly events: EventHub;
  readonly config: Pick<Config, 'jobs' | 'retention' | 'schedules' | 'verification'>;
  readonly clock: Clock;
  readonly believable: BelievableClock;
  readonly turns: KeyedMutex;
  readonly log: Log;
}

const EVERY_MS = 1000;
const GRACE_EVERY_MS = 60_000;
/** A beat that is later by so much means that the process was stopped, or its machine suspended. */
const STOPPED_MS = 10_000;

export class Housekeeping {
  readonly #deps: HousekeepingDeps;
  readonly #pruner: Pruner;
  readonly #schedules: Schedules;
  readonly #reverify: Reverify;
  #timer: NodeJS.Timeout | undefined;
  #ticking: Promise<void> | undefined;
  #beatAt: number | undefined;
  #graceAt = Number.NEGATIVE_INFINITY;

  private constructor(deps: HousekeepingDeps) {
    const { service, config } = deps;
    this.#deps = deps;
    this.#pruner = new Pruner({
      ...deps,
      deleteBackup: (server, backup) => service.remove(server, backup, 'retention'),
    });
    this.#schedules = new Schedules(config.schedules, deps);
    this.#reverify = new Reverify(deps);
  }

  /** Starts a check every second. */
  static open(deps: HousekeepingDeps): Housekeeping {
    const housekeeping = new Housekeeping(deps);
    housekeeping.beat();
    housekeeping.#timer = setInterval(() => {
      housekeeping.beat();
      housekeeping.#ticking ??= housekeeping.tick().finally(() => (housekeeping.#ticking = undefined));
    }, EVERY_MS);
    return housekeeping;
  }

  /** Starts nothing more; resolves when running checks have ended. Submitted jobs stay queued. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#ticking;
    await this.#deps.listingsAhead?.close();
    await this.#pruner.close();
  }

  /** Called every second. Notices that the process was stopped, so that jobs do not count that time as a stall. */
  beat(): void {
    const { clock, log, runner } = this.#deps;
    const now = clock.monotonic();
    const stopped = now - (this.#beatAt ?? now) - EVERY_MS;
    this.#beatAt = now;
    if (stopped < STOPPED_MS) return;
    log.warn('The process stood still; jobs are not counted as stalled for it', {
      seconds: Math.round(stopped / 1000),
    });
    runner.excuse(stopped);
  }

  /** Runs every check once. Never rejects. */
  async tick(): Promise<void> {
    await this.#guarded('watch over jobs', () => this.#watch());
    await this.#guarded('begin scheduled backups', () => this.#schedules.tick());
    await this.#guarded('verify backups', () => this.#reverify.tick());
    await this.#guarded('list archives', () => this.#deps.listingsAhead?.tick());
    await this.#guarded('delete what was given up', () => this.#endGrace());
  }

  #watch(): void {
    const { config, log, runner } = this.#deps;
    const { stalledMinutes } = config.jobs;
    if (stalledMinutes === 0) return;
    for (const { id: job, kind, server, backup } of runner.abortStalled(stalledMinutes * 60_000)) {
      log.error('A job came no further and is ended', { job, kind, server, backup, stalledMinutes });
    }
  }

  async #endGrace(): Promise<void> {
    const { believable, catalogue, clock, deleteBackup } = this.#deps;
    if (clock.monotonic() - this.#graceAt < GRACE_EVERY_MS) return;
    this.#graceAt = clock.monotonic();
    if (!believable.canDelete()) return;
    for (const server of serversPastGrace(catalogue, clock.now())) {
      await deleteCoveredBackups(server, {
        ...this.#deps,
        deleteBackup: (backup) => deleteBackup(server, backup, 'retention'),
      });
    }
  }

  async #guarded(what: string, act: () => Promise<void> | void): Promise<void> {
    try {
      await act();
    } catch (error) {
      this.#deps.log.error(`Cannot ${what}`, { error });
    }
  }
}
