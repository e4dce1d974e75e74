/**
 * Whether a server is protected: the age of its last good backup against its schedules. Pure; the rule that the doctor,
 * the report and notifications share.
 */
import { Cron } from 'croner';
import { DAY_MS, HOUR_MS } from '../../base/clock.ts';
import { isFuture, type Made, newestFirst } from '../order.ts';

/** What is judged of a backup. */
export interface ProtectionItem extends Made {
  readonly status: 'IN_PROGRESS' | 'COMPLETED' | 'FAILED';
  readonly damaged: boolean;
  readonly suspect?: boolean;
  /** Why a failed one failed; absent for one that was cancelled. */
  readonly failure?: { readonly code: string; readonly message: string; readonly hint?: string };
}

export interface ProtectionSchedule {
  /** A server's id, or `*`. */
  readonly server: string;
  readonly cron: string;
  readonly timezone: string | null;
}

/**
 * `ok`: the last good backup is younger than the schedule's last time. `overdue`: that time passed without one. `never`:
 * there is no good backup, and the first scheduled time has not passed. `unscheduled`: no schedule covers the server.
 */
export type ProtectionState = 'ok' | 'overdue' | 'never' | 'unscheduled';

/** Times are ms since the epoch. */
export interface Protection<Item extends ProtectionItem = ProtectionItem> {
  readonly state: ProtectionState;
  readonly lastGood: Item | undefined;
  /** The newest attempt, where it failed and was not cancelled. */
  readonly lastFailure: Item | undefined;
  /** The last time of a schedule by which a good backup should be there; null without one. */
  readonly dueAt: number | null;
  /** When a schedule comes next; null without one. */
  readonly nextAt: number | null;
}

/** A scheduled backup counts as missing after half of the schedule's interval, but within these two bounds. */
const LEAST_GRACE_MS = 15 * 60_000;
const MOST_GRACE_MS = 6 * HOUR_MS;
/** Clocks are corrected by moments. */
const SLACK_MS = 60_000;

/** The scheduled times of a server; ms since the epoch. */
export interface ScheduledTimes {
  readonly dueAt: number | null;
  readonly nextAt: number | null;
}

/** The times of each schedule, looked up once for many servers. */
export class ScheduleTimes {
  readonly #now: number;
  readonly #schedules: readonly { readonly server: string; readonly times: () => ScheduledTimes }[];

  /** @param now ms since the epoch. */
  constructor(schedules: readonly ProtectionSchedule[], now: number) {
    this.#now = now;
    this.#schedules = schedules.map((schedule) => {
      let known: ScheduledTimes | undefined;
      return { server: schedule.server, times: () => (known ??= timesOf(schedule, this.#now)) };
    });
  }

  /** The latest time that is past its grace, and the next time, of all schedules of a server; undefined without any. */
  of(server: string): ScheduledTimes | undefined {
    const own = this.#schedules.filter((schedule) => schedule.server === '*' || schedule.server === server);
    if (own.length === 0) return undefined;
    const times = own.map((schedule) => schedule.times());
    const due = times.map(({ dueAt }) => dueAt).filter((at) => at !== null);
    const next = times.map(({ nextAt }) => nextAt).filter((at) => at !== null);
    return {
      dueAt: due.length === 0 ? null : Math.max(...due),
      nextAt: next.length === 0 ? null : Math.min(...next),
    };
  }
}

/**
 * Judges one server.
 *
 * @param history of any order.
 * @param knownSince when the node first saw the server, ms since the epoch: backups due before that are not missing.
 */
export function judgeProtection<Item extends ProtectionItem>(
  history: readonly Item[],
  times: ScheduledTimes | undefined,
  now: number,
  knownSince = now,
): Protection<Item> {
  const order = newestFirst(history).filter((item) => !isFuture(item, now));
  const lastGood = order.find(isGood);
  const attempt = order.find(({ status, failure }) => status === 'COMPLETED' || failure !== undefined);
  const lastFailure = attempt?.status === 'FAILED' ? attempt : undefined;
  const { dueAt = null, nextAt = null } = times ?? {};
  const isLate = dueAt !== null && (lastGood?.createdAt ?? knownSince) < dueAt - SLACK_MS;
  const late = lastGood === undefined ? 'never' : 'ok';
  return {
    state: times === undefined ? 'unscheduled' : isLate ? 'overdue' : late,
    lastGood,
    lastFailure,
    dueAt,
    nextAt,
  };
}

function isGood({ status, damaged, suspect = false }: ProtectionItem): boolean {
  return status === 'COMPLETED' && !damaged && !suspect;
}

function timesOf({ cron, timezone }: ProtectionSchedule, now: number): ScheduledTimes {
  const times = new Cron(cron, { paused: true, mode: '5-or-6-parts', timezone: timezone ?? undefined });
  const nextAt = times.nextRun(new Date(now))?.getTime() ?? null;
  const [last, before] = times.previousRuns(2, new Date(now)).map((time) => time.getTime());
  if (last === undefined) return { dueAt: null, nextAt };
  const grace = (interval: number): number => Math.min(Math.max(interval / 2, LEAST_GRACE_MS), MOST_GRACE_MS);
  if (now - last >= grace((nextAt ?? last + DAY_MS) - last)) return { dueAt: last, nextAt };
  // Frequent times may all be within their grace: the latest one that is not.
  const patience = grace(before === undefined ? DAY_MS : last - before);
  return { dueAt: times.previousRuns(1, new Date(now - patience))[0]?.getTime() ?? null, nextAt };
}
