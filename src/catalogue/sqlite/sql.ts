/** Statements whose shape depends on a call. Column names come from Roost's own code, values are always bound. */
import type { SQLInputValue } from 'node:sqlite';
import type { Values } from './database.ts';

export function insertInto(table: string, values: Values): string {
  const columns = Object.keys(values);
  return `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${columns.map((column) => `:${column}`).join(', ')})`;
}

/** A WHERE clause that asks for every column with a value, '' when there is none. */
export function where(columns: Readonly<Record<string, SQLInputValue | undefined>>): {
  readonly clause: string;
  readonly values: Values;
} {
  const given = Object.entries(columns).filter((entry): entry is [string, SQLInputValue] => entry[1] !== undefined);
  const clause = given.length === 0 ? '' : `WHERE ${given.map(([column]) => `${column} = :${column}`).join(' AND ')}`;
  return { clause, values: Object.fromEntries(given) };
}
