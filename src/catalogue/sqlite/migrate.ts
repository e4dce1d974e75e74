/** Brings a database to the form that this program knows, one numbered step at a time, each in its own transaction. */
import type { Clock } from '../../base/clock.ts';
import type { Database } from './database.ts';
import { keepFormerCopy, newerCatalogue } from './former-copy.ts';
import type { Migration } from './migration.ts';
import { integer } from './row.ts';
import { firstTables } from './migrations/0001-first-tables.ts';
import { copies } from './migrations/0002-copies.ts';
import { deliveries } from './migrations/0003-deliveries.ts';
import { judgement } from './migrations/0004-judgement.ts';
import { backupTexts } from './migrations/0005-backup-texts.ts';
import { deletionReports } from './migrations/0006-deletion-reports.ts';
import { sessions } from './migrations/0007-sessions.ts';
import { attempts } from './migrations/0008-attempts.ts';
import { notices } from './migrations/0009-notices.ts';
import { verified } from './migrations/0010-verified.ts';
import { storedBytes } from './migrations/0011-stored-bytes.ts';
import { counts } from './migrations/0012-counts.ts';
import { quiesced } from './migrations/0013-quiesced.ts';
import { verifiedCopies } from './migrations/0014-verified-copies.ts';

/** In order, without gaps. A migration that was released is never changed: the next one corrects it. */
export const MIGRATIONS: readonly Migration[] = [
  firstTables,
  copies,
  deliveries,
  judgement,
  backupTexts,
  deletionReports,
  sessions,
  attempts,
  notices,
  verified,
  storedBytes,
  counts,
  quiesced,
  verifiedCopies,
];

/**
 * After a kill between two steps the database is complete in the older form, and the next start continues from there.
 *
 * @throws Failure `internal` when a newer program has already changed the database.
 */
export function migrate(database: Database, clock: Clock, migrations: readonly Migration[] = MIGRATIONS): void {
  database.exec(
    `CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at INTEGER NOT NULL) STRICT`,
  );
  const done = currentNumber(database);
  const known = migrations.at(-1)?.number ?? 0;
  if (done > known) throw newerCatalogue(database.path, done, known);
  // A new catalogue has nothing to keep.
  if (done > 0 && done < known) keepFormerCopy(database, done);
  for (const migration of migrations.filter(({ number }) => number > done)) {
    database.transaction(() => apply(database, migration, clock));
  }
}

function apply(database: Database, { number, name, sql }: Migration, clock: Clock): void {
  // Asked again inside the transaction: another process may have been faster.
  if (currentNumber(database) >= number) return;
  database.exec(sql);
  database.run('INSERT INTO migrations (number, name, applied_at) VALUES (:number, :name, :at)', {
    number,
    name,
    at: clock.now(),
  });
}

function currentNumber(database: Database): number {
  const row = database.one('SELECT coalesce(max(number), 0) AS number FROM migrations', {});
  return row === undefined ? 0 : integer(row, 'number');
}
