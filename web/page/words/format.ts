/** Numbers, sizes and times for people, in this page's language and the browser's zone. */
const LANGUAGE = 'en-GB';
const numbers = new Intl.NumberFormat(LANGUAGE);
const tenths = new Intl.NumberFormat(LANGUAGE, { maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat(LANGUAGE, { hour: '2-digit', minute: '2-digit' });
const dayMonth = new Intl.DateTimeFormat(LANGUAGE, { day: 'numeric', month: 'short' });
const dayMonthYear = new Intl.DateTimeFormat(LANGUAGE, { day: 'numeric', month: 'short', year: 'numeric' });
const weekday = new Intl.DateTimeFormat(LANGUAGE, { weekday: 'short', day: 'numeric', month: 'short' });
const longDay = new Intl.DateTimeFormat(LANGUAGE, { weekday: 'long', day: 'numeric', month: 'long' });
const plural = new Intl.PluralRules(LANGUAGE);
const list = new Intl.ListFormat(LANGUAGE);

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
const [SECOND, MINUTE, HOUR, DAY] = [1000, 60_000, 3_600_000, 86_400_000];

export function count(value: number): string {
  return numbers.format(value);
}

export function counted(value: number, one: string, other = `${one}s`): string {
  return `${numbers.format(value)} ${plural.select(value) === 'one' ? one : other}`;
}

export function listed(words: readonly string[]): string {
  return list.format(words);
}

export function bytes(value: number): string {
  let [size, unit] = [value, 0];
  // A value that would round to 1,024 of a unit is shown as 1 of the next.
  while (Math.abs(size) >= (unit === 0 ? 1024 : 1023.95) && unit < UNITS.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${unit === 0 ? numbers.format(size) : tenths.format(size)} ${UNITS[unit]}`;
}

/** How long something took or takes; the two largest units. */
export function duration(ms: number): string {
  if (ms < SECOND) return ms <= 0 ? '0 s' : 'under 1 s';
  if (ms < MINUTE) return `${Math.round(ms / SECOND)} s`;
  if (ms < HOUR) return pair(ms, MINUTE, 'min', SECOND, 's');
  if (ms < 2 * DAY) return pair(ms, HOUR, 'h', MINUTE, 'min');
  return pair(ms, DAY, 'd', HOUR, 'h');
}

function pair(ms: number, large: number, largeName: string, small: number, smallName: string): string {
  const units = Math.round(ms / small);
  const per = large / small;
  const rest = units % per;
  return `${numbers.format(Math.floor(units / per))} ${largeName}${rest === 0 ? '' : ` ${rest} ${smallName}`}`;
}

/** How old something is, coarsely: `3 h ago`. */
export function ago(at: string | number, now: number): string {
  const ms = now - Number(new Date(at));
  if (ms < -MINUTE) return `in ${coarse(-ms)}`;
  return ms < MINUTE ? 'just now' : `${coarse(ms)} ago`;
}

export function coarse(ms: number): string {
  if (ms < MINUTE) return `${Math.max(0, Math.round(ms / SECOND))} s`;
  if (ms < HOUR) return `${Math.round(ms / MINUTE)} min`;
  if (ms < 2 * DAY) return `${Math.round(ms / HOUR)} h`;
  const days = Math.floor(ms / DAY);
  const hours = Math.round((ms % DAY) / HOUR) % 24;
  return days < 7 && hours > 0 ? `${days} d ${hours} h` : `${days} d`;
}

export function time(at: string | number): string {
  return clock.format(new Date(at));
}

function daysApart(at: Date, now: Date): number {
  const start = (date: Date): number => Date.UTC(date.getFullYear(), date.getMonth(), date.getDate());
  return Math.round((start(at) - start(now)) / DAY);
}

/** `today 16:00`, `tomorrow 04:00`, `22 Nov 20:14`. */
export function moment(at: string | number, now: number): string {
  const date = new Date(at);
  const apart = daysApart(date, new Date(now));
  const named = { '-1': 'yesterday', 0: 'today', 1: 'tomorrow' }[apart];
  if (named !== undefined) return `${named} ${time(at)}`;
  const sameYear = date.getFullYear() === new Date(now).getFullYear();
  return `${(sameYear ? dayMonth : dayMonthYear).format(date)} ${time(at)}`;
}

/** `Wed 26 Nov, 16:00` */
export function stamp(at: string | number): string {
  return `${weekday.format(new Date(at)).replace(',', '')}, ${time(at)}`;
}

/** The heading of a day in a list. */
export function day(at: string | number, now: number): string {
  const date = new Date(at);
  const apart = daysApart(date, new Date(now));
  if (apart === 0) return `Today, ${longDay.format(date).replace(/^\w+,? /, '')}`;
  return apart === -1 ? 'Yesterday' : longDay.format(date);
}

/** Days with the same heading have the same key. */
export function dayKey(at: string | number): string {
  const date = new Date(at);
  return `${date.getFullYear()}-${date.getMonth()}-${date.getDate()}`;
}
