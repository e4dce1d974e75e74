import type { Migration } from '../migration.ts';

/** What an archive added to its store: less than its size where it shares bytes. NULL for those made before. */
export const storedBytes: Migration = {
  number: 11,
  name: 'stored-bytes',
  sql: 'ALTER TABLE backups ADD COLUMN stored_bytes INTEGER CHECK (stored_bytes >= 0);',
};
