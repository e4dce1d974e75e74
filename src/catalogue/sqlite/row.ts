/** Reading typed values out of database rows. What does not fit is a damaged row, never a wrong value passed on. */
import type { SQLOutputValue } from 'node:sqlite';
import { Failure, type FailureRecord } from '../../base/failure.ts';

export type Row = Readonly<Record<string, SQLOutputValue>>;

/** A column of text. @throws as `unfit` for another type; so do the functions below. */
export function text(row: Row, column: string): string {
  const value = row[column];
  return typeof value === 'string' ? value : unfit(column);
}

export function textOrNull(row: Row, column: string): string | null {
  return row[column] === null ? null : text(row, column);
}

export function integer(row: Row, column: string): number {
  const value = row[column];
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : unfit(column);
}

export function integerOrNull(row: Row, column: string): number | null {
  return row[column] === null ? null : integer(row, column);
}

export function bytes(row: Row, column: string): Uint8Array {
  const value = row[column];
  return value instanceof Uint8Array ? value : unfit(column);
}

/** A column of JSON, parsed. Its shape is trusted, since only Roost writes to the database. @throws as `unfit`. */
export function json(row: Row, column: string): unknown {
  try {
    return JSON.parse(text(row, column)) as unknown;
  } catch {
    return unfit(column);
  }
}

export function failureOrNull(row: Row, column: string): FailureRecord | null {
  return row[column] === null ? null : (json(row, column) as FailureRecord);
}

/** @throws Failure `internal`, always. */
export function unfit(column: string): never {
  throw new Failure('internal', `Cannot read the catalogue: a row's ${column} has the wrong form`, {
    facts: { column },
    hint: 'The database was changed by another program, or is damaged.',
  });
}
