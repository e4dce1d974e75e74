/**
 * Decides which backups of one server are released: history and rules in, one verdict per backup out. Pure.
 *
 * Promises: a backup that any rule keeps stays; without rules everything stays. Locked, busy and incomplete backups and the
 * newest good one are never released.
 */
import { DAY_MS } from '../base/clock.ts';

/** Facts of a backup that the rules use. Times are milliseconds since the Unix epoch. */
export interface RetentionItem {
  readonly createdAt: number;
  readonly status: 'IN_PROGRESS' | 'COMPLETED' | 'FAILED';
  readonly locked: boolean;
  /** A verification found its archive damaged. */
  readonly damaged: boolean;
  /** A job on it is queued or running. */
  readonly busy: boolean;
}

/** The number each rule keeps; 0 turns the rule off. */
export interface RetentionRules {
  readonly keepLast: number;
  readonly keepDays: number;
  readonly keepDaily: number;
  readonly keepWeekly: number;
  readonly keepMonthly: number;
}

export type KeepReason =
  'no_rules' | 'not_completed' | 'locked' | 'busy' | 'newest_good' | 'last' | 'days' | 'daily' | 'weekly' | 'monthly';

export interface RetentionVerdict<Item> {
  readonly item: Item;
  /** Reasons to keep it; empty means released. */
  readonly reasons: readonly KeepReason[];
}

/** 1 January 1970 was a Thursday; ISO weeks begin on Mondays. */
const THURSDAY = 3;

type Rule = readonly [reason: KeepReason, keeps: (items: readonly RetentionItem[]) => readonly RetentionItem[]];

/**
 * Gives each item a verdict, in the given order.
 *
 * Locked backups do not count towards a rule. Nor do damaged ones; they stay as long as they would if undamaged, since part
 * of their content may be recoverable. Days, weeks and months are in UTC.
 *
 * @param history newest first.
 */
export function judgeRetention<Item extends RetentionItem>(
  history: readonly Item[],
  rules: RetentionRules,
  now: number,
): readonly RetentionVerdict<Item>[] {
  const used = rulesInUse(rules, now);
  if (used.length === 0) return history.map((item) => ({ item, reasons: ['no_rules'] }));
  const counted = history.filter(({ status, locked }) => status === 'COMPLETED' && !locked);
  const good = counted.filter(({ damaged }) => !damaged);
  const newestGood = history.find(({ status, damaged }) => status === 'COMPLETED' && !damaged);
  const keptBy = used.map(([reason, keeps]) => {
    const kept = new Set<RetentionItem>(keeps(good));
    for (const item of keeps(counted)) if (item.damaged) kept.add(item);
    return { reason, kept };
  });
  return history.map((item) => ({
    item,
    reasons: [
      ...protections(item, item === newestGood),
      ...keptBy.filter(({ kept }) => kept.has(item)).map(({ reason }) => reason),
    ],
  }));
}

function protections(item: RetentionItem, newestGood: boolean): KeepReason[] {
  const reasons: KeepReason[] = [];
  if (item.status !== 'COMPLETED') reasons.push('not_completed');
  if (item.locked) reasons.push('locked');
  if (item.busy) reasons.push('busy');
  if (newestGood) reasons.push('newest_good');
  return reasons;
}

function rulesInUse(rules: RetentionRules, now: number): Rule[] {
  const { keepLast, keepDays, keepDaily, keepWeekly, keepMonthly } = rules;
  const used: Rule[] = [];
  if (keepLast > 0) used.push(['last', (items) => items.slice(0, keepLast)]);
  if (keepDays > 0) {
    const since = now - keepDays * DAY_MS;
    used.push(['days', (items) => items.filter(({ createdAt }) => createdAt >= since)]);
  }
  if (keepDaily > 0) used.push(['daily', newestOfEach(dayOf, keepDaily)]);
  if (keepWeekly > 0) used.push(['weekly', newestOfEach((at) => Math.floor((dayOf(at) + THURSDAY) / 7), keepWeekly)]);
  if (keepMonthly > 0) used.push(['monthly', newestOfEach(monthOf, keepMonthly)]);
  return used;
}

/** The newest item of each period that has any, so a pause in backups does not use up the rule. */
function newestOfEach(periodOf: (at: number) => number, periods: number): Rule[1] {
  return (items) => {
    const newest = new Map<number, RetentionItem>();
    for (const item of items) {
      const period = periodOf(item.createdAt);
      if (newest.has(period)) continue;
      if (newest.size === periods) break;
      newest.set(period, item);
    }
    return Array.from(newest.values());
  };
}

function dayOf(at: number): number {
  return Math.floor(at / DAY_MS);
}

function monthOf(at: number): number {
  const date = new Date(at);
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
}
