/** Bounds of the wait before a retry. */
const SOONEST_MS = 1000;
const LATEST_MS = 900_000;

/**
 * Milliseconds until the next try: doubles from one second to a quarter of an hour, with jitter.
 *
 * @param tries failed before the last one.
 * @param random from 0 to below 1.
 */
export function backOff(tries: number, random: number): number {
  const most = Math.min(LATEST_MS, SOONEST_MS * 2 ** Math.min(tries, 20));
  return Math.ceil(most * (0.5 + random / 2));
}
