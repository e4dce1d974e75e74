/** How often a page may speak on its socket. What comes faster is passed over; a flood ends the socket. */
import type { FrameFacts, Rate } from '../flavours/contract.ts';

/** Frames passed over in a row after which nobody honest is there. */
const FLOOD = 200;

export type RateVerdict =
  | { readonly kind: 'pass' | 'drop' | 'flood' }
  /** Dropped, and the page is to hear of what. */
  | { readonly kind: 'throttled'; readonly what: string };

export class FrameRates {
  readonly #limits: FrameFacts;
  /** When the last place that was taken is free again, by event; `*` for all together. */
  readonly #takenUntil = new Map<string, number>();
  readonly #reported = new Set<string>();
  #droppedInRow = 0;

  constructor(limits: FrameFacts) {
    this.#limits = limits;
  }

  /** A frame has come; asked before it is looked at. @param now on the monotonic clock, in milliseconds. */
  frame(now: number): RateVerdict {
    return this.#judge('*', this.#limits.all, 'global', now);
  }

  /** It is this event. */
  event(name: string, now: number): RateVerdict {
    const { events } = this.#limits;
    const key = events?.has(name) ? name : '';
    const rate = events?.get(key);
    return rate === undefined ? { kind: 'pass' } : this.#judge(key, rate, name, now);
  }

  #judge(key: string, { every, burst }: Rate, what: string, now: number): RateVerdict {
    const takenUntil = Math.max(this.#takenUntil.get(key) ?? now, now);
    if (takenUntil - now <= (burst - 1) * every) {
      this.#takenUntil.set(key, takenUntil + every);
      this.#reported.delete(key);
      this.#droppedInRow = 0;
      return { kind: 'pass' };
    }
    this.#droppedInRow++;
    if (this.#droppedInRow > FLOOD) return { kind: 'flood' };
    if (!this.#limits.reportsThrottling || this.#reported.has(key)) return { kind: 'drop' };
    this.#reported.add(key);
    return { kind: 'throttled', what };
  }
}
