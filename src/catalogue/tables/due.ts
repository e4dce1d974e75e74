/** What is due for a verification. Asked for every second: each question is one seek in an index (migration "verified copies"). */
import type { BackupId, ServerId } from '../../base/ids.ts';
import type { DueFor, DueForVerification } from '../due-contract.ts';
import type { Database, Values } from '../sqlite/database.ts';
import { integer, type Row, text } from '../sqlite/row.ts';

/** The longest ago first, and then what is dated ahead. */
const SIDES = [
  ['<', ':before'],
  ['>', ':ahead'],
] as const;

export function dueBackup(database: Database, { before, ahead, except }: DueFor): DueForVerification | undefined {
  const passed = JSON.stringify(except.flatMap(({ backup, copy }) => (copy === undefined ? [backup] : [])));
  const since = 'coalesce(verified_at, completed_at)';
  const sql = (comparison: string, bound: string): string =>
    `SELECT id, server, ${since} AS since FROM backups WHERE status = 'COMPLETED' AND damaged_at IS NULL AND removing = 0
     AND ${since} ${comparison} ${bound} AND id NOT IN (SELECT value FROM json_each(:passed)) ORDER BY ${since}, seq LIMIT 1`;
  const row = firstOf(database, sql, { before, ahead }, { passed });
  return row === undefined ? undefined : dueOf(row);
}

export function dueCopy(
  database: Database,
  { before, ahead, except }: DueFor,
  stores: readonly string[],
): DueForVerification | undefined {
  const passed = JSON.stringify(
    except.flatMap(({ backup, copy }) => (copy === undefined ? [] : [nameOf(backup, copy)])),
  );
  const since = 'coalesce(copies.verified_at, copies.made_at)';
  const sql = (comparison: string, bound: string): string =>
    `SELECT id, server, copies.store AS copy, ${since} AS since FROM copies INDEXED BY copies_due JOIN backups ON backups.id = copies.backup
     WHERE copies.state = 'completed' AND backups.status = 'COMPLETED' AND backups.removing = 0
     AND copies.store IN (SELECT value FROM json_each(:stores)) AND ${since} ${comparison} ${bound}
     AND copies.backup || '/' || copies.store NOT IN (SELECT value FROM json_each(:passed))
     ORDER BY ${since}, copies.backup, copies.store LIMIT 1`;
  const row = firstOf(database, sql, { before, ahead }, { passed, stores: JSON.stringify(stores) });
  return row === undefined ? undefined : { ...dueOf(row), copy: text(row, 'copy') };
}

function nameOf(backup: BackupId, store: string): string {
  return `${backup}/${store}`;
}

function firstOf(
  database: Database,
  sql: (comparison: string, bound: string) => string,
  { before, ahead }: Pick<DueFor, 'before' | 'ahead'>,
  values: Values,
): Row | undefined {
  for (const [comparison, bound] of SIDES) {
    const limit: Values = bound === ':before' ? { before } : { ahead };
    const row = database.one(sql(comparison, bound), { ...values, ...limit });
    if (row !== undefined) return row;
  }
  return undefined;
}

function dueOf(row: Row): DueForVerification {
  return {
    backup: text(row, 'id') as BackupId,
    server: text(row, 'server') as ServerId,
    since: integer(row, 'since'),
  };
}
