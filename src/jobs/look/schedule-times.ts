/** When schedules of the config come, and how far the daemon has followed them. */
import { Cron } from 'croner';
import type { ServerId } from '../../base/ids.ts';
import type { ScheduleConfig } from '../../config/types.ts';

/** The key of the catalogue under which `FollowedSchedule` of each schedule is kept. */
export const SCHEDULES_KEY = 'schedules';

/** How far a schedule has been followed; times in ms. */
export interface FollowedSchedule {
  readonly checkedAt: number;
  /** The newest times that passed without the daemon. */
  readonly missed?: { readonly times: number; readonly since: number; readonly noticedAt: number };
}

export function cronOf({ cron, timezone }: ScheduleConfig): Cron {
  return new Cron(cron, { paused: true, mode: '5-or-6-parts', timezone: timezone ?? undefined });
}

/** Identifies a schedule over restarts: another time or zone is another schedule, with nothing missed. */
export function scheduleName({ server, cron, timezone }: ScheduleConfig): string {
  return `${server} ${cron} ${timezone ?? ''}`;
}

/** @param text of the key; what is no list of schedules counts as none. */
export function readFollowed(text: string | undefined): ReadonlyMap<string, FollowedSchedule> {
  const saved: unknown = text === undefined ? [] : JSON.parse(text);
  const followed = new Map<string, FollowedSchedule>();
  for (const item of Array.isArray(saved) ? (saved as unknown[]) : []) {
    if (!Array.isArray(item)) continue;
    const [name, checkedAt, missed] = item as unknown[];
    if (typeof name !== 'string' || typeof checkedAt !== 'number') continue;
    const isMissed = typeof missed === 'object' && missed !== null;
    followed.set(name, isMissed ? { checkedAt, missed: missed as FollowedSchedule['missed'] } : { checkedAt });
  }
  return followed;
}

export function followedText(followed: ReadonlyMap<string, FollowedSchedule>): string {
  return JSON.stringify(
    Array.from(followed, ([name, { checkedAt, missed }]) =>
      missed === undefined ? [name, checkedAt] : [name, checkedAt, missed],
    ),
  );
}

/** The first time after `at`, in ms; Infinity when there is none. */
export function nextAfter(cron: Cron, at: number): number {
  return cron.nextRun(new Date(at))?.getTime() ?? Infinity;
}

/** Times around an instant, in ms; -Infinity and Infinity where there are none. */
interface Around {
  readonly before: number;
  readonly last: number;
  readonly next: number;
}

interface Timed {
  readonly config: ScheduleConfig;
  readonly cron: Cron;
  around: Around;
}

/** The schedules of a node, and what follows from their times for each server. */
export class ScheduleTimes {
  readonly #timed: readonly Timed[];

  constructor(schedules: readonly ScheduleConfig[]) {
    const never = { before: Infinity, last: Infinity, next: -Infinity };
    this.#timed = schedules.map((config) => ({ config, cron: cronOf(config), around: never }));
  }

  /** Each schedule with its last time up to then, and some of the next ones. */
  all(now: number, coming: number): { config: ScheduleConfig; last: number | undefined; next: number[] }[] {
    return this.#timed.map((timed) => {
      const { last } = aroundOf(timed, now);
      const next = timed.cron.nextRuns(coming, new Date(now)).map((date) => date.getTime());
      return { config: timed.config, last: Number.isFinite(last) ? last : undefined, next };
    });
  }

  /** When the next backup of a server begins, and how old its newest one may be, in ms; undefined without a schedule. */
  of(server: ServerId, now: number): { readonly next: number; readonly step: number } | undefined {
    const own = this.#timed.filter(({ config }) => config.server === server || config.server === '*');
    const times = own.map((timed) => aroundOf(timed, now)).filter(({ next }) => Number.isFinite(next));
    if (times.length === 0) return undefined;
    // The step before the last time counts too: right after a long pause, the backup of now is not there yet.
    const steps = times.map(({ before, last, next }) => Math.max(last - before, next - last));
    return { next: Math.min(...times.map(({ next }) => next)), step: Math.min(...steps) };
  }
}

/** Asked for once between two times of a schedule: finding one takes croner a fraction of a millisecond. */
function aroundOf(timed: Timed, now: number): Around {
  const { last, next } = timed.around;
  if (last <= now && now < next) return timed.around;
  // A run at this very instant has come.
  const [newest, older] = timed.cron.previousRuns(2, new Date(now + 1000));
  const upTo = newest !== undefined && newest.getTime() > now ? older : newest;
  const [before] = upTo === undefined ? [] : timed.cron.previousRuns(1, upTo);
  timed.around = {
    before: before?.getTime() ?? -Infinity,
    last: upTo?.getTime() ?? -Infinity,
    next: nextAfter(timed.cron, now),
  };
  return timed.around;
}
