import type { Migration } from '../migration.ts';

/**
 * `seq` numbers rows in the order of their insertion and is never used again (AUTOINCREMENT), so that rows of the same
 * millisecond keep one order. The CHECKs state what every writer promises, so that a wrong one fails at once.
 */
export const firstTables: Migration = {
  number: 1,
  name: 'first tables',
  sql: `
    CREATE TABLE servers (
      id TEXT PRIMARY KEY NOT NULL,
      suspended INTEGER NOT NULL DEFAULT 0 CHECK (suspended IN (0, 1)),
      settings TEXT NOT NULL DEFAULT '{}',
      updated_at INTEGER NOT NULL
    ) STRICT;

    CREATE TABLE backups (
      seq INTEGER PRIMARY KEY AUTOINCREMENT,
      id TEXT NOT NULL UNIQUE,
      server TEXT NOT NULL,
      name TEXT NOT NULL,
      status TEXT NOT NULL CHECK (status IN ('IN_PROGRESS', 'COMPLETED', 'FAILED')),
      locked INTEGER NOT NULL CHECK (locked IN (0, 1)),
      ignore TEXT NOT NULL,
      store TEXT NOT NULL,
      key TEXT NOT NULL,
      size INTEGER NOT NULL DEFAULT 0 CHECK (size >= 0),
      raw_size INTEGER NOT NULL DEFAULT 0 CHECK (raw_size >= 0),
      files INTEGER NOT NULL DEFAULT 0 CHECK (files >= 0),
      entries INTEGER NOT NULL DEFAULT 0 CHECK (entries >= 0),
      reused_bytes INTEGER NOT NULL DEFAULT 0 CHECK (reused_bytes >= 0),
      sha256 TEXT CHECK (length(sha256) = 64),
      warnings TEXT NOT NULL DEFAULT '[]',
      warning_count INTEGER NOT NULL DEFAULT 0,
      error TEXT,
      damaged_at INTEGER,
      verified_at INTEGER,
      created_at INTEGER NOT NULL,
      updated_at INTEGER NOT NULL,
      completed_at INTEGER,
      CHECK ((status = 'COMPLETED') = (completed_at IS NOT NULL AND sha256 IS NOT NULL)),
      CHECK ((status = 'FAILED') = (error IS NOT NULL))
    ) STRICT;
    CREATE INDEX backups_by_server ON backups (server, created_at DESC, seq DESC);

    CREATE TABLE jobs (
      seq INTEGER PRIMARY KEY AUTOINCREMENT,
      id TEXT NOT NULL UNIQUE,
      kind TEXT NOT NULL,
      server TEXT NOT NULL,
      backup TEXT NOT NULL,
      state TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
      phase TEXT NOT NULL,
      request TEXT NOT NULL,
      error TEXT,
      created_at INTEGER NOT NULL,
      started_at INTEGER,
      ended_at INTEGER,
      CHECK ((state IN ('queued', 'running')) = (ended_at IS NULL)),
      CHECK ((state IN ('failed', 'cancelled')) = (error IS NOT NULL))
    ) STRICT;
    CREATE INDEX jobs_by_time ON jobs (created_at DESC, seq DESC);
    CREATE INDEX jobs_active ON jobs (created_at, seq) WHERE ended_at IS NULL;

    CREATE TABLE plans (
      job TEXT PRIMARY KEY NOT NULL REFERENCES jobs (id),
      server TEXT NOT NULL,
      state TEXT NOT NULL CHECK (state IN ('swapping', 'kept', 'cleaning')),
      plan TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      updated_at INTEGER NOT NULL
    ) STRICT;

    CREATE TABLE used_tokens (
      hash TEXT PRIMARY KEY NOT NULL,
      expires_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX used_tokens_by_expiry ON used_tokens (expires_at);

    CREATE TABLE keys (
      name TEXT PRIMARY KEY NOT NULL,
      value BLOB NOT NULL
    ) STRICT;
  `,
};
