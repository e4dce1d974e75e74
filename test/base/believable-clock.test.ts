import { describe, expect, test } from 'vitest';
import { BelievableClock, type ClockDoubt } from '../../src/base/believable-clock.ts';
import { StillClock } from '../support/still-clock.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

function watched(last?: number, clock = new StillClock()) {
  const doubts: ClockDoubt[] = [];
  const saved: number[] = [];
  const memory = { load: () => saved.at(-1) ?? last, save: (time: number) => void saved.push(time) };
  const believable = new BelievableClock(clock, memory, (doubt) => void doubts.push(doubt));
  return { clock, believable, doubts, saved };
}

describe('a clock that runs', () => {
  test('is believed, also over corrections of less than three hours', () => {
    const { clock, believable, doubts } = watched();
    for (const correction of [0, 2 * HOUR, -2 * HOUR, MINUTE]) {
      clock.advance(10 * HOUR);
      clock.jump(correction);
      expect(believable.canDelete()).toBe(true);
      expect(believable.now()).toBe(clock.now());
    }
    expect(doubts).toEqual([]);
  });

  test('is kept every ten minutes, and not more often', () => {
    const { clock, believable, saved } = watched();
    for (let second = 0; second < 3600; second++) {
      clock.advance(1000);
      believable.canDelete();
    }
    expect(saved).toHaveLength(7);
  });
});

describe.each([400 * DAY, -400 * DAY, 4 * HOUR, -4 * HOUR])('a jump by %d ms', (jump) => {
  test('is doubted, told once, and the time goes on as it was', () => {
    const { clock, believable, doubts } = watched();
    const before = clock.now();
    clock.jump(jump);
    expect(believable.canDelete()).toBe(false);
    clock.advance(10 * MINUTE);
    expect(believable.doubt()).toEqual({ wall: clock.now(), expected: before });
    expect(believable.now()).toBe(before + 10 * MINUTE);
    expect(doubts).toHaveLength(1);
  });

  test('is over as soon as the clock is right again', () => {
    const { clock, believable } = watched();
    clock.jump(jump);
    expect(believable.canDelete()).toBe(false);
    clock.advance(MINUTE);
    clock.jump(-jump);
    expect(believable.canDelete()).toBe(true);
    expect(believable.now()).toBe(clock.now());
  });

  test('is believed after it has held for an hour', () => {
    const { clock, believable } = watched();
    clock.jump(jump);
    expect(believable.canDelete()).toBe(false);
    clock.advance(HOUR - 1);
    expect(believable.canDelete()).toBe(false);
    clock.advance(1);
    expect(believable.canDelete()).toBe(true);
    expect(believable.now()).toBe(clock.now());
  });

  test('is believed at once when an operator says so', () => {
    const { clock, believable } = watched();
    clock.jump(jump);
    believable.confirm();
    expect(believable.canDelete()).toBe(true);
  });

  test('begins its hour again with each further jump', () => {
    const { clock, believable } = watched();
    clock.jump(jump);
    expect(believable.canDelete()).toBe(false);
    for (let turn = 0; turn < 5; turn++) {
      clock.advance(HOUR / 2);
      clock.jump(jump);
      expect(believable.canDelete()).toBe(false);
    }
  });
});

describe('a start', () => {
  const NOW = Date.UTC(2026, 0, 1);

  test('within the week after the last run is believed', () => {
    expect(watched(NOW - 6 * DAY).believable.canDelete()).toBe(true);
    expect(watched(NOW).believable.canDelete()).toBe(true);
  });

  test('with a time before that of the last run is doubted, which goes on instead', () => {
    const { clock, believable } = watched(NOW + 400 * DAY);
    expect(believable.canDelete()).toBe(false);
    clock.advance(MINUTE);
    expect(believable.now()).toBe(NOW + 400 * DAY + MINUTE);
    clock.jump(400 * DAY);
    expect(believable.canDelete()).toBe(true);
  });

  test('long after the last run deletes nothing for an hour, but its time counts', () => {
    const { clock, believable } = watched(NOW - 400 * DAY);
    expect(believable.canDelete()).toBe(false);
    expect(believable.now()).toBe(NOW);
    clock.advance(HOUR);
    expect(believable.canDelete()).toBe(true);
  });
});
