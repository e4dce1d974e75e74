/**
 * A wall clock that is checked against the monotonic one and against the time of earlier runs, since a wrong clock (a dead
 * battery, a wrong NTP answer) must never make backups look old enough to delete.
 *
 * A jump makes the clock doubtful. It is believed again when it returns, when it has stayed at the new time for an hour
 * of the monotonic clock, or when an operator confirms it.
 */
import { type Clock, DAY_MS, HOUR_MS } from './clock.ts';

/** Where the last believed time outlives the process. */
export interface ClockMemory {
  /** Milliseconds since the Unix epoch; undefined before the first `save`. */
  load(): number | undefined;
  save(time: number): void;
}

/** A larger difference between the two clocks is a jump; daylight saving and corrections by NTP stay below. */
export const JUMP_MS = 3 * HOUR_MS;
/** A daemon that was off for longer than this looks the same as a clock that was set ahead. */
const LONGEST_OFF_MS = 7 * DAY_MS;
const DOUBTED_FOR_MS = HOUR_MS;
const SAVE_EVERY_MS = 10 * 60_000;

export interface ClockDoubt {
  /** What the wall clock says, in ms since the epoch. */
  readonly wall: number;
  /** What it should say. */
  readonly expected: number;
}

interface Moment {
  readonly wall: number;
  readonly monotonic: number;
}

export class BelievableClock {
  readonly #clock: Clock;
  readonly #memory: ClockMemory;
  readonly #onDoubt: (doubt: ClockDoubt) => void;
  /** The last moment at which the wall clock was believed. */
  #believed: Moment;
  /** When the present doubt began, and the time that the wall clock should have had then. */
  #doubted: (Moment & { readonly expected: number }) | undefined;
  #saved = Number.NEGATIVE_INFINITY;

  /** @param onDoubt called once for each jump. */
  constructor(clock: Clock, memory: ClockMemory, onDoubt: (doubt: ClockDoubt) => void = () => undefined) {
    this.#clock = clock;
    this.#memory = memory;
    this.#onDoubt = onDoubt;
    const [wall, monotonic] = [clock.now(), clock.monotonic()];
    const last = memory.load() ?? wall;
    // A time before the last one is wrong. One long after it may be right, so it is taken, but nothing is deleted by it yet.
    this.#believed = { wall: wall < last - JUMP_MS ? last : wall, monotonic };
    if (wall < last - JUMP_MS || wall > last + LONGEST_OFF_MS) this.#doubt({ wall, monotonic }, last);
    else this.#remember(this.#believed);
  }

  /** The wall clock's time, or while that is in doubt what it should be. Milliseconds since the epoch. */
  now(): number {
    const moment = this.#look();
    return this.#doubted === undefined ? moment.wall : this.#expected(moment);
  }

  /** False while the clock is in doubt: nothing may be deleted then for its age or its place in time. */
  canDelete(): boolean {
    return this.doubt() === undefined;
  }

  /** Undefined while the clock is believed. */
  doubt(): ClockDoubt | undefined {
    const { wall } = this.#look();
    return this.#doubted === undefined ? undefined : { wall, expected: this.#doubted.expected };
  }

  /** An operator says that the wall clock is right. */
  confirm(): void {
    this.#believe(this.#look());
  }

  #look(): Moment {
    const moment = { wall: this.#clock.now(), monotonic: this.#clock.monotonic() };
    const doubted = this.#doubted;
    const stays = Math.abs(moment.wall - this.#expected(moment)) <= JUMP_MS;
    if (doubted === undefined) {
      if (stays) this.#believe(moment);
      else this.#doubt(moment, this.#expected(moment));
      return moment;
    }
    const passed = moment.monotonic - doubted.monotonic;
    const moved = moment.wall - doubted.wall - passed;
    if (Math.abs(moved) > JUMP_MS) {
      // Back at the time from before the jump, or at a third one.
      if (stays) this.#believe(moment);
      else this.#doubt(moment, this.#expected(moment));
    } else if (passed >= DOUBTED_FOR_MS) this.#believe(moment);
    return moment;
  }

  #expected({ monotonic }: Moment): number {
    return this.#believed.wall + monotonic - this.#believed.monotonic;
  }

  #believe(moment: Moment): void {
    this.#believed = moment;
    this.#doubted = undefined;
    this.#remember(moment);
  }

  #doubt(moment: Moment, expected: number): void {
    this.#doubted = { ...moment, expected };
    this.#onDoubt({ wall: moment.wall, expected });
  }

  #remember({ wall, monotonic }: Moment): void {
    if (monotonic - this.#saved < SAVE_EVERY_MS) return;
    this.#saved = monotonic;
    this.#memory.save(wall);
  }
}
