/**
 * Starts writing dirty pages early: the kernel otherwise keeps them for half a minute, and flushing a gibibyte at the
 * end leaves all cores idle. Uses sync_file_range(2).
 *
 * Only a hint: bytes are durable only after a checked flush. Does nothing where the call is missing or unsupported.
 */
import { MEBIBYTE } from '../sizes.ts';
import { findCFunction } from '../c-library.ts';

/** Large enough to keep a disk busy, small enough that the last stretch ends soon. */
const STRETCH = 16 * MEBIBYTE;

/** linux/fs.h: start writing dirty pages, wait for nothing. */
const SYNC_FILE_RANGE_WRITE = 2;

type BeginWriteBack = (descriptor: number, offset: number, length: number) => void;

/** Write-back of a file that is written sequentially. */
export class StreamWriteBack {
  readonly #descriptor: number;
  /** Looked up at the first stretch, because most files are shorter. */
  #begin: BeginWriteBack | undefined;
  #begun = 0;
  #written = 0;

  constructor(descriptor: number, begin?: BeginWriteBack) {
    this.#descriptor = descriptor;
    this.#begin = begin;
  }

  /** Reports further bytes as written. */
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
 * Runs in its own thread, because a disk with a full queue blocks the call. A descriptor closed or reused meanwhile
 * does no harm.
 */
function findWriteBack(): BeginWriteBack {
  const call = findCFunction('int sync_file_range(int fd, int64_t offset, int64_t length, unsigned int flags)');
  if (call === undefined) return () => undefined;
  return (...stretch) => void call.async(...stretch, SYNC_FILE_RANGE_WRITE, () => undefined);
}
