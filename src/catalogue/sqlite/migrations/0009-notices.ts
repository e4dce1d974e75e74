import type { Migration } from '../migration.ts';

/**
 * Notifications. `occurrences` are written by triggers, in the transaction that ends a job or finds damage: none is
 * lost to a crash, whichever part of the program made the change. `conditions` are the last known state of a server or
 * store, so that a change is sent once. `notices` wait until their channel has accepted them.
 */
export const notices: Migration = {
  number: 9,
  name: 'notices',
  sql: `
    CREATE TABLE occurrences (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      kind TEXT NOT NULL CHECK (kind IN ('backup', 'restore', 'damage')),
      state TEXT NOT NULL CHECK (state IN ('done', 'failed', 'cancelled')),
      server TEXT NOT NULL,
      backup TEXT NOT NULL,
      job TEXT,
      error TEXT,
      at INTEGER NOT NULL
    ) STRICT;
    CREATE TRIGGER jobs_ended AFTER UPDATE OF ended_at ON jobs
      WHEN OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL AND NEW.kind IN ('backup', 'restore')
        AND json_extract(NEW.request, '$.dryRun') IS NOT 1
      BEGIN
        INSERT INTO occurrences (kind, state, server, backup, job, error, at)
          VALUES (NEW.kind, NEW.state, NEW.server, NEW.backup, NEW.id, NEW.error, NEW.ended_at);
      END;
    CREATE TRIGGER backups_damaged AFTER UPDATE OF damaged_at ON backups
      WHEN OLD.damaged_at IS NULL AND NEW.damaged_at IS NOT NULL
      BEGIN
        INSERT INTO occurrences (kind, state, server, backup, at)
          VALUES ('damage', 'failed', NEW.server, NEW.id, NEW.damaged_at);
      END;

    CREATE TABLE conditions (
      subject TEXT PRIMARY KEY NOT NULL,
      state TEXT NOT NULL,
      since INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE notices (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      channel TEXT NOT NULL,
      message TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      due_at INTEGER NOT NULL,
      attempts INTEGER NOT NULL DEFAULT 0,
      error TEXT
    ) STRICT;
    CREATE INDEX notices_by_channel ON notices (channel, id);
  `,
};
