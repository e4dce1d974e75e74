/**
 * Limits bytes per second. The rate is read at each step, so a change acts at once; unused time is kept only for a
 * moment, so no burst follows a pause.
 */
import type { Clock } from './clock.ts';

/** Longest single wait, so that a stop or a new rate is noticed soon. */
const STEP_MS = 100;

/** Unused time that may be made up for: timers on a busy machine are this late. */
const SAVED_MS = 250;

export class Pace {
  readonly #clock: Clock;
  readonly #rate: () => number;
  readonly #checkAbort: () => void;
  /** Monotonic time at which the bytes taken so far are paid for. */
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
      // The debt is in bytes: at another rate it takes another time.
      if (current !== rate) this.#paidUntil = this.#clock.monotonic() + (this.#left() * rate) / current;
      rate = current;
    }
  }

  #left(): number {
    return this.#paidUntil - this.#clock.monotonic();
  }
}
