/** Thousands of backups in a catalogue, each with as many warnings as a backup keeps, without making them. */
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/**
 * Adds rows like the first one that is there, each with a thousand warnings. No daemon may have the catalogue open.
 *
 * @param directory of the host.
 */
export function inflateCatalogue(directory: string, rows: number): void {
  const catalogue = new DatabaseSync(join(directory, 'state', 'catalogue.sqlite'));
  const page = JSON.stringify(
    Array.from({ length: 100 }, (_, at) => ({ path: `w/${at}`, code: 'x', message: 'grew' })),
  );
  const columns = catalogue
    .prepare('PRAGMA table_info(backups)')
    .all()
    .map(({ name }) => String(name));
  const copied = columns.filter((name) => !['seq', 'id', 'warnings', 'warning_pages', 'warning_count'].includes(name));
  catalogue.exec('PRAGMA synchronous = OFF; BEGIN');
  const row = catalogue.prepare(
    `INSERT INTO backups (id, warnings, warning_pages, warning_count, ${copied.join(', ')})
     SELECT :id, '[]', 10, 1000, ${copied.join(', ')} FROM backups ORDER BY seq LIMIT 1`,
  );
  const text = catalogue.prepare(`INSERT INTO backup_texts VALUES (:id, 'warnings', :page, :text)`);
  for (let number = 0; number < rows; number++) {
    const id = `bbbbbbbb-0000-4000-8000-${number.toString(16).padStart(12, '0')}`;
    row.run({ id });
    for (let at = 0; at < 10; at++) text.run({ id, page: at, text: page });
  }
  catalogue.exec('COMMIT');
  catalogue.close();
}
