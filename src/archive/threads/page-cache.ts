/**
 * Keeps a long read from pushing the games' files out of the page cache, by posix_fadvise for the part already read.
 * Node lacks that call, so koffi calls the C library; without it the kernel evicts as usual.
 *
 * The kernel drops the pages for all readers, so use it only where no other reader is expected. A backup does not use
 * it on a server's files: the game may need them.
 */
import { MEBIBYTE } from '../../base/sizes.ts';

/** Bytes per call, because each call walks the pages. */
const STEP = 8 * MEBIBYTE;
/** Threads read in parallel, up to this far apart, so only bytes further back are dropped. */
const UNDER_WAY = 32 * MEBIBYTE;

type Advise = (offset: number, length: number) => void;

/** Drops the part of one file that was read, as reading goes on. */
export class PassedBytes {
  readonly #advise: Advise;
  #advised = 0;

  constructor(advise: Advise) {
    this.#advise = advise;
  }

  /** @param done bytes from the start of the file that were read; threads may be somewhat ahead or behind. */
  upTo(done: number): void {
    const passed = Math.floor((done - UNDER_WAY) / STEP) * STEP;
    if (passed <= this.#advised) return;
    this.#advise(this.#advised, passed - this.#advised);
    this.#advised = passed;
  }

  /** Drops the whole file. */
  all(): void {
    this.#advise(0, 0);
  }
}

/** For an open file, which the caller closes; undefined without posix_fadvise. */
export async function passedBytes(descriptor: number): Promise<PassedBytes | undefined> {
  // Loaded on demand, because most reads drop nothing.
  const { findPageAdvice, PAGE_ADVICE } = await import('../../base/files/page-advice.ts');
  const advise = findPageAdvice();
  return advise && new PassedBytes((offset, length) => void advise(descriptor, offset, length, PAGE_ADVICE.notNeeded));
}
