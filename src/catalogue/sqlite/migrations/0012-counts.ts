import type { Migration } from '../migration.ts';

/** What is counted, and whether (1 or 0) or how much a row adds to it. */
const COUNTED: Readonly<Record<string, (row: string) => string>> = {
  backups: () => '1',
  bytes: (row) => `${row}.size`,
  completed: (row) => `(${row}.status = 'COMPLETED')`,
  failed: (row) => `(${row}.status = 'FAILED')`,
  damaged: (row) => `(${row}.damaged_at IS NOT NULL)`,
  suspect: (row) => `(${row}.damaged_at IS NULL AND ${row}.suspect IS NOT NULL AND ${row}.accepted_at IS NULL)`,
  locked: (row) => `${row}.locked`,
};
const NAMES = Object.keys(COUNTED);

const added = NAMES.map((name) => `${name} = ${name} + excluded.${name}`).join(', ');
const add = `INSERT INTO backup_counts (server, store, ${NAMES.join(', ')})
  VALUES (NEW.server, NEW.store, ${NAMES.map((name) => COUNTED[name]?.('NEW')).join(', ')})
  ON CONFLICT DO UPDATE SET ${added};`;

const take = `UPDATE backup_counts SET ${NAMES.map((name) => `${name} = ${name} - ${COUNTED[name]?.('OLD')}`).join(', ')}
    WHERE server = OLD.server AND store = OLD.store;
  DELETE FROM backup_counts WHERE server = OLD.server AND store = OLD.store AND backups = 0;`;

/**
 * Counts of each server's backups in each store, which every change of a backup brings up to date: counting a million
 * rows for the first overview after a start took more than a second.
 */
export const counts: Migration = {
  number: 12,
  name: 'counts',
  sql: `
    CREATE TABLE backup_counts (
      server TEXT NOT NULL,
      store TEXT NOT NULL,
      ${NAMES.map((name) => `${name} INTEGER NOT NULL,`).join(' ')}
      PRIMARY KEY (server, store)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO backup_counts (server, store, ${NAMES.join(', ')})
      SELECT server, store, ${NAMES.map((name) => `sum(${COUNTED[name]?.('backups')})`).join(', ')}
      FROM backups GROUP BY server, store;
    CREATE TRIGGER backups_counted_in AFTER INSERT ON backups BEGIN ${add} END;
    CREATE TRIGGER backups_counted_out AFTER DELETE ON backups BEGIN ${take} END;
    CREATE TRIGGER backups_counted_again
      AFTER UPDATE OF server, store, size, status, damaged_at, suspect, accepted_at, locked ON backups
      BEGIN ${take} ${add} END;
    DROP INDEX backups_counted;
  `,
};
