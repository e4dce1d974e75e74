/** The random source and the timer of retries. */
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
