/** A bounded list of warnings: an archive may hold a million hostile names. */
import type { ArchiveWarning } from '../entry.ts';

/** How many warnings are kept; all are counted. */
export const KEPT_WARNINGS = 1000;

export class WarningLog {
  readonly #kept: ArchiveWarning[] = [];
  #count = 0;
  #hostile = 0;
  #skipped = 0;

  readonly add = (warning: ArchiveWarning): void => {
    this.#count++;
    if (warning.code === 'hostile_entry') this.#hostile++;
    if (warning.code === 'hostile_entry' || warning.code === 'unsupported_entry') this.#skipped++;
    if (this.#kept.length < KEPT_WARNINGS) this.#kept.push(warning);
  };

  get kept(): readonly ArchiveWarning[] {
    return this.#kept;
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
