import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { judgeRetention, type RetentionItem, type RetentionRules } from '../../src/policy/retention.ts';

const DAY = 86_400_000;
/** A Wednesday. */
const NOW = Date.UTC(2026, 2, 18, 12);
const NONE: RetentionRules = { keepLast: 0, keepDays: 0, keepDaily: 0, keepWeekly: 0, keepMonthly: 0 };

function backup(daysAgo: number, change: Partial<RetentionItem> = {}): RetentionItem {
  return { createdAt: NOW - daysAgo * DAY, status: 'COMPLETED', locked: false, damaged: false, busy: false, ...change };
}

/** Places in the history that are let go. */
function gone(history: readonly RetentionItem[], rules: Partial<RetentionRules>, now = NOW): number[] {
  const verdicts = judgeRetention(history, { ...NONE, ...rules }, now);
  return verdicts.flatMap(({ reasons }, at) => (reasons.length === 0 ? [at] : []));
}

describe('what each rule keeps', () => {
  test('nothing is let go without a rule', () => {
    expect(gone([backup(0), backup(1000)], {})).toEqual([]);
    expect(judgeRetention([backup(0)], NONE, NOW).map(({ reasons }) => reasons)).toEqual([['no_rules']]);
  });

  test('keep_last keeps so many of the newest', () => {
    expect(gone([backup(0), backup(1), backup(2), backup(3)], { keepLast: 2 })).toEqual([2, 3]);
  });

  test('keep_days keeps what is that old to the millisecond, and lets the next one go', () => {
    const history = [backup(0), backup(7), { ...backup(7), createdAt: NOW - 7 * DAY - 1 }];
    expect(gone(history, { keepDays: 7 })).toEqual([2]);
  });

  test('keep_daily keeps the newest of each day that has one, however long the pause between them', () => {
    expect(gone([backup(0), backup(0.1), backup(90), backup(90.1), backup(91)], { keepDaily: 2 })).toEqual([1, 3, 4]);
  });

  test('weeks begin on Monday: Sunday and Monday are of two weeks', () => {
    expect(gone([backup(2), backup(3), backup(9), backup(10)], { keepWeekly: 3 })).toEqual([2]);
  });

  test('keep_monthly tells the same month of two years apart', () => {
    expect(gone([backup(0), backup(365), backup(366)], { keepMonthly: 2 })).toEqual([2]);
  });

  test('what one rule lets go another may keep, and the reasons name it', () => {
    const history = [backup(0), backup(1), backup(40)];
    const verdicts = judgeRetention(history, { ...NONE, keepLast: 1, keepMonthly: 2 }, NOW);
    expect(verdicts.map(({ reasons }) => reasons)).toEqual([['newest_good', 'last', 'monthly'], [], ['monthly']]);
  });
});

describe('what is never let go', () => {
  test('a locked backup, which takes no place of the others', () => {
    expect(gone([backup(0, { locked: true }), backup(1), backup(2), backup(3)], { keepLast: 2 })).toEqual([3]);
  });

  test('one that a job works on, one that is being made, and one that failed', () => {
    const history = [
      backup(0, { status: 'IN_PROGRESS', busy: true }),
      backup(1),
      backup(2, { busy: true }),
      backup(3, { status: 'FAILED' }),
      backup(4),
    ];
    expect(gone(history, { keepLast: 1 })).toEqual([4]);
  });

  test('the newest good one, also when the clock has leapt years ahead', () => {
    expect(gone([backup(0), backup(1)], { keepDays: 1 }, NOW + 5000 * DAY)).toEqual([1]);
  });

  test('a damaged backup takes no place from a good one, and goes when it would have gone whole', () => {
    const history = [backup(0, { damaged: true }), backup(1), backup(2), backup(3, { damaged: true })];
    expect(gone(history, { keepLast: 2 })).toEqual([3]);
  });
});

describe('any history', () => {
  test('is judged as an oracle judges it that looks at one backup at a time', () => {
    fc.assert(
      fc.property(histories, rules, (history, some) => {
        const expected = history.flatMap((_, at) => (oracleKeeps(history, at, some) ? [] : [at]));
        expect(gone(history, some)).toEqual(expected);
      }),
      { numRuns: 10_000, seed: 20260318 },
    );
  });

  test('judged again after what goes is gone loses nothing more', () => {
    fc.assert(
      fc.property(histories, rules, (history, some) => {
        const leaving = new Set(gone(history, some));
        expect(
          gone(
            history.filter((_, at) => !leaving.has(at)),
            some,
          ),
        ).toEqual([]);
      }),
      { numRuns: 1000, seed: 4 },
    );
  });
});

const item = fc.record({
  createdAt: fc.integer({ min: 0, max: 120 * 24 }).map((hours) => NOW - hours * 3_600_000),
  status: fc.constantFrom<RetentionItem['status']>('COMPLETED', 'COMPLETED', 'COMPLETED', 'FAILED', 'IN_PROGRESS'),
  locked: fc.constantFrom(false, false, false, true),
  damaged: fc.constantFrom(false, false, false, true),
  busy: fc.constantFrom(false, false, false, true),
});

const histories = fc
  .array(item, { maxLength: 24 })
  .map((items) => items.sort((one, other) => other.createdAt - one.createdAt));

const few = fc.integer({ min: 0, max: 5 });
const rules = fc.record({ keepLast: few, keepDays: few, keepDaily: few, keepWeekly: few, keepMonthly: few });

/** Names a period as people write it, by the calendar and not by arithmetic on days. */
const PERIODS = {
  keepDaily: (at: number) => new Date(at).toISOString().slice(0, 10),
  keepMonthly: (at: number) => new Date(at).toISOString().slice(0, 7),
  keepWeekly(at: number) {
    const monday = new Date(at);
    while (monday.getUTCDay() !== 1) monday.setUTCDate(monday.getUTCDate() - 1);
    return monday.toISOString().slice(0, 10);
  },
};

function oracleKeeps(history: readonly RetentionItem[], at: number, some: RetentionRules): boolean {
  const mine = history[at];
  if (mine === undefined || Object.values(some).every((count) => count === 0)) return true;
  if (mine.locked || mine.busy || mine.status !== 'COMPLETED') return true;
  if (!mine.damaged && history.findIndex((other) => other.status === 'COMPLETED' && !other.damaged) === at) return true;
  // Those that stand before it in the line for a place; a good one does not see the damaged ones.
  const before = history.filter(
    (other, place) => place < at && other.status === 'COMPLETED' && !other.locked && (mine.damaged || !other.damaged),
  );
  if (before.length < some.keepLast) return true;
  if (some.keepDays > 0 && NOW - mine.createdAt <= some.keepDays * DAY) return true;
  return (['keepDaily', 'keepWeekly', 'keepMonthly'] as const).some((rule) => {
    const earlier = new Set(before.map(({ createdAt }) => PERIODS[rule](createdAt)));
    return !earlier.has(PERIODS[rule](mine.createdAt)) && earlier.size < some[rule];
  });
}
