/**
 * Decides which backups of one server are released: history and rules in, one verdict per backup out. Pure.
 *
 * Promises: a backup that any rule keeps stays; without rules everything stays. Locked, busy and incomplete backups, the
 * newest good one and the one made last are never released. "Newest" goes by the order of making (order.ts), not by the
 * clock.
 */
import { DAY_MS } from '../base/clock.ts';
import { datesOf, isFuture, type Made, newestFirst } from './order.ts';

/** Facts of a backup that the rules use. Times are milliseconds since the Unix epoch. */
export interface RetentionItem extends Made {
  readonly status: 'IN_PROGRESS' | 'COMPLETED' | 'FAILED';
  readonly locked: boolean;
  /** A verification found its archive damaged. */
  readonly damaged: boolean;
  /** It lost more than is plausible, and was not accepted. */
  readonly suspect?: boolean;
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
  | 'no_rules'
  | 'not_completed'
  | 'locked'
  | 'busy'
  | 'newest_good'
  | 'newest'
  | 'future_dated'
  | 'last'
  | 'days'
  | 'daily'
  | 'weekly'
  | 'monthly';

export interface RetentionVerdict<Item> {
  readonly item: Item;
  /** Reasons to keep it; empty means released. */
  readonly reasons: readonly KeepReason[];
}

/** 1 January 1970 was a Thursday; ISO weeks begin on Mondays. */
const THURSDAY = 3;

/** A backup in the line of a rule; `item` is undefined for the one that is about to be made. */
interface Place {
  readonly item: RetentionItem | undefined;
  readonly at: number;
  readonly rank: (typeof RANKS)[number];
}

/** Each is judged among those of its own rank and the ranks before: 0 good, 1 good but future-dated, 2 damaged or suspect. */
const RANKS = [0, 1, 2] as const;

type Rule = readonly [reason: KeepReason, keeps: (places: readonly Place[]) => readonly Place[]];

/**
 * Gives each item a verdict, in the given order.
 *
 * Locked backups do not count towards a rule. Nor do damaged, suspect and future-dated ones; they stay as long as they would
 * if they counted, since their content may be what is needed. A future-dated one without a place in the order of making
 * stays until its date. Days, weeks and months are in UTC.
 *
 * @param now the believable time.
 * @param coming true to judge as if a good backup was completed now besides: what makes room for it.
 */
export function judgeRetention<Item extends RetentionItem>(
  history: readonly Item[],
  rules: RetentionRules,
  now: number,
  coming = false,
): readonly RetentionVerdict<Item>[] {
  const used = rulesInUse(rules, now);
  if (used.length === 0) return history.map((item) => ({ item, reasons: ['no_rules'] }));
  const order = newestFirst(history).filter(({ status }) => status === 'COMPLETED');
  const dates = datesOf(order, now);
  const places = order
    .filter((item) => !item.locked && !isUnplaced(item, now))
    .map((item): Place => ({
      item,
      at: dates.get(item) ?? item.createdAt,
      rank: rankOf(item, now),
    }));
  if (coming) places.unshift({ item: undefined, at: now, rank: 0 });
  const keptBy = used.map(([reason, keeps]) => ({ reason, kept: keptPlaces(places, keeps) }));
  const spared = sparedOf(order, now);
  return history.map((item) => ({
    item,
    reasons: [
      ...protections(item, spared, now),
      ...keptBy.filter(({ kept }) => kept.has(item)).map(({ reason }) => reason),
    ],
  }));
}

/**
 * How many backups one run may remove: at most half of what the server has, rounded up. So a wrong rule or a wrong clock
 * cannot remove the whole history at once.
 */
export function mostRemovals(verdicts: readonly RetentionVerdict<RetentionItem>[]): number {
  return Math.ceil(verdicts.filter(({ item }) => item.status === 'COMPLETED').length / 2);
}

/** All that is released, oldest first. */
export function releasedOf<Item extends RetentionItem>(verdicts: readonly RetentionVerdict<Item>[]): Item[] {
  return newestFirst(verdicts.filter(({ reasons }) => reasons.length === 0).map(({ item }) => item)).reverse();
}

/** Its archive is whole and plausible. */
function isGood({ damaged, suspect = false }: RetentionItem): boolean {
  return !damaged && !suspect;
}

function rankOf(item: RetentionItem, now: number): Place['rank'] {
  if (!isGood(item)) return 2;
  return isFuture(item, now) ? 1 : 0;
}

/** Neither its date nor the order of making says when it was made. */
function isUnplaced(item: RetentionItem, now: number): boolean {
  return isFuture(item, now) && (item.sequence ?? 0) === 0;
}

function keptPlaces(places: readonly Place[], keeps: Rule[1]): ReadonlySet<RetentionItem | undefined> {
  const kept = RANKS.map((rank) =>
    keeps(places.filter((place) => place.rank <= rank)).filter((place) => place.rank === rank),
  );
  return new Set(kept.flat().map(({ item }) => item));
}

/**
 * Backups that no rule may release: the one made last, the last good one, and the last good one whose date is not in the
 * future.
 */
function sparedOf(order: readonly RetentionItem[], now: number): ReadonlyMap<RetentionItem, KeepReason> {
  const spared = new Map<RetentionItem, KeepReason>();
  const last = order.find((item) => !item.damaged);
  const good = [order.find(isGood), order.find((item) => isGood(item) && !isFuture(item, now))];
  if (last !== undefined) spared.set(last, 'newest');
  for (const item of good) if (item !== undefined) spared.set(item, 'newest_good');
  return spared;
}

function protections(item: RetentionItem, spared: ReadonlyMap<RetentionItem, KeepReason>, now: number): KeepReason[] {
  const reasons: KeepReason[] = [];
  if (item.status !== 'COMPLETED') reasons.push('not_completed');
  if (item.locked) reasons.push('locked');
  if (item.busy) reasons.push('busy');
  const newest = spared.get(item);
  if (newest !== undefined) reasons.push(newest);
  if (item.status === 'COMPLETED' && isUnplaced(item, now)) reasons.push('future_dated');
  return reasons;
}

function rulesInUse(rules: RetentionRules, now: number): Rule[] {
  const { keepLast, keepDays, keepDaily, keepWeekly, keepMonthly } = rules;
  const used: Rule[] = [];
  if (keepLast > 0) used.push(['last', (places) => places.slice(0, keepLast)]);
  if (keepDays > 0) {
    const since = now - keepDays * DAY_MS;
    used.push(['days', (places) => places.filter(({ at }) => at >= since)]);
  }
  if (keepDaily > 0) used.push(['daily', newestOfEach(dayOf, keepDaily)]);
  if (keepWeekly > 0) used.push(['weekly', newestOfEach((at) => Math.floor((dayOf(at) + THURSDAY) / 7), keepWeekly)]);
  if (keepMonthly > 0) used.push(['monthly', newestOfEach(monthOf, keepMonthly)]);
  return used;
}

/** The newest item of each period that has any, so a pause in backups does not use up the rule. */
function newestOfEach(periodOf: (at: number) => number, periods: number): Rule[1] {
  return (places) => {
    const newest = new Map<number, Place>();
    for (const place of places) {
      const period = periodOf(place.at);
      if (newest.has(period)) continue;
      if (newest.size === periods) break;
      newest.set(period, place);
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
