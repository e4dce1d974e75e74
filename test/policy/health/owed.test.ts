import { describe, expect, test } from 'vitest';
import { checkCopies, checkReports, type OwedReports } from '../../../src/policy/health/owed.ts';
import { StillClock } from '../../support/still-clock.ts';

describe('the doctor on reports to a panel', () => {
  const clock = new StillClock();
  const HOUR = 3_600_000;

  function findings(deliveries: OwedReports, hasPanel = true): unknown {
    return checkReports(hasPanel, deliveries, clock.now()).map(({ level, message }) => `${level}: ${message}`);
  }

  test('says what the panel refused, and what has waited for long', () => {
    expect(findings({ pending: 0, parked: 0, oldest: null, reason: null })).toEqual([
      'ok: The panel has been told everything',
    ]);
    const recent = { pending: 2, parked: 0, oldest: clock.now() - HOUR / 2, reason: 'away' };
    expect(findings(recent)).toEqual(['ok: The panel is owed 2 reports']);
    expect(findings({ ...recent, oldest: clock.now() - 2 * HOUR })).toEqual([
      'warning: The panel is owed 2 reports, the first since 2025-12-31T22:00:00.000Z: away',
    ]);
    expect(findings({ ...recent, parked: 1, reason: '404' })).toEqual(['warning: The panel refused a report: 404']);
  });

  test('says that the panel took nothing when it was asked last, unless what waits says so already', () => {
    const away = { message: 'it is away', hint: 'Check panel.url.' };
    const owed = { pending: 2, parked: 0, oldest: clock.now() - HOUR / 2, reason: 'away' };
    const { level, message, hint } = checkReports(true, owed, clock.now(), away)[0] ?? {};
    expect([level, message, hint]).toEqual([
      'warning',
      'The panel took nothing when it was asked last: it is away',
      'Check panel.url.',
    ]);
    const late = checkReports(true, { ...owed, oldest: clock.now() - 2 * HOUR }, clock.now(), away);
    expect(late.map((found) => found.message)).toEqual([expect.stringMatching(/^The panel is owed 2 reports/)]);
  });

  test('says nothing on a node without a panel, unless one is still owed something', () => {
    const nothing = { pending: 0, parked: 0, oldest: null, reason: null };
    expect(findings(nothing, false)).toEqual([]);
    expect(findings({ ...nothing, parked: 1 }, false)).toHaveLength(1);
  });
});

test.each([
  [1, '1 copy in further stores could not be made'],
  [2, '2 copies in further stores could not be made'],
])('the doctor on %i failed copies', (failedCopies, message) => {
  expect(checkCopies({ failedCopies })).toMatchObject([{ level: 'warning', message }]);
});
