/** Counts what is unpacked and enforces the limits on it. */
import { Failure } from '../../base/failure.ts';
import type { ExtractLimits } from '../contract.ts';
import type { Entry } from '../entry.ts';

export interface UnpackCounts {
  /** Entries that exist now; directories without an entry in the archive are not counted. */
  readonly entries: number;
  /** Hard links included. */
  readonly files: number;
  /** Content of files, including copies made instead of hard links. */
  readonly bytes: number;
}

export class UnpackTally {
  readonly #limits: ExtractLimits;
  #made = 0;
  #bytes = 0;
  /** Of these what is written, or will be. */
  #charged = 0;
  entries = 0;
  files = 0;

  constructor(limits: ExtractLimits) {
    this.#limits = limits;
  }

  get counts(): UnpackCounts {
    return { entries: this.entries, files: this.files, bytes: this.#bytes };
  }

  /** Counts a name about to be made, with or without an entry. @throws Failure `too_large` beyond the limit. */
  addName(): void {
    this.#made++;
    const { maxEntries } = this.#limits;
    if (maxEntries === 0 || this.#made <= maxEntries) return;
    throw new Failure('too_large', `Cannot unpack: there are more than ${maxEntries} entries`, {
      facts: { maxEntries },
    });
  }

  /**
   * Counts content about to be written. Of a file with holes, `charge` counts what is written: its archive may say less.
   *
   * @throws Failure `too_large` beyond the limit.
   */
  addBytes({ path, size, allocated }: Entry): void {
    this.#bytes += size;
    if (allocated === undefined) this.charge(size, path);
  }

  /** Counts bytes that take space. @throws Failure `too_large` beyond the limit. */
  charge(bytes: number, path: string): void {
    this.#charged += bytes;
    const { maxBytes } = this.#limits;
    if (maxBytes === 0 || this.#charged <= maxBytes) return;
    throw new Failure('too_large', `Cannot unpack: its content is larger than ${maxBytes} bytes`, {
      facts: { maxBytes, path },
    });
  }
}
