/**
 * Starts scheduled backups, for hosts without a panel.
 *
 * Promises: a schedule fires once per time, within two seconds, in its own time zone; times missed while the daemon was off
 * or the machine slept are reported, and made up for once if configured; a server is never queued twice. After a jump of
 * the clock by more than three hours the new time counts at once. A reload of the config counts from the next second on; a
 * schedule that is new then has missed nothing. While the servers cannot be looked up, its time stays due.
 */
import type { Cron } from 'croner';
import { JUMP_MS } from '../../base/believable-clock.ts';
import type { Clock } from '../../base/clock.ts';
import { asFailure } from '../../base/failure.ts';
import type { ServerId } from '../../base/ids.ts';
import type { Log } from '../../base/log/log.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import type { ScheduleConfig } from '../../config/types.ts';
import type { Registry } from '../../servers/registry.ts';
import type { BackupService } from '../contract.ts';
import {
  cronOf,
  followedText,
  type FollowedSchedule,
  nextAfter,
  readFollowed,
  scheduleName,
  SCHEDULES_KEY,
} from '../look/schedule-times.ts';
import type { EventHub } from '../runner/events.ts';
import type { JobRunner } from '../runner/runner.ts';

export interface ScheduleDeps {
  readonly catalogue: { readonly keys: Pick<Catalogue['keys'], 'getText' | 'setText'> } & Pick<Catalogue, 'servers'>;
  readonly registry: Pick<Registry, 'list'>;
  readonly runner: Pick<JobRunner, 'open'>;
  readonly service: Pick<BackupService, 'create'>;
  readonly events: EventHub;
  readonly clock: Clock;
  readonly log: Log;
}

/** A time counts as missed after this delay. */
const LATE_MS = 60_000;
/** Interval of saving the checked times while nothing fires. */
const SAVE_EVERY_MS = 60_000;
/** Upper bound of counted missed times. */
const MOST_MISSED = 1000;

interface Running {
  readonly config: ScheduleConfig;
  readonly cron: Cron;
  /** Identifies the schedule after a restart: another time or zone is another schedule, with nothing missed. */
  readonly name: string;
  checkedAt: number;
  /** The first time after `checkedAt`. */
  nextAt: number;
  missed: FollowedSchedule['missed'];
  /** The servers could not be looked up at the last try, which was logged. */
  waits?: boolean;
}

export class Schedules {
  readonly #deps: ScheduleDeps;
  /** As the config has them; a reload changes what is in it. */
  readonly #schedules: readonly ScheduleConfig[];
  #running: readonly Running[];
  #savedAt = Number.NEGATIVE_INFINITY;
  #ticked: { readonly now: number; readonly monotonic: number } | undefined;

  constructor(schedules: readonly ScheduleConfig[], deps: ScheduleDeps) {
    this.#deps = deps;
    this.#schedules = schedules;
    this.#running = this.#follow(readFollowed(deps.catalogue.keys.getText(SCHEDULES_KEY)));
  }

