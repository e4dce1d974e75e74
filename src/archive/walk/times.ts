/** Times as archives keep them: whole seconds. */

/** Whole seconds of a JavaScript date, 275,000 years each way; some file systems keep any 64-bit number. */
const MAX_TIME = 8.64e12;

/**
 * A time as archives keep it: whole seconds, rounded down. Milliseconds as a double may have been rounded up to a whole
 * second, from half a microsecond below; only then is the exact time asked for.
 */
export function wholeSeconds(milliseconds: number, exact: () => bigint | undefined): number {
  const seconds = Math.floor(milliseconds / 1000);
  if (seconds * 1000 !== milliseconds) return clampSeconds(seconds);
  const nanoseconds = exact();
  // Divided as a remainder below zero would round up.
  const rounded = nanoseconds !== undefined && nanoseconds < BigInt(seconds) * 1_000_000_000n;
  return clampSeconds(rounded ? seconds - 1 : seconds);
}

/** A time within what a date can say. */
export function clampSeconds(seconds: number): number {
  return Math.max(-MAX_TIME, Math.min(MAX_TIME, seconds));
}
