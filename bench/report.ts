/** Tables of what was measured: aligned for a terminal, and as Markdown. */
import fs from 'node:fs';
import { formatBytes } from '../src/base/sizes.ts';
import { type Contest, type Samples, samplesOf } from './contest.ts';
import type { Goal } from './goals.ts';
import type { Sample } from './measure.ts';
import type { Piece } from './micro.ts';
import { quantile, spreadOf } from './statistics.ts';

export interface Table {
  readonly title: string;
  readonly headings: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export function goalTable(goals: readonly Goal[]): Table {
  const rows = goals
    .filter(({ measured }) => measured !== undefined)
    .map(({ work, against, target, measured, unit, met }) => {
      const digits = unit === '' ? 3 : 1;
      const spread = `${measured?.min.toFixed(digits)} to ${measured?.max.toFixed(digits)}`;
      const middle = `${measured?.median.toFixed(digits)}${unit === '' ? '' : ` ${unit}`}`;
      return [work, against, target, middle, spread, met === true ? 'yes' : 'no'];
    });
  return { title: 'Targets', headings: ['work', 'against', 'target', 'median', 'min to max', 'met'], rows };
}

export function sampleTable(contests: readonly Contest[], samples: Samples): Table {
  const rows = contests.flatMap((contest) =>
    contest.contenders.map(({ name }) => rowOf(contest, name, samplesOf(samples, contest.work, name))),
  );
  const headings = [
    'work',
    'contender',
    'median s',
    'min to max',
    'MiB/s',
    'CPU s',
    'peak MB',
    'archive',
    'latency p50 / p99',
  ];
  return { title: 'All that was measured', headings, rows: rows.filter((row) => row.length > 0) };
}

function rowOf({ work, bytes }: Contest, name: string, samples: readonly Sample[]): string[] {
  const seconds = spreadOf(samples.map((sample) => sample.seconds));
  if (seconds === undefined) return [];
  const latencies = samples.flatMap((sample) => sample.latencies ?? []);
  return [
    work,
    name,
    seconds.median.toFixed(2),
    `${seconds.min.toFixed(2)} to ${seconds.max.toFixed(2)}`,
    bytes === 0 || latencies.length > 0 ? '' : (bytes / 2 ** 20 / seconds.median).toFixed(0),
    middle(
      samples,
      ({ cpuSeconds }) => cpuSeconds,
      (value) => value.toFixed(2),
    ),
    middle(
      samples,
      ({ peakBytes }) => peakBytes,
      (value) => (value / 1e6).toFixed(0),
    ),
    middle(samples, ({ archiveBytes }) => archiveBytes, formatBytes),
    latencies.length === 0 ? '' : `${quantile(latencies, 0.5).toFixed(1)} / ${quantile(latencies, 0.99).toFixed(1)} ms`,
  ];
}

function middle(
  samples: readonly Sample[],
  of: (sample: Sample) => number | undefined,
  format: (value: number) => string,
): string {
  const spread = spreadOf(samples.flatMap((sample) => of(sample) ?? []));
  return spread === undefined ? '' : format(spread.median);
}

export function pieceTable(pieces: readonly Piece[]): Table {
  const rows = pieces.map(({ name, unit, spread: { median, min, max } }) => {
    const digits = median < 100 ? 2 : 0;
    return [name, `${median.toFixed(digits)} ${unit}`, `${min.toFixed(digits)} to ${max.toFixed(digits)}`];
  });
  return { title: 'Hot pieces, one thread', headings: ['piece', 'median', 'min to max'], rows };
}

export function asText({ title, headings, rows }: Table): string {
  const widths = headings.map((heading, at) => Math.max(heading.length, ...rows.map((row) => row[at]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, at) => cell.padEnd(widths[at] ?? 0))
      .join('  ')
      .trimEnd();
  return [title, '', line(headings), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}

function asMarkdown({ title, headings, rows }: Table): string {
  const cells = [headings, ...rows].map((row) => row.map((cell) => cell.replaceAll('|', String.raw`\|`)));
  const widths = headings.map((_, at) => Math.max(3, ...cells.map((row) => row[at]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join(' | ')} |`;
  const [head = [], ...body] = cells;
  return [`### ${title}`, '', line(head), line(widths.map((width) => '-'.repeat(width))), ...body.map(line)].join('\n');
}

/** Into a file of its own, or between the marks of that name of one that has them. */
export function writeMarkdown(path: string, mark: string, machine: readonly string[], tables: readonly Table[]): void {
  const text = [...machine.map((line) => `- ${line}`), '', tables.map(asMarkdown).join('\n\n'), ''].join('\n');
  const [begin, end] = [`<!-- ${mark}: begin -->\n`, `<!-- ${mark}: end -->\n`];
  const old = fs.existsSync(path) ? fs.readFileSync(path, 'utf8') : '';
  const [from, to] = [old.indexOf(begin), old.indexOf(end)];
  const marked = from >= 0 && to > from;
  fs.writeFileSync(path, marked ? `${old.slice(0, from + begin.length)}\n${text}\n${old.slice(to)}` : text);
}
