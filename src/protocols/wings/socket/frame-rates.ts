/** How often a page may speak on its socket. What comes faster is passed over; a flood ends the socket. */
import type { WingsFlavour } from '../flavour.ts';

interface Rate {
  /** Milliseconds until one more is free. */
  readonly every: number;
  /** So many may come at once. */
  readonly burst: number;
}

interface Limits {
  readonly all: Rate;
  /** Each of these events counts by itself; the others count together under ''. */
  readonly events: ReadonlyMap<string, Rate>;
  /** Whether the page is told, once for each time that it is too fast. */
  readonly told: boolean;
}

/** The panels' own daemons have no limit; ours is far above what their pages send. */
const WIDE: Limits = { all: { every: 50, burst: 60 }, events: new Map(), told: false };

const PELICAN: Limits = {
  all: { every: 200, burst: 10 },
  events: new Map([
    ['auth', { every: 5000, burst: 2 }],
    ['send logs', { every: 5000, burst: 2 }],
    ['send command', { every: 1000, burst: 10 }],
    ['', { every: 1000, burst: 4 }],
  ]),
  told: true,
};

const LIMITS: Readonly<Record<WingsFlavour, Limits>> = { pterodactyl: WIDE, pelican: PELICAN, calagopus: WIDE };

/** Frames passed over in a row after which nobody honest is there. */
const FLOOD = 200;

export type RateVerdict =
  | { readonly kind: 'pass' | 'drop' | 'flood' }
  /** Dropped, and the page is to hear of what. */
  | { readonly kind: 'throttled'; readonly what: string };

export class FrameRates {
  readonly #limits: Limits;
  /** When the last place that was taken is free again, by event; `*` for all together. */
  readonly #takenUntil = new Map<string, number>();
  readonly #told = new Set<string>();
  #droppedInRow = 0;

  constructor(flavour: WingsFlavour) {
    this.#limits = LIMITS[flavour];
  }

  /** A frame has come; asked before it is looked at. @param now on the monotonic clock, in milliseconds. */
  frame(now: number): RateVerdict {
    return this.#judge('*', this.#limits.all, 'global', now);
  }

  /** It is this event. */
  event(name: string, now: number): RateVerdict {
    const { events } = this.#limits;
    const key = events.has(name) ? name : '';
    const rate = events.get(key);
    return rate === undefined ? { kind: 'pass' } : this.#judge(key, rate, name, now);
  }

  #judge(key: string, { every, burst }: Rate, what: string, now: number): RateVerdict {
    const takenUntil = Math.max(this.#takenUntil.get(key) ?? now, now);
    if (takenUntil - now <= (burst - 1) * every) {
      this.#takenUntil.set(key, takenUntil + every);
      this.#told.delete(key);
      this.#droppedInRow = 0;
      return { kind: 'pass' };
    }
    this.#droppedInRow++;
    if (this.#droppedInRow > FLOOD) return { kind: 'flood' };
    if (!this.#limits.told || this.#told.has(key)) return { kind: 'drop' };
    this.#told.add(key);
    return { kind: 'throttled', what };
  }
}
