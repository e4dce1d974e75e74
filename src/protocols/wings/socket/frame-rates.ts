/** Limits the frames of a page: what comes faster is dropped, and a flood closes the socket. */
import type { FrameFacts, Rate } from '../flavours/contract.ts';

/** More dropped frames in a row than an honest page sends. */
const FLOOD = 200;

export type RateVerdict =
  { readonly kind: 'pass' | 'drop' | 'flood' } | { readonly kind: 'throttled'; readonly what: string };

export class FrameRates {
  readonly #limits: FrameFacts;
  /** When the last frame's slot is free again, by event; `*` for all together. */
  readonly #takenUntil = new Map<string, number>();
  readonly #reported = new Set<string>();
  #droppedInRow = 0;

  constructor(limits: FrameFacts) {
    this.#limits = limits;
  }

  /** Judges a frame before it is parsed. @param now milliseconds on the monotonic clock. */
  frame(now: number): RateVerdict {
    return this.#judge('*', this.#limits.all, 'global', now);
  }

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
