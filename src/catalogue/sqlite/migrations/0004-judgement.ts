import type { Migration } from '../migration.ts';

/**
 * What is known of a backup besides that it is finished. `sequence` numbers the backups of one server in the order in which
 * they were made here, whatever the clock said; 0 for one made elsewhere. It is a column of its own beside `seq`, so that
 * a rebuild can take it from manifests without the numbers of two nodes excluding each other.
 */
export const judgement: Migration = {
  number: 4,
  name: 'judgement',
  sql: `
    ALTER TABLE backups ADD COLUMN sequence INTEGER NOT NULL DEFAULT 0 CHECK (sequence >= 0);
    ALTER TABLE backups ADD COLUMN suspect TEXT;
    ALTER TABLE backups ADD COLUMN accepted_at INTEGER;
    ALTER TABLE backups ADD COLUMN index_sha256 TEXT CHECK (length(index_sha256) = 64);
    ALTER TABLE backups ADD COLUMN removing INTEGER NOT NULL DEFAULT 0 CHECK (removing IN (0, 1));
    UPDATE backups SET sequence = seq;
    CREATE INDEX backups_by_sequence ON backups (server, sequence DESC, created_at DESC, seq DESC);
  `,
};
