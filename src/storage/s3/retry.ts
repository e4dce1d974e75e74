/** When and how often requests are retried. An abort ends the wait at once. */
import type { RetryPort } from '../../base/retry.ts';
import { isTransient } from './failure.ts';

/** `once` for a check at the start, `short` when a person waits, `long` (about a minute) for bytes of a backup. */
export type Patience = 'once' | 'short' | 'long';

const ATTEMPTS: Readonly<Record<Patience, number>> = { once: 1, short: 4, long: 10 };
const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 12_000;

export interface RetryOptions {
  readonly port: RetryPort;
  readonly patience: Patience;
  readonly signal: AbortSignal | undefined;
  /** Called for each failure that is retried, and for the last. */
  readonly onTransient?: (error: unknown) => void;
}

/** Runs `work` until it succeeds, fails finally, or attempts run out; rejects with the last error. */
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

/** Half of it random, so that parts that failed together are not all retried together. */
function pauseMs(attempt: number, random: number): number {
  const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (attempt - 1));
  return longest / 2 + (longest / 2) * random;
}
