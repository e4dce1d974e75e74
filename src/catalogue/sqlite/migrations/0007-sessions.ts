import type { Migration } from '../migration.ts';

export const sessions: Migration = {
  number: 7,
  name: 'sessions',
  sql: `
    CREATE TABLE sessions (
      id TEXT PRIMARY KEY,
      secret_hash TEXT NOT NULL UNIQUE CHECK (length(secret_hash) = 64),
      token TEXT NOT NULL,
      fingerprint TEXT NOT NULL,
      permissions TEXT NOT NULL,
      servers TEXT NOT NULL,
      label TEXT NOT NULL,
      ancestors TEXT NOT NULL,
      kept INTEGER NOT NULL CHECK (kept IN (0, 1)),
      address TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      last_used_at INTEGER NOT NULL,
      expires_at INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE session_links (
      id TEXT PRIMARY KEY,
      code_hash TEXT NOT NULL UNIQUE CHECK (length(code_hash) = 64),
      token TEXT NOT NULL,
      fingerprint TEXT NOT NULL,
      permissions TEXT NOT NULL,
      servers TEXT NOT NULL,
      label TEXT NOT NULL,
      ancestors TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      expires_at INTEGER NOT NULL,
      used_at INTEGER
    ) STRICT;
  `,
};
