/**
 * Random lives of a server's backups against an oracle: nights that succeed, fail, are suspect or are refused, clocks that
 * jump, backups that are adopted, locked, accepted or found damaged. The oracle looks at one backup at a time, by the
 * calendar, and knows nothing of how the rules are computed.
 */
import { expect } from 'vitest';
import {
  judgeRetention,
  mostRemovals,
  releasedOf,
  type RetentionItem,
  type RetentionRules,
} from '../../src/policy/retention.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const START = Date.UTC(2026, 2, 18, 12);
const NIGHTS = 16;

type Item = { -readonly [Key in keyof RetentionItem]-?: RetentionItem[Key] };

interface Life {
  readonly rules: RetentionRules;
  readonly perServer: number;
  readonly pick: (count: number) => number;
  items: Item[];
  /** The real time, and how far the wall clock is from it. */
  now: number;
  wrong: number;
  /** While a jump is in doubt, the time that is believed. */
  doubt: number | null;
  /** True until a clock was wrong: until then every date is right. */
  clean: boolean;
}

export interface Seen {
  removed: number;
  refused: number;
  freed: number;
  suspect: number;
  jumps: number;
}

/** Fails with the seed of the life that breaks a promise. */
export function liveThrough(lives: number, firstSeed: number): Seen {
  const seen: Seen = { removed: 0, refused: 0, freed: 0, suspect: 0, jumps: 0 };
  for (let seed = firstSeed; seed < firstSeed + lives; seed++) {
    try {
      liveOnce(seed, seen);
    } catch (error) {
      throw new Error(`life ${seed}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    }
  }
  return seen;
}

function liveOnce(seed: number, seen: Seen): void {
  const pick = picksOf(seed);
  const some = (): number => Math.max(0, pick(7) - 2);
  const rules = { keepLast: some(), keepDays: some(), keepDaily: some(), keepWeekly: some(), keepMonthly: some() };
  const perServer = pick(3) === 0 ? 0 : 1 + pick(6);
  const life: Life = { rules, perServer, pick, items: [], now: START, wrong: 0, doubt: null, clean: true };
  for (let night = 0; night < NIGHTS; night++) {
    life.now += HOUR * (4 + pick(40)) + pick(HOUR);
    clock(life, seen);
    happen(life);
    backUp(life, seen);
  }
}

function clock(life: Life, seen: Seen): void {
  // A jump of the night before has held for an hour, or was taken back.
  if (life.doubt !== null) {
    if (life.pick(2) === 0) life.wrong = 0;
    life.doubt = null;
  } else if (life.pick(10) === 0) {
    life.doubt = life.wrong;
    life.wrong = (life.pick(2) === 0 ? 1 : -1) * (4 * HOUR + life.pick(400) * DAY);
    life.clean = false;
    seen.jumps++;
  }
}

function happen({ items, pick, now, clean }: Life): void {
  const one = items[pick(Math.max(1, items.length))];
  const event = pick(10);
  if (event === 0) {
    const createdAt = pick(3) === 0 ? now + 300 * DAY + pick(DAY) : now - pick(90 * DAY);
    items.push({ ...EMPTY, createdAt, sequence: 0 });
  } else if (one === undefined || one.status !== 'COMPLETED') return;
  else if (event === 1) one.damaged = true;
  else if (event === 2) one.locked = !one.locked;
  else if (event === 3) one.suspect = false;
  else if (event === 4 && clean) one.busy = !one.busy;
}

function backUp(life: Life, seen: Seen): void {
  const { pick, perServer } = life;
  if (isFull(life)) {
    if (life.doubt === null) makeRoom(life);
    if (isFull(life)) return void seen.refused++;
    seen.freed++;
  }
  const sequence = 1 + Math.max(0, ...life.items.map((item) => item.sequence));
  const made: Item = { ...EMPTY, createdAt: life.now + life.wrong, sequence };
  const end = pick(6);
  if (end === 0) made.status = 'FAILED';
  if (end === 1) made.suspect = true;
  if (made.suspect) seen.suspect++;
  life.items.push(made);
  if (made.status === 'FAILED' || life.doubt !== null) return;
  const before = life.items.length;
  const all = pick(3) === 0;
  prune(life, false, all ? Infinity : undefined);
  seen.removed += before - life.items.length;
  expect(life.items, 'what was just made stays').toContain(made);
  if (all && life.clean && perServer === 0) {
    for (const item of life.items) expect(oracleKeeps(item, life, false), 'all that no rule keeps is gone').toBe(true);
  }
}

/** As a create does before it refuses. */
function makeRoom(life: Life): void {
  for (const coming of [false, true]) prune(life, coming, undefined);
  if (!isFull(life) || !life.clean) return;
  // Bounded runs may leave some; what is left then must be in fewer runs than there are backups.
  for (let run = 0; run < 10 && isFull(life); run++) prune(life, true, undefined);
  if (!isFull(life)) return;
  for (const item of life.items)
    expect(oracleKeeps(item, life, true), 'room is made where the rules allow it').toBe(true);
}

function prune(life: Life, coming: boolean, most: number | undefined): void {
  const verdicts = judgeRetention(life.items, life.rules, believed(life), coming);
  const bound = most ?? mostRemovals(verdicts);
  if (most === undefined) expect(bound).toBe(Math.ceil(life.items.filter(isCompleted).length / 2));
  for (const item of releasedOf(verdicts).slice(0, bound)) {
    if (coming && !isFull(life)) return;
    remove(item, life, coming);
  }
}

function remove(item: Item, life: Life, coming: boolean): void {
  const { items, clean, rules } = life;
  expect(item.status).toBe('COMPLETED');
  expect([item.locked, item.busy]).toEqual([false, false]);
  expect(item, 'the last good one stays').not.toBe(latest(items.filter(isGood)));
  expect(item, 'the one made last stays').not.toBe(
    latest(items.filter((other) => isCompleted(other) && !other.damaged)),
  );
  if (isGood(item) && item.sequence > 0) {
    // Whatever the dates say: so many good ones that were made later are there.
    const later = items.filter((other) => isGood(other) && !other.locked && isLater(other, item)).length;
    expect(later + Number(coming), 'keep_last counts good ones only').toBeGreaterThanOrEqual(rules.keepLast);
  }
  if (clean) expect(oracleKeeps(item, life, coming), 'no rule keeps what goes').toBe(false);
  life.items = items.filter((other) => other !== item);
}

function isFull({ items, perServer }: Life): boolean {
  const kept = items.filter(({ status }) => status !== 'FAILED');
  const suspect = kept.filter((item) => item.suspect).length;
  return perServer > 0 && Math.max(kept.length - suspect, suspect) >= perServer;
}

function believed({ now, wrong, doubt }: Life): number {
  return now + (doubt ?? wrong);
}

const EMPTY = { status: 'COMPLETED', locked: false, damaged: false, suspect: false, busy: false } as const;

function isCompleted({ status }: Item): boolean {
  return status === 'COMPLETED';
}

function isGood(item: Item): boolean {
  return isCompleted(item) && !item.damaged && !item.suspect;
}

function isLater(one: Item, other: Item): boolean {
  return one.sequence === other.sequence ? one.createdAt > other.createdAt : one.sequence > other.sequence;
}

function latest(items: readonly Item[]): Item | undefined {
  return items.reduce<Item | undefined>(
    (last, item) => (last === undefined || isLater(item, last) ? item : last),
    undefined,
  );
}

/** Names a period as people write it. */
const PERIODS = {
  keepDaily: (at: number) => new Date(at).toISOString().slice(0, 10),
  keepMonthly: (at: number) => new Date(at).toISOString().slice(0, 7),
  keepWeekly(at: number) {
    const monday = new Date(at);
    monday.setUTCDate(monday.getUTCDate() - ((monday.getUTCDay() + 6) % 7));
    return monday.toISOString().slice(0, 10);
  },
};

/** Of lives whose clock was never wrong. */
function oracleKeeps(mine: Item, life: Life, coming: boolean): boolean {
  const { items, rules, now } = life;
  if (Object.values(rules).every((count) => count === 0)) return true;
  if (mine.locked || mine.busy || mine.status !== 'COMPLETED') return true;
  const ahead = (item: Item): boolean => item.createdAt > now + DAY;
  if (ahead(mine)) return true;
  if (mine === latest(items.filter(isGood)) || mine === latest(items.filter((item) => isGood(item) && !ahead(item))))
    return true;
  if (mine === latest(items.filter((item) => isCompleted(item) && !item.damaged))) return true;
  const before = items
    .filter((other) => isCompleted(other) && !other.locked && !ahead(other) && isLater(other, mine))
    .filter((other) => isGood(other) || !isGood(mine))
    .map(({ createdAt }) => createdAt);
  if (coming) before.push(now);
  if (before.length < rules.keepLast) return true;
  if (rules.keepDays > 0 && now - mine.createdAt <= rules.keepDays * DAY) return true;
  return (['keepDaily', 'keepWeekly', 'keepMonthly'] as const).some((rule) => {
    const periods = new Set(before.map((at) => PERIODS[rule](at)));
    return !periods.has(PERIODS[rule](mine.createdAt)) && periods.size < rules[rule];
  });
}

/** Mulberry32. */
function picksOf(seed: number): (count: number) => number {
  let state = seed >>> 0;
  return (count) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * count);
  };
}
