/**
 * Having the disk begin early: the kernel keeps what is written in memory for half a minute, and a flush at the end of
 * a gibibyte then waits for all of it while no core has anything to do. sync_file_range(2) starts that work at once.
 *
 * It is a hint and promises nothing: only a checked flush says that bytes are on the disk. Where it cannot be had
 * (another C library, a file system that has no such thing) everything is as it would be without it.
 */
import { MEBIBYTE } from './sizes.ts';
import { findCFunction } from './c-library.ts';

/** Enough to keep a disk busy, little enough that the last stretch is soon there. */
const STRETCH = 16 * MEBIBYTE;

/** linux/fs.h: start writing dirty pages, wait for nothing. */
const SYNC_FILE_RANGE_WRITE = 2;

type BeginWriteBack = (descriptor: number, offset: number, length: number) => void;

/** Write-back of a file that is written from its beginning to its end. */
export class StreamWriteBack {
  readonly #descriptor: number;
  /** Found with the first stretch: most files are shorter. */
  #begin: BeginWriteBack | undefined;
  #begun = 0;
  #written = 0;

  constructor(descriptor: number, begin?: BeginWriteBack) {
    this.#descriptor = descriptor;
    this.#begin = begin;
  }

  /** So many further bytes have been written. */
  wrote(length: number): void {
    this.#written += length;
    const stretch = this.#written - this.#begun;
    if (stretch < STRETCH) return;
    this.#begin ??= findWriteBack();
    this.#begin(this.#descriptor, this.#begun, stretch);
    this.#begun = this.#written;
  }
}

/**
 * It runs in a thread of its own: a disk whose queue is full makes the call wait. A descriptor that is closed meanwhile
 * does no harm, nor does its next owner.
 */
function findWriteBack(): BeginWriteBack {
  const call = findCFunction('int sync_file_range(int fd, int64_t offset, int64_t length, unsigned int flags)');
  if (call === undefined) return () => undefined;
  return (...stretch) => void call.async(...stretch, SYNC_FILE_RANGE_WRITE, () => undefined);
}
