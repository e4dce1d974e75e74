/**
 * Keeping a long read from filling the page cache, where the files lie that games read all the time. The kernel is told
 * of bytes that will not be needed again, behind the place that was read. Node has no posix_fadvise; koffi calls that of
 * the C library. Without it nothing is told, and the kernel makes room by itself, as for any reader.
 *
 * Only for bytes that nobody else is about to read: the kernel drops them whoever brought them in. Those that a backup
 * reads of a server stay for that reason: the game may need them, and pages that were read once are the first to go.
 */
import { MEBIBYTE } from '../../base/sizes.ts';

/** POSIX_FADV_DONTNEED of Linux on every processor that Node runs on but s390x, where it means nothing. */
const NOT_NEEDED = 4;
/** Told in steps, as each call walks the pages. */
const STEP = 8 * MEBIBYTE;
/** Threads read ahead of each other: what lies this far behind the count is passed by all. */
const UNDER_WAY = 32 * MEBIBYTE;

type Advise = (offset: number, length: number) => void;

/** Says of one file, again and again, how far it was read. */
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

  /** Nothing of the file is read any more. */
  all(): void {
    this.#advise(0, 0);
  }
}

/** For an open file; undefined where the kernel cannot be told. The descriptor stays the caller's. */
export async function passedBytes(descriptor: number): Promise<PassedBytes | undefined> {
  const advise = await findAdvise();
  return advise && new PassedBytes((offset, length) => void advise(descriptor, offset, length, NOT_NEEDED));
}

async function findAdvise() {
  // Loaded for this alone: most reads of an archive are for somebody who waits, and drop nothing.
  const { findCFunction } = await import('../../base/c-library.ts');
  const advise = findCFunction('int posix_fadvise(int fd, int64_t offset, int64_t length, int advice)');
  return advise as ((...call: readonly number[]) => number) | undefined;
}
