/** Times as archives keep them: whole seconds. */

/** Whole seconds of a JavaScript date, 275,000 years each way; some file systems keep any 64-bit number. */
const MAX_TIME = 8.64e12;

/**
 * A time as archives keep it: whole seconds, rounded down. A double of milliseconds may have been rounded up to a whole
 * second, from up to half a microsecond below, so for whole seconds `exact` is called; it returns nanoseconds.
 */
export function wholeSeconds(milliseconds: number, exact: () => bigint | undefined): number {
  const seconds = Math.floor(milliseconds / 1000);
  if (seconds * 1000 !== milliseconds) return clampSeconds(seconds);
  const nanoseconds = exact();
  // Compared and not divided, because BigInt division rounds negative times up.
  const rounded = nanoseconds !== undefined && nanoseconds < BigInt(seconds) * 1_000_000_000n;
  return clampSeconds(rounded ? seconds - 1 : seconds);
}

/** A time within what a date can say. */
export function clampSeconds(seconds: number): number {
  return Math.max(-MAX_TIME, Math.min(MAX_TIME, seconds));
}
