/** The time of an entry in a zip. */
import type { Buffer } from 'node:buffer';

/** Info-ZIP's extra fields (its extrafld.txt): "UT", and its older form "UX". */
const TIMES = 0x5455;
const OLD_UNIX = 0x5855;

/**
 * Whole seconds since the Unix epoch.
 *
 * Info-ZIP's fields hold that. DOS time is local time of no known zone: it is read as this host's, as unzip, bsdtar and
 * 7-Zip do, to two seconds. A month or day of 0 means the one before, as in mktime(3).
 *
 * @param dosTime DOS date in the high and DOS time in the low 16 bits.
 */
export function zipTime(dosTime: number, extra: ReadonlyMap<number, Buffer>): number {
  const times = extra.get(TIMES);
  if (times !== undefined && times.length >= 5 && ((times[0] ?? 0) & 1) === 1) return times.readInt32LE(1);
  const old = extra.get(OLD_UNIX);
  if (old !== undefined && old.length >= 8) return old.readInt32LE(4);
  const date = dosTime >>> 16;
  const [year, month, day] = [1980 + (date >>> 9), ((date >>> 5) & 15) - 1, date & 31];
  const [hours, minutes, seconds] = [(dosTime >>> 11) & 31, (dosTime >>> 5) & 63, (dosTime & 31) * 2];
  return Math.floor(new Date(year, month, day, hours, minutes, seconds).getTime() / 1000);
}
