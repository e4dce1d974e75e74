/**
 * Rows in aligned columns. Each cell becomes one printable line: external names must not move the cursor or forge a
 * row.
 */
import { printableText } from '../../base/files/paths.ts';
import { painted } from './colour.ts';

export interface TableStyle {
  /** The width of a terminal, to which the last column is cut; undefined for a pipe, which gets all of it. */
  readonly columns: number | undefined;
  readonly colour: boolean;
}

/** Columns whose words have a colour. */
const STATES: ReadonlySet<string> = new Set(['STATUS', 'STATE']);
const GAP = 2;
/** The last column keeps so many characters on a terminal too narrow for the others. */
const LEAST = 8;

export function table(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  { columns, colour }: TableStyle,
): string {
  const cells = [headings, ...rows.map((row) => row.map(printableText))];
  const widths = headings.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const last = headings.length - 1;
  const before = widths.slice(0, last).reduce((sum, width) => sum + width + GAP, 0);
  const room = columns === undefined ? Number.POSITIVE_INFINITY : Math.max(LEAST, columns - before);
  const shown = (cell: string, column: number): string => {
    const word = column === last ? cut(cell, room) : cell.padEnd(widths[column] ?? 0);
    return colour && STATES.has(headings[column] ?? '') ? painted(cell, word) : word;
  };
  return cells.map((row) => row.map(shown).join(' '.repeat(GAP)).trimEnd()).join('\n');
}

function cut(text: string, room: number): string {
  return text.length <= room ? text : `${text.slice(0, room - 1).toWellFormed()}…`;
}

/** `key: value` lines with aligned values. */
export function facts(pairs: readonly (readonly [string, string])[]): string {
  const width = Math.max(...pairs.map(([key]) => key.length)) + 2;
  return pairs.map(([key, value]) => `${`${key}:`.padEnd(width)}${printableText(value)}`).join('\n');
}
