import { count } from './format.ts';

type Rules = Readonly<Record<'keepLast' | 'keepDays' | 'keepDaily' | 'keepWeekly' | 'keepMonthly', number>>;

/** What the rules of retention keep. */
export function ruleText({ keepLast, keepDays, keepDaily, keepWeekly, keepMonthly }: Rules): string {
  const rules: readonly [number, string][] = [
    [keepLast, 'newest'],
    [keepDays, 'days'],
    [keepDaily, 'daily'],
    [keepWeekly, 'weekly'],
    [keepMonthly, 'monthly'],
  ];
  const set = rules.filter(([most]) => most > 0).map(([most, name]) => `${count(most)} ${name}`);
  return set.length === 0 ? 'no rules' : `keeps ${set.join(', ')}`;
}
