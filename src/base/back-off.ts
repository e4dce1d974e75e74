/** How long to leave somebody alone who did not answer. */
const SOONEST_MS = 1000;
const LATEST_MS = 900_000;

/**
 * Milliseconds until the next try: from a second to a quarter of an hour, twice as long each time, and never the same
 * for all that failed together.
 *
 * @param tries that failed before the last one.
 * @param random from 0 to below 1.
 */
export function backOff(tries: number, random: number): number {
  const most = Math.min(LATEST_MS, SOONEST_MS * 2 ** Math.min(tries, 20));
  return Math.ceil(most * (0.5 + random / 2));
}
