import { describe, expect, test } from 'vitest';
import type { ServerId } from '../../../src/base/ids.ts';
import type { ScheduleConfig } from '../../../src/config/types.ts';
import { followedText, readFollowed, ScheduleTimes } from '../../../src/jobs/look/schedule-times.ts';
import { serverId } from '../../support/node.ts';

const HOUR = 3_600_000;

function schedule(cron: string, change: Partial<ScheduleConfig> = {}): ScheduleConfig {
  return { server: '*', cron, timezone: 'Europe/Berlin', missed: 'skip', ignore: [], ...change };
}

const at = (text: string): number => Date.parse(text);
const stepHours = (crons: readonly string[], now: string, server: ServerId = serverId(1)): number | undefined => {
  const found = new ScheduleTimes(crons.map((cron) => schedule(cron))).of(server, at(now));
  return found === undefined ? undefined : found.step / HOUR;
};

describe('times of schedules', () => {
  test('keep the hour of their zone when the clock changes', () => {
    const [found] = new ScheduleTimes([schedule('0 4 * * *')]).all(at('2026-03-27T12:00:00Z'), 3);
    expect(found?.next.map((time) => new Date(time).toISOString())).toEqual([
      '2026-03-28T03:00:00.000Z',
      '2026-03-29T02:00:00.000Z',
      '2026-03-30T02:00:00.000Z',
    ]);
    expect(found?.last).toBe(at('2026-03-27T03:00:00Z'));
  });

  test('count one that is now as come', () => {
    const times = new ScheduleTimes([schedule('0 4 * * *')]);
    expect(times.all(at('2026-06-01T01:59:59Z'), 1)[0]?.last).toBe(at('2026-05-31T02:00:00Z'));
    expect(times.all(at('2026-06-01T02:00:00Z'), 1)[0]).toMatchObject({
      last: at('2026-06-01T02:00:00Z'),
      next: [at('2026-06-02T02:00:00Z')],
    });
  });

  test('allow the longest step around an instant, and of several schedules the one that comes most often', () => {
    expect(stepHours(['0 4 * * *'], '2026-06-03T10:00:00Z')).toBe(24);
    expect(stepHours(['0 4 * * *', '0 5 * * 0'], '2026-06-03T10:00:00Z')).toBe(24);
    expect(stepHours(['0 4 * * 1-5'], '2026-06-07T10:00:00Z')).toBe(72);
    expect(stepHours(['0 9-17 * * *'], '2026-06-03T07:30:00Z'), 'right after the night').toBe(16);
    expect(stepHours(['0 9-17 * * *'], '2026-06-03T10:30:00Z')).toBe(1);
  });

  test('belong to their servers', () => {
    const times = new ScheduleTimes([schedule('0 4 * * *', { server: serverId(1) })]);
    expect(times.of(serverId(1), at('2026-06-03T10:00:00Z'))?.next).toBe(at('2026-06-04T02:00:00Z'));
    expect(times.of(serverId(2), at('2026-06-03T10:00:00Z'))).toBeUndefined();
  });

  test('that never come plan nothing', () => {
    expect(stepHours(['0 0 31 2 *'], '2026-06-03T10:00:00Z')).toBeUndefined();
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
