import type { Migration } from '../migration.ts';

/** When a server's backups were last verified is asked of hundreds of servers at once: one seek for each. */
export const verified: Migration = {
  number: 10,
  name: 'verified',
  sql: `
    CREATE INDEX backups_verified ON backups (server, verified_at) WHERE verified_at IS NOT NULL;
  `,
};
