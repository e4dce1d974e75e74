import type { Migration } from '../migration.ts';

/** How a server's files were kept still while they were read, as JSON. NULL where they were not, or that is not known. */
export const quiesced: Migration = {
  number: 13,
  name: 'quiesced',
  sql: 'ALTER TABLE backups ADD COLUMN quiesced TEXT;',
};
