import type { Clock } from '../../src/base/clock.ts';

/** A clock that stands still until it is told to move. */
export class StillClock implements Clock {
  #now: number;
  #jumped = 0;

  constructor(now = Date.UTC(2026, 0, 1)) {
    this.#now = now;
  }

  now(): number {
    return this.#now + this.#jumped;
  }

  monotonic(): number {
    return this.#now;
  }

  /** Sets the wall clock alone ahead or back, as a wrong NTP answer does. */
  jump(milliseconds: number): void {
    this.#jumped += milliseconds;
  }

  advance(milliseconds: number): void {
    this.#now += milliseconds;
  }
}
