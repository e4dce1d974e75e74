/** Medians, spreads and ratios as one table of text. */
import { formatBytes } from '../src/base/sizes.ts';
import type { Cost } from './measure.ts';

export interface Row {
  readonly work: string;
  readonly contender: string;
  readonly costs: readonly Cost[];
  /** Bytes that the work went over, for the rate. */
  readonly bytes: number;
  /** What it left on the disk; undefined for work that leaves no archive. */
  readonly archiveBytes: number | undefined;
}

const HEADINGS = ['work', 'contender', 'median s', 'min-max s', 'MiB/s', 'CPU s', 'peak memory', 'archive', 'times'];

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

/** `times` is how many times as long as the first contender (Roost's preferred engine) the work took. */
export function report(rows: readonly Row[]): string {
  const leaders = new Map<string, number>();
  const cells = rows.map((row) => {
    const seconds = row.costs.map((cost) => cost.seconds);
    const middle = median(seconds);
    const leader = leaders.get(row.work) ?? middle;
    leaders.set(row.work, leader);
    return [
      row.work,
      row.contender,
      middle.toFixed(2),
      `${Math.min(...seconds).toFixed(2)}-${Math.max(...seconds).toFixed(2)}`,
      (row.bytes / 1024 ** 2 / middle).toFixed(0),
      optional(
        row.costs.map((cost) => cost.cpuSeconds),
        (value) => value.toFixed(2),
      ),
      optional(
        row.costs.map((cost) => cost.peakBytes),
        formatBytes,
      ),
      row.archiveBytes === undefined ? '' : formatBytes(row.archiveBytes),
      (middle / leader).toFixed(2),
    ];
  });
  const widths = HEADINGS.map((heading, at) => Math.max(heading.length, ...cells.map((row) => row[at]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd();
  return [line(HEADINGS), line(widths.map((width) => '-'.repeat(width))), ...cells.map(line)].join('\n');
}

function optional(values: readonly (number | undefined)[], format: (value: number) => string): string {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? '?' : format(median(known));
}
