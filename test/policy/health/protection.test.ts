import { describe, expect, test } from 'vitest';
import { DAY_MS, HOUR_MS } from '../../../src/base/clock.ts';
import { checkProtection } from '../../../src/policy/health/protected.ts';
import { judgeProtection, type ProtectionItem, ScheduleTimes } from '../../../src/policy/health/protection.ts';

/** A Wednesday. */
const NOON = Date.UTC(2026, 0, 14, 12);
const NIGHTLY = { server: '*', cron: '0 4 * * *', timezone: 'UTC' };
const HOURLY = { server: '*', cron: '0 * * * *', timezone: 'UTC' };

let sequence = 0;
function made(hoursAgo: number, change: Partial<ProtectionItem> = {}): ProtectionItem {
  return { status: 'COMPLETED', damaged: false, createdAt: NOON - hoursAgo * HOUR_MS, sequence: ++sequence, ...change };
}
const failure = { code: 'insufficient_storage', message: 'No room', hint: 'Free some.' };

function stateOf(history: readonly ProtectionItem[], schedules = [NIGHTLY], now = NOON, since?: number): string {
  return judgeProtection(history, new ScheduleTimes(schedules, now).of('a'), now, since).state;
}

describe('a server is', () => {
  test('protected while its last good backup is younger than the schedule’s last time', () => {
    expect(stateOf([made(7.9)])).toBe('ok');
    expect(stateOf([made(2)])).toBe('ok');
  });

  test('overdue once a time has passed without a good backup, also when it failed, is damaged or suspect', () => {
    expect(stateOf([made(32)])).toBe('overdue');
    expect(stateOf([made(32), made(8, { status: 'FAILED', failure })])).toBe('overdue');
    expect(stateOf([made(32), made(8, { damaged: true })])).toBe('overdue');
    expect(stateOf([made(32), made(8, { suspect: true })])).toBe('overdue');
  });

  test('given time for the backup to wait and run: half of the interval, six hours at most', () => {
    const night = NOON - 8 * HOUR_MS;
    expect(stateOf([made(32)], [NIGHTLY], night + 5.9 * HOUR_MS)).toBe('ok');
    expect(stateOf([made(32)], [NIGHTLY], night + 6 * HOUR_MS)).toBe('overdue');
    expect(stateOf([made(1)], [HOURLY], NOON + 29 * 60_000)).toBe('ok');
    expect(stateOf([made(1)], [HOURLY], NOON + 31 * 60_000)).toBe('overdue');
  });

  test('overdue under a frequent schedule whose latest times are all within their grace', () => {
    const often = { server: '*', cron: '*/5 * * * *', timezone: 'UTC' };
    expect(stateOf([made(0.2)], [often])).toBe('ok');
    expect(stateOf([made(2)], [often])).toBe('overdue');
  });

  test('never backed up, and overdue for it only from the first time that passed since it is known', () => {
    expect(stateOf([])).toBe('never');
    expect(stateOf([], [NIGHTLY], NOON, NOON - HOUR_MS)).toBe('never');
    expect(stateOf([], [NIGHTLY], NOON, NOON - DAY_MS)).toBe('overdue');
  });

  test('without a schedule where none names it', () => {
    expect(stateOf([made(1)], [{ ...NIGHTLY, server: 'b' }])).toBe('unscheduled');
    expect(stateOf([made(1)], [])).toBe('unscheduled');
  });

  test('judged by the strictest of its schedules, in their own time zones', () => {
    expect(stateOf([made(3)], [NIGHTLY, HOURLY])).toBe('overdue');
    const tokyo = { server: 'a', cron: '0 4 * * *', timezone: 'Asia/Tokyo' };
    expect(new ScheduleTimes([tokyo], NOON).of('a')).toEqual({
      dueAt: NOON - 17 * HOUR_MS,
      nextAt: NOON + 7 * HOUR_MS,
    });
  });

  test('not failing for a cancelled backup, nor for a failure before a good one', () => {
    const times = new ScheduleTimes([NIGHTLY], NOON).of('a');
    const good = made(5);
    const failed = made(3, { status: 'FAILED', failure });
    expect(judgeProtection([good, failed], times, NOON).lastFailure).toBe(failed);
    expect(judgeProtection([failed, made(2)], times, NOON).lastFailure).toBeUndefined();
    expect(judgeProtection([made(5), made(1, { status: 'FAILED' })], times, NOON).lastFailure).toBeUndefined();
  });

  test('not protected by a backup from the future', () => {
    expect(stateOf([made(32), made(-48)])).toBe('overdue');
  });
});

describe('the doctor on protection', () => {
  const about = { servers: ['a'], schedules: [NIGHTLY], panel: false };
  const told = (change: Partial<Parameters<typeof checkProtection>[0]>) =>
    checkProtection({ ...about, histories: new Map(), ...change }, NOON).map(
      ({ level, message, hint }) => `${level}: ${message}${hint === undefined ? '' : ` | ${hint}`}`,
    );

  test('tells how long a server is overdue, why its last backup failed, and that failure’s remedy', () => {
    const histories = new Map([['a', [made(56), made(8, { status: 'FAILED', failure })]]]);
    expect(told({ histories })).toEqual([
      'fault: 1 server is overdue, a scheduled time passed without a good backup: a (last good backup 2 days ago: insufficient_storage: No room) | Free some.',
    ]);
  });

  test('warns of a backup that failed after a good one, of servers without one, and of servers without a schedule', () => {
    expect(told({ histories: new Map([['a', [made(3), made(1, { status: 'FAILED', failure })]]]) })).toEqual([
      'warning: The last backup of 1 server failed: a: insufficient_storage: No room | Free some.',
    ]);
    expect(told({})).toEqual([
      'warning: 1 server has no good backup yet, the first comes at 2026-01-15T04:00:00.000Z: a | "roost backup create a" makes one now.',
    ]);
    expect(told({ schedules: [] })[0]).toMatch(/^warning: 1 server has no schedule and no good backup: a \|/);
    expect(told({ schedules: [], servers: ['a', 'b'], histories: new Map([['b', [made(3)]]]) })).toEqual([
      expect.stringMatching(/^warning: 2 servers have no schedule, 1 of them without a good backup: a, b \| Such as/),
    ]);
  });

  test('says that all is well of one server as of several', () => {
    expect(told({ histories: new Map([['a', [made(3)]]]) })).toEqual([
      'ok: 1 of 1 server has a good backup, none is overdue',
    ]);
    const histories = new Map(['a', 'b'].map((server) => [server, [made(3)]]));
    expect(told({ servers: ['a', 'b'], histories })).toEqual([
      'ok: 2 of 2 servers have a good backup, none is overdue',
    ]);
  });

  test('says nothing of schedules where a panel has its own, and names five servers at most', () => {
    expect(told({ schedules: [], panel: true })[0]).toMatch(/^ok: 0 of 1 server have/);
    expect(told({ servers: ['a', 'b', 'c', 'd', 'e', 'f', 'g'] })[0]).toContain(': a, b, c, d, e, … |');
  });
});
