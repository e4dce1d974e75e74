/** A schedule in words where it is a plain one; the pattern itself otherwise. */
const DAYS = ['Sundays', 'Mondays', 'Tuesdays', 'Wednesdays', 'Thursdays', 'Fridays', 'Saturdays', 'Sundays'];
const NUMBER = /^\d{1,2}$/;
const STEP = /^\*\/([1-9]\d?)$/;

export function cronWords(cron: string): string {
  const fields = cron.trim().split(/\s+/);
  const [minute = '', hour = '', day = '', month = '', weekday = ''] = fields;
  if (fields.length !== 5 || month !== '*' || !NUMBER.test(minute)) return cron;
  const at = `${hour.padStart(2, '0')}:${minute.padStart(2, '0')}`;
  if (day === '*' && weekday === '*') {
    if (NUMBER.test(hour)) return `daily at ${at}`;
    const past = minute === '0' ? 'on the hour' : `at ${minute} past`;
    if (hour === '*') return `every hour ${past}`;
    const [, hours] = STEP.exec(hour) ?? [];
    // Steps restart at midnight, so only divisors of 24 are even; others are shown as the pattern.
    return hours !== undefined && 24 % Number(hours) === 0 ? `every ${hours} hours ${past}` : cron;
  }
  if (!NUMBER.test(hour)) return cron;
  if (day === '*' && /^[0-7]$/.test(weekday)) return `${DAYS[Number(weekday)]} at ${at}`;
  return weekday === '*' && NUMBER.test(day) ? `monthly on day ${day} at ${at}` : cron;
}
