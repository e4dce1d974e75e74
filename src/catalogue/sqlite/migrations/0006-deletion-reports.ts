import type { Migration } from '../migration.ts';

/** A panel may be owed the report of a deletion, too. SQLite cannot change a CHECK, so the table is made again. */
export const deletionReports: Migration = {
  number: 6,
  name: 'deletion-reports',
  sql: `
    CREATE TABLE deliveries_next (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      job TEXT NOT NULL UNIQUE,
      kind TEXT NOT NULL CHECK (kind IN ('backup', 'restore', 'deletion')),
      server TEXT NOT NULL,
      backup TEXT NOT NULL,
      successful INTEGER NOT NULL CHECK (successful IN (0, 1)),
      sha256 TEXT CHECK (length(sha256) = 64),
      size INTEGER NOT NULL DEFAULT 0 CHECK (size >= 0),
      files INTEGER NOT NULL DEFAULT 0 CHECK (files >= 0),
      withdrawn INTEGER NOT NULL DEFAULT 0 CHECK (withdrawn IN (0, 1)),
      step TEXT NOT NULL,
      data TEXT NOT NULL DEFAULT '{}',
      state TEXT NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'parked')),
      attempts INTEGER NOT NULL DEFAULT 0,
      error TEXT,
      asked_at INTEGER NOT NULL,
      created_at INTEGER NOT NULL,
      due_at INTEGER NOT NULL,
      give_up_at INTEGER NOT NULL,
      CHECK (kind <> 'backup' OR successful = (sha256 IS NOT NULL)),
      CHECK (state = 'pending' OR error IS NOT NULL)
    ) STRICT;
    INSERT INTO deliveries_next SELECT * FROM deliveries;
    DROP TABLE deliveries;
    ALTER TABLE deliveries_next RENAME TO deliveries;
    CREATE INDEX deliveries_by_due ON deliveries (step, due_at, id) WHERE state = 'pending';
    CREATE INDEX deliveries_by_backup ON deliveries (backup, id);
  `,
};
