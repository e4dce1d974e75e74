import type { Migration } from '../migration.ts';

/**
 * Warnings and long ignore lists of backups in a table of their own. SQLite reads a row's columns through all that lies
 * before them, so a list of backups would read every warning of each. `warnings` of a row holds a few short ones, or is empty
 * and `warning_pages` counts the pages; `ignore` holds the first lines, and `ignore_lines` says how many there are in all
 * where that is not the whole list.
 */
export const backupTexts: Migration = {
  number: 5,
  name: 'backup texts',
  sql: `
    CREATE TABLE backup_texts (
      backup TEXT NOT NULL REFERENCES backups (id) ON DELETE CASCADE,
      kind TEXT NOT NULL CHECK (kind IN ('ignore', 'warnings')),
      page INTEGER NOT NULL CHECK (page >= 0),
      text TEXT NOT NULL,
      PRIMARY KEY (backup, kind, page)
    ) STRICT;
    ALTER TABLE backups ADD COLUMN warning_pages INTEGER NOT NULL DEFAULT 0 CHECK (warning_pages >= 0);
    ALTER TABLE backups ADD COLUMN ignore_lines INTEGER;

    INSERT INTO backup_texts (backup, kind, page, text)
      SELECT backups.id, 'warnings', each.key / 100, json_group_array(json(each.value) ORDER BY each.key)
      FROM backups, json_each(backups.warnings) AS each
      WHERE length(backups.warnings) > 512 GROUP BY backups.id, each.key / 100;
    UPDATE backups SET warning_pages = (json_array_length(warnings) + 99) / 100, warnings = '[]'
      WHERE length(warnings) > 512;

    INSERT INTO backup_texts (backup, kind, page, text)
      SELECT id, 'ignore', 0, ignore FROM backups WHERE length(ignore) > 1024;
    UPDATE backups SET ignore_lines = json_array_length(ignore),
      ignore = (SELECT json_group_array(value) FROM (SELECT value FROM json_each(ignore) ORDER BY key LIMIT 5))
      WHERE length(ignore) > 1024;
  `,
};
