/**
 * Pacing to a number of bytes per second. The rate is asked for again at each step, so that a change acts at once;
 * time not used is not saved up beyond a moment, so that a pause is not followed by a burst.
 */
import type { Clock } from './clock.ts';

/** A wait is split into steps of this length, so that a stop or a new rate is noticed soon. */
const STEP_MS = 100;

/** Time not used that may be made up for: timers of a busy machine are this late, and the rate is to be reached. */
const SAVED_MS = 250;

export class Pace {
  readonly #clock: Clock;
  readonly #rate: () => number;
  readonly #checkAbort: () => void;
  /** When the bytes taken so far are paid for, on the monotonic clock. */
  #paidUntil = 0;

  /**
   * @param rate bytes per second; 0 for no limit.
   * @param checkAbort throws to end a wait.
   */
  constructor(clock: Clock, rate: () => number, checkAbort: () => void) {
    this.#clock = clock;
    this.#rate = rate;
    this.#checkAbort = checkAbort;
  }

  /** Waits until `bytes` more may pass. */
  async take(bytes: number): Promise<void> {
    const rate = this.#rate();
    if (rate <= 0) return;
    const now = this.#clock.monotonic();
    this.#paidUntil = Math.max(this.#paidUntil, now - SAVED_MS) + (bytes / rate) * 1000;
    await this.#waitUntilPaid(rate);
  }

  async #waitUntilPaid(before: number): Promise<void> {
    let rate = before;
    for (let left = this.#left(); left > 0; left = this.#left()) {
      this.#checkAbort();
      await new Promise((resolve) => setTimeout(resolve, Math.min(left, STEP_MS)));
      const current = this.#rate();
      if (current <= 0) return;
      // What is still owed is owed in bytes: at another rate it takes another time.
      if (current !== rate) this.#paidUntil = this.#clock.monotonic() + (this.#left() * rate) / current;
      rate = current;
    }
  }

  #left(): number {
    return this.#paidUntil - this.#clock.monotonic();
  }
}
