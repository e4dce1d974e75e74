import type { Timers } from '../../src/base/timers.ts';
import { StillClock } from './still-clock.ts';

/** Clock and timers in one: time stands still until `advance`, which fires what falls due in order. */
export class ManualTime extends StillClock implements Timers {
  readonly #waiting = new Set<{ readonly at: number; readonly run: () => void }>();

  /** Timers that were set and neither fired nor were cancelled. */
  get pending(): number {
    return this.#waiting.size;
  }

  after(milliseconds: number, run: () => void): () => void {
    const timer = { at: this.monotonic() + milliseconds, run };
    this.#waiting.add(timer);
    return () => void this.#waiting.delete(timer);
  }

  override advance(milliseconds: number): void {
    const end = this.monotonic() + milliseconds;
    for (;;) {
      const [next] = [...this.#waiting].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (next === undefined) break;
      this.#waiting.delete(next);
      super.advance(Math.max(0, next.at - this.monotonic()));
      next.run();
    }
    super.advance(end - this.monotonic());
  }
}