  #follow(followed: ReadonlyMap<string, FollowedSchedule>): Running[] {
    const { clock, log } = this.#deps;
    const now = clock.now();
    return this.#schedules.map((config) => {
      const name = scheduleName(config);
      const cron = cronOf(config);
      if (nextAfter(cron, now) === Infinity) log.warn('A schedule never comes', { cron: config.cron });
      const { checkedAt = now, missed } = followed.get(name) ?? {};
      return { config, cron, name, checkedAt, nextAt: nextAfter(cron, checkedAt), missed };
    });
  }

  /** A reload gives new objects, also for schedules that stay as they are. */
  #takeReload(): void {
    const running = this.#running;
    const same =
      running.length === this.#schedules.length && running.every(({ config }, at) => config === this.#schedules[at]);
    if (same) return;
    this.#running = this.#follow(new Map(running.map((each) => [each.name, each])));
    this.#saveTimes(this.#deps.clock.now());
  }

  /** Fires due schedules. Call it every second, without overlap. */
  async tick(): Promise<void> {
    this.#takeReload();
    if (this.#running.length === 0) return;
    const now = this.#deps.clock.now();
    const jumped = this.#jumped(now);
    let fired = false;
    for (const schedule of this.#running) fired = (await this.#check(schedule, now, jumped)) || fired;
    // Save after the creates: a crash between them repeats a backup; the other order would lose one.
    if (fired || Math.abs(now - this.#savedAt) >= SAVE_EVERY_MS) this.#saveTimes(now);
  }

  async #check(schedule: Running, now: number, jumped: boolean): Promise<boolean> {
    const { checkedAt, config } = schedule;
    if (now <= checkedAt) {
      if (checkedAt - now > JUMP_MS) this.#startAgain(schedule, now);
      return false;
    }
    if (now < schedule.nextAt) {
      schedule.checkedAt = now;
      return false;
    }
    const servers = await this.#serversOf(schedule);
    if (servers === undefined) return false;
    moveTo(schedule, now);
    const late = Math.max(checkedAt, now - LATE_MS);
    const missed = countRuns(schedule.cron, checkedAt, late);
    const due = nextAfter(schedule.cron, late) <= now;
    if (missed === 0 && !due) return false;
    // After a jump of the clock the schedule runs whatever `missed` says: that key is for times when the daemon was off.
    const run = due || jumped || config.missed === 'run';
    if (missed > 0) schedule.missed = { times: missed, since: checkedAt, noticedAt: now };
    if (missed > 0) this.#reportMissed(schedule, servers, { missed, since: checkedAt, run });
    if (run) for (const server of servers) await this.#begin(server, config);
    return true;
  }

  /** True when the clock was set ahead since the last tick by more than a correction. */
  #jumped(now: number): boolean {
    const monotonic = this.#deps.clock.monotonic();
    const last = this.#ticked;
    this.#ticked = { now, monotonic };
    return last !== undefined && now - last.now - (monotonic - last.monotonic) > JUMP_MS;
  }

  #startAgain(schedule: Running, now: number): void {
    const { cron } = schedule.config;
    const back = Math.round((schedule.checkedAt - now) / 60_000);
    this.#deps.log.warn('The clock was set back: a schedule goes on from the new time', { cron, minutes: back });
    moveTo(schedule, now);
  }

  /** Undefined while they cannot be looked up, such as on a failing disk. */
  async #serversOf(schedule: Running): Promise<readonly ServerId[] | undefined> {
    const { server, cron } = schedule.config;
    if (server !== '*') return [server];
    try {
      const servers = (await this.#deps.registry.list()).map(({ id }) => id);
      schedule.waits = false;
      return servers;
    } catch (error) {
      if (schedule.waits !== true) {
        this.#deps.log.error('A schedule waits until the servers can be looked up', { cron, error });
      }
      schedule.waits = true;
      return undefined;
    }
  }

  /** Never rejects: a server that cannot be backed up must not stop the others. */
  async #begin(server: ServerId, { cron, ignore }: ScheduleConfig): Promise<void> {
    const { catalogue, events, log, runner, service } = this.#deps;
    try {
      if (catalogue.servers.get(server).suspended) return;
      const waits = runner.open({ server }).some(({ record, state }) => record.kind === 'backup' && state === 'queued');
      if (waits) {
        log.info('A scheduled backup was passed over: one of that server waits already', { server, cron });
        return;
      }
      await service.create({ server, ignore, whenBusy: 'queue', origin: 'schedule' });
    } catch (error) {
      const { code, message } = asFailure(error, 'Cannot begin a scheduled backup');
      log.warn('A scheduled backup was refused', { server, cron, error });
      const data = { cron, missed: 1, run: false, error: { code, message } };
      events.publish({ type: 'schedule.missed', server, data });
    }
  }

  #reportMissed(
    { config: { cron } }: Running,
    servers: readonly ServerId[],
    facts: { readonly missed: number; readonly since: number; readonly run: boolean },
  ): void {
    const { events, log } = this.#deps;
    const { missed, run } = facts;
    log.warn('A schedule was missed: the daemon did not run at its time', { cron, ...facts, servers: servers.length });
    for (const server of servers) events.publish({ type: 'schedule.missed', server, data: { cron, missed, run } });
  }

  #saveTimes(now: number): void {
    const followed = new Map(
      this.#running.map(({ name, checkedAt, missed }) => [
        name,
        missed === undefined ? { checkedAt } : { checkedAt, missed },
      ]),
    );
    this.#deps.catalogue.keys.setText(SCHEDULES_KEY, followedText(followed));
    this.#savedAt = now;
  }
}

function moveTo(schedule: Running, at: number): void {
  schedule.checkedAt = at;
  schedule.nextAt = nextAfter(schedule.cron, at);
}

function countRuns(cron: Cron, from: number, to: number): number {
  let count = 0;
  for (let at = cron.nextRun(new Date(from)); at !== null && at.getTime() <= to && count < MOST_MISSED; count++) {
    at = cron.nextRun(at);
  }
  return count;
}
