/** Asking again: how often, and after how long. A caller's signal ends the wait at once. */
import type { RetryPort } from '../../base/retry.ts';
import { isTransient } from './failure.ts';

/** `once` for a look at the start, `short` for what somebody waits for, `long` (about a minute) for bytes of a backup. */
export type Patience = 'once' | 'short' | 'long';

const ATTEMPTS: Readonly<Record<Patience, number>> = { once: 1, short: 4, long: 10 };
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 12_000;

export interface RetryOptions {
  readonly port: RetryPort;
  readonly patience: Patience;
  readonly signal: AbortSignal | undefined;
  /** Called for each failure that is tried again, and for the last. */
  readonly onTransient?: (error: unknown) => void;
}

/** Runs `work` until it succeeds, fails for good, or patience ends; rejects with the last error. */
export async function retried<Result>(work: () => Promise<Result>, options: RetryOptions): Promise<Result> {
  const { port, patience, signal, onTransient } = options;
  for (let attempt = 1; ; attempt++) {
    try {
      signal?.throwIfAborted();
      return await work();
    } catch (error) {
      if (signal?.aborted === true || !isTransient(error)) throw error;
      onTransient?.(error);
      if (attempt >= ATTEMPTS[patience]) throw error;
      await port.pause(pauseMs(attempt, port.random()), signal);
    }
  }
}

/** Half fixed, half by chance: many parts that failed together must not come back together. */
function pauseMs(attempt: number, random: number): number {
  const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (attempt - 1));
  return longest / 2 + (longest / 2) * random;
}
