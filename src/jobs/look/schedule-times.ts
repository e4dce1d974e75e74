/** The times of the schedules in the config, and up to which time the daemon has followed each. */
import { Cron } from 'croner';
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

/** @param text the value under `SCHEDULES_KEY`; entries that are no schedules are left out. */
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

/** The times of a schedule around an instant, in ms. */
export interface TimesOfSchedule {
  readonly config: ScheduleConfig;
  /** The last time that has passed; undefined when none has. */
  readonly last: number | undefined;
  readonly next: readonly number[];
}

/** Each schedule with its last time up to and including `now` (ms), and its next times, as many as `coming`. */
export function scheduleTimes(schedules: readonly ScheduleConfig[], now: number, coming: number): TimesOfSchedule[] {
  return schedules.map((config) => {
    const cron = cronOf(config);
    const [newest, older] = cron.previousRuns(2, new Date(now + 1000)).map((date) => date.getTime());
    const next = cron.nextRuns(coming, new Date(now)).map((date) => date.getTime());
    return { config, last: newest !== undefined && newest > now ? older : newest, next };
  });
}
