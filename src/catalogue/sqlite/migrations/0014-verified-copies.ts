import type { Migration } from '../migration.ts';

/**
 * When the archive of a copy was written, last read to its end, and found damaged. The damage stays noted until another
 * archive is written, so that a start takes none for whole that is as long as it should be. What is due for a
 * verification is asked for every second: one seek each.
 */
export const verifiedCopies: Migration = {
  number: 14,
  name: 'verified copies',
  sql: `
    ALTER TABLE copies ADD COLUMN made_at INTEGER;
    ALTER TABLE copies ADD COLUMN verified_at INTEGER;
    ALTER TABLE copies ADD COLUMN damaged_at INTEGER;
    UPDATE copies SET made_at = updated_at WHERE state = 'completed';
    CREATE INDEX copies_due ON copies (coalesce(verified_at, made_at)) WHERE state = 'completed';
    CREATE INDEX backups_due ON backups (coalesce(verified_at, completed_at))
      WHERE status = 'COMPLETED' AND damaged_at IS NULL;
  `,
};
