/** What an unpacking has made so far, and whether it may make more. */
import { Failure } from '../../base/failure.ts';
import type { ExtractLimits } from '../contract.ts';
import type { Entry } from '../entry.ts';

/** What was made. */
export interface UnpackCounts {
  /** Entries that are there now; directories that the archive does not name are not counted. */
  readonly entries: number;
  /** Hard links included. */
  readonly files: number;
  /** Content of files, copies in place of hard links included. */
  readonly bytes: number;
}

export class UnpackTally {
  readonly #limits: ExtractLimits;
  #made = 0;
  #bytes = 0;
  entries = 0;
  files = 0;

  constructor(limits: ExtractLimits) {
    this.#limits = limits;
  }

  get counts(): UnpackCounts {
    return { entries: this.entries, files: this.files, bytes: this.#bytes };
  }

  /** Counts a name about to be made, in the archive or not. @throws Failure `too_large` beyond the limit. */
  addName(): void {
    this.#made++;
    const { maxEntries } = this.#limits;
    if (maxEntries === 0 || this.#made <= maxEntries) return;
    throw new Failure('too_large', `Cannot unpack: there are more than ${maxEntries} entries`, {
      facts: { maxEntries },
    });
  }

  /** Counts content about to be written. @throws Failure `too_large` beyond the limit. */
  addBytes({ path, size }: Entry): void {
    this.#bytes += size;
    const { maxBytes } = this.#limits;
    if (maxBytes === 0 || this.#bytes <= maxBytes) return;
    throw new Failure('too_large', `Cannot unpack: its content is larger than ${maxBytes} bytes`, {
      facts: { maxBytes, path },
    });
  }
}
