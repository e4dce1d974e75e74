/** Retrying: the random source and the timer of it, and how long to wait between tries. */
import { setTimeout as pauseFor } from 'node:timers/promises';

export interface RetryPort {
  /** From 0 to 1. */
  random(): number;
  /** Rejects with an `AbortError` once the signal fires. */
  pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void>;
}

export const systemRetry: RetryPort = {
  random: Math.random,
  pause: async (milliseconds, signal) => {
    await pauseFor(milliseconds, undefined, { signal });
  },
};

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
