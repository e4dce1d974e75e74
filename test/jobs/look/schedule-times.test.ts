import { describe, expect, test } from 'vitest';
import type { ScheduleConfig } from '../../../src/config/types.ts';
import { followedText, readFollowed, scheduleTimes } from '../../../src/jobs/look/schedule-times.ts';

function schedule(cron: string, change: Partial<ScheduleConfig> = {}): ScheduleConfig {
  return { server: '*', cron, timezone: 'Europe/Berlin', missed: 'skip', ignore: [], ...change };
}

const at = (text: string): number => Date.parse(text);

describe('times of schedules', () => {
  test('keep the hour of their zone when the clock changes', () => {
    const [found] = scheduleTimes([schedule('0 4 * * *')], at('2026-03-27T12:00:00Z'), 3);
    expect(found?.next.map((time) => new Date(time).toISOString())).toEqual([
      '2026-03-28T03:00:00.000Z',
      '2026-03-29T02:00:00.000Z',
      '2026-03-30T02:00:00.000Z',
    ]);
    expect(found?.last).toBe(at('2026-03-27T03:00:00Z'));
  });

  test('count one that is now as come', () => {
    const times = (now: string) => scheduleTimes([schedule('0 4 * * *')], at(now), 1)[0];
    expect(times('2026-06-01T01:59:59Z')?.last).toBe(at('2026-05-31T02:00:00Z'));
    expect(times('2026-06-01T02:00:00Z')).toMatchObject({
      last: at('2026-06-01T02:00:00Z'),
      next: [at('2026-06-02T02:00:00Z')],
    });
  });

  test('that never come have neither a last time nor a next one', () => {
    expect(scheduleTimes([schedule('0 0 31 2 *')], at('2026-06-03T10:00:00Z'), 2)).toMatchObject([
      { last: undefined, next: [] },
    ]);
  });
});

test('how far schedules were followed is read as it was written, by an earlier version too', () => {
  const followed = new Map([
    ['a', { checkedAt: 1 }],
    ['b', { checkedAt: 2, missed: { times: 3, since: 4, noticedAt: 5 } }],
  ]);
  expect(readFollowed(followedText(followed))).toEqual(followed);
  expect(readFollowed('[["a",1],["x"],7]')).toEqual(new Map([['a', { checkedAt: 1 }]]));
  expect(readFollowed(undefined).size).toBe(0);
});
