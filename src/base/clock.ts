export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

/** Time is handed in, so that tests can hold it still and no rule reads the wall by itself. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Milliseconds that only grow, for measuring durations. */
  monotonic(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};

/** ISO 8601 in UTC with milliseconds, the form of every date that Roost's own API shows. */
export function isoDate(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
