import { Failure } from './failure.ts';

export const MEBIBYTE = 1024 ** 2;

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;
const FACTORS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 1024,
  kb: 1000,
  kib: 1024,
  m: MEBIBYTE,
  mb: 1000 ** 2,
  mib: MEBIBYTE,
  g: 1024 ** 3,
  gb: 1000 ** 3,
  gib: 1024 ** 3,
  t: 1024 ** 4,
  tb: 1000 ** 4,
  tib: 1024 ** 4,
};

/** Bytes for people: `340 MiB`, `1.5 GiB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

/**
 * Parses a size: `10GiB`, `500 MB`, `2g`, or plain bytes. MB is a million, MiB 2^20.
 *
 * @throws Failure `invalid_request` when the text is not a size.
 */
export function parseBytes(text: string): number {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(text);
  const factor = match === null ? undefined : FACTORS[(match[2] ?? '').toLowerCase()];
  const bytes = match === null || factor === undefined ? Number.NaN : Math.round(Number(match[1]) * factor);
  if (Number.isSafeInteger(bytes)) return bytes;
  throw new Failure('invalid_request', `Cannot read "${text.slice(0, 40)}" as a size`, {
    hint: 'Write a number with a unit, such as 500MiB or 10GiB.',
  });
}

/** `1 file`, `20 files`, `2 directories`. @param many where it is not `one` with an "s". */
export function countText(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** `1 file`, `20 files`. */
export function filesText(count: number): string {
  return countText(count, 'file');
}
