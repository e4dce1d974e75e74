/**
 * The parts of a backup that its server's owner decides the length of, beside its row: many warnings, by pages, and a long
 * ignore list. A row holds the first lines of such a list, so that lists of backups need nothing else.
 */
import type { BackupId } from '../../base/ids.ts';
import type { WarningPage } from '../contract.ts';
import type { BackupRecord, BackupSummary, WarningRecord } from '../records.ts';
import type { Database, Values } from '../sqlite/database.ts';
import { json } from '../sqlite/row.ts';

/** Warnings of one page; a page is read and decoded as a whole. */
const WARNINGS_PER_PAGE = 100;
/** Characters, as JSON, that a row holds of an ignore list, and of warnings. */
const MOST_IGNORE = 1024;
const MOST_WARNINGS = 512;

type Kind = 'ignore' | 'warnings';

export class BackupTexts {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Replaces what there is of the backup; to be called in the transaction that writes its row. */
  write(backup: BackupId, { ignore, warnings }: Pick<BackupRecord, 'ignore' | 'warnings'>): void {
    this.#database.run('DELETE FROM backup_texts WHERE backup = :backup', { backup });
    for (const [page, part] of pagesOf(warnings).entries()) this.#insert(backup, 'warnings', page, part);
    if (ignoreValues(ignore).ignore_lines !== null) this.#insert(backup, 'ignore', 0, ignore);
  }

  /** The whole list of a backup whose row holds the first lines. */
  ignore({ id, ignore, ignoreCount }: Pick<BackupSummary, 'id' | 'ignore' | 'ignoreCount'>): readonly string[] {
    if (ignoreCount === undefined) return ignore;
    return (this.#page(id, 'ignore', 0) as readonly string[] | undefined) ?? ignore;
  }

  warnings(backup: BackupId): readonly WarningRecord[] {
    const sql = `SELECT text FROM backup_texts WHERE backup = :backup AND kind = 'warnings' ORDER BY page`;
    return this.#database.all(sql, { backup }).flatMap((row) => json(row, 'text') as readonly WarningRecord[]);
  }

  warningPage(backup: BackupId, page: number): WarningPage {
    const warnings = (this.#page(backup, 'warnings', page) as readonly WarningRecord[] | undefined) ?? [];
    const sql = `SELECT 1 FROM backup_texts WHERE backup = :backup AND kind = 'warnings' AND page = :page`;
    const isLast = this.#database.one(sql, { backup, page: page + 1 }) === undefined;
    return isLast ? { warnings } : { warnings, next: page + 1 };
  }

  #page(backup: BackupId, kind: Kind, page: number): unknown {
    const sql = 'SELECT text FROM backup_texts WHERE backup = :backup AND kind = :kind AND page = :page';
    const row = this.#database.one(sql, { backup, kind, page });
    return row === undefined ? undefined : json(row, 'text');
  }

  #insert(backup: BackupId, kind: Kind, page: number, content: unknown): void {
    this.#database.run('INSERT INTO backup_texts (backup, kind, page, text) VALUES (:backup, :kind, :page, :text)', {
      backup,
      kind,
      page,
      text: JSON.stringify(content),
    });
  }
}

/** Splits warnings into pages; none when the row itself holds them all. */
function pagesOf(warnings: readonly WarningRecord[]): (readonly WarningRecord[])[] {
  if (JSON.stringify(warnings).length <= MOST_WARNINGS) return [];
  const pages: (readonly WarningRecord[])[] = [];
  for (let at = 0; at < warnings.length; at += WARNINGS_PER_PAGE)
    pages.push(warnings.slice(at, at + WARNINGS_PER_PAGE));
  return pages;
}

/** The columns of a row: a few short warnings, or how many pages lie beside it. */
export function warningValues(warnings: readonly WarningRecord[]): Values {
  const pages = pagesOf(warnings).length;
  return { warnings: pages === 0 ? JSON.stringify(warnings) : '[]', warning_pages: pages };
}

/** The columns of a row: the list, or its first lines and how many there are. */
export function ignoreValues(ignore: readonly string[]): Values & { readonly ignore_lines: number | null } {
  const whole = JSON.stringify(ignore);
  if (whole.length <= MOST_IGNORE) return { ignore: whole, ignore_lines: null };
  const first: string[] = [];
  let characters = 2;
  for (const line of ignore) {
    characters += JSON.stringify(line).length + 1;
    if (characters > MOST_IGNORE) break;
    first.push(line);
  }
  return { ignore: JSON.stringify(first), ignore_lines: ignore.length };
}
