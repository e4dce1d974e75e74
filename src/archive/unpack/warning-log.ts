/** A bounded list of warnings: an archive may hold a million hostile names. */
import type { ArchiveWarning, WarningCode } from '../entry.ts';

/** How many warnings about entries are kept; all are counted. */
export const KEPT_WARNINGS = 1000;
/** How many are kept that are about the archive as a whole. */
const KEPT_GENERAL = 20;
/** Codes that say that an entry was passed over. */
const SKIPPED: ReadonlySet<WarningCode> = new Set([
  'hostile_entry',
  'unsupported_entry',
  'refused_by_file_system',
  'name_collision',
]);

export class WarningLog {
  readonly #named: ArchiveWarning[] = [];
  /** About the archive as a whole: they mostly come last, and a list of names does not say what they say. */
  readonly #general: ArchiveWarning[] = [];
  #count = 0;
  #hostile = 0;
  #skipped = 0;

  readonly add = (warning: ArchiveWarning): void => {
    this.#count++;
    if (warning.code === 'hostile_entry') this.#hostile++;
    if (SKIPPED.has(warning.code)) this.#skipped++;
    const [list, most] = warning.path === '' ? [this.#general, KEPT_GENERAL] : [this.#named, KEPT_WARNINGS];
    if (list.length < most) list.push(warning);
  };

  /** Those about the archive as a whole, then those about entries. */
  get kept(): readonly ArchiveWarning[] {
    return [...this.#general, ...this.#named];
  }

  get count(): number {
    return this.#count;
  }

  /** How many of all were `hostile_entry`. */
  get hostile(): number {
    return this.#hostile;
  }

  /** How many of all say that an entry was passed over. */
  get skipped(): number {
    return this.#skipped;
  }
}

/** The warning about an archive of which nothing can be unpacked. */
export function nothingLeft(passedOver: number): ArchiveWarning {
  const message = `nothing of it can be unpacked: all ${passedOver} entries were passed over`;
  return { path: '', code: 'nothing_left', message };
}
