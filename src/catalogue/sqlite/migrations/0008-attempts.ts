import type { Migration } from '../migration.ts';

/**
 * Who asked for a backup or a job, when it began and what came of it; and a small row of every attempt that stays when
 * its backup is gone, so that growth over a year can be shown. `doubtful` is computed, so that one index holds all that
 * an overview counts: without it a count reads every row of a server.
 */
export const attempts: Migration = {
  number: 8,
  name: 'attempts',
  sql: `
    ALTER TABLE backups ADD COLUMN started_at INTEGER;
    ALTER TABLE backups ADD COLUMN origin TEXT;
    ALTER TABLE backups ADD COLUMN named INTEGER CHECK (named IN (0, 1));
    ALTER TABLE backups ADD COLUMN doubtful INTEGER
      GENERATED ALWAYS AS (suspect IS NOT NULL AND accepted_at IS NULL) VIRTUAL;
    CREATE INDEX backups_counted ON backups (server, status, damaged_at, doubtful, locked, store, size);
    CREATE INDEX copies_counted ON copies (store, state);

    ALTER TABLE jobs ADD COLUMN origin TEXT;
    ALTER TABLE jobs ADD COLUMN result TEXT;
    CREATE INDEX jobs_by_server ON jobs (server, created_at DESC, seq DESC);

    CREATE TABLE history (
      backup TEXT PRIMARY KEY NOT NULL,
      server TEXT NOT NULL,
      store TEXT NOT NULL,
      status TEXT NOT NULL CHECK (status IN ('COMPLETED', 'FAILED')),
      code TEXT,
      size INTEGER NOT NULL,
      raw_size INTEGER NOT NULL,
      files INTEGER NOT NULL,
      reused_bytes INTEGER NOT NULL,
      origin TEXT,
      created_at INTEGER NOT NULL,
      started_at INTEGER,
      ended_at INTEGER NOT NULL,
      gone_at INTEGER,
      CHECK ((status = 'FAILED') = (code IS NOT NULL))
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX history_by_server ON history (server, created_at DESC);
    CREATE INDEX history_by_time ON history (created_at, store, status, size);
    CREATE INDEX history_by_end ON history (gone_at, store, size) WHERE gone_at IS NOT NULL;
    INSERT INTO history (backup, server, store, status, code, size, raw_size, files, reused_bytes, created_at, ended_at)
      SELECT id, server, store, status, json_extract(error, '$.code'), size, raw_size, files, reused_bytes, created_at,
        coalesce(completed_at, updated_at)
      FROM backups WHERE status <> 'IN_PROGRESS';
  `,
};
