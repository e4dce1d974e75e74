import type { Migration } from '../migration.ts';

/** Copies of backups in further stores. A row goes with its backup, which is removed only after all copies are. */
export const copies: Migration = {
  number: 2,
  name: 'copies',
  sql: `
    CREATE TABLE copies (
      backup TEXT NOT NULL REFERENCES backups (id) ON DELETE CASCADE,
      store TEXT NOT NULL,
      state TEXT NOT NULL CHECK (state IN ('pending', 'completed', 'failed')),
      error TEXT,
      updated_at INTEGER NOT NULL,
      PRIMARY KEY (backup, store),
      CHECK ((state = 'failed') = (error IS NOT NULL))
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX copies_by_state ON copies (state, updated_at);
  `,
};
