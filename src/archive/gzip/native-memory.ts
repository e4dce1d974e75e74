/**
 * Returns memory to the host after an operation. glibc keeps what ended threads freed, and a shared buffer lives until
 * its thread collects garbage, which an idle daemon never does: ten jobs held 100 MiB.
 */
import { findCFunction } from '../../base/c-library.ts';
import { addressOf } from './isal-library.ts';

/** sys/mman.h: the pages are dropped at once, and read as zeros when they are touched again. */
const MADV_DONTNEED = 4;
const PAGE = 4096;

/** Drops the content of shared memory that no thread uses any more; it then reads as zeros. */
export function dropContent(memory: SharedArrayBuffer): void {
  const start = addressOf(Buffer.from(memory));
  const first = (start + BigInt(PAGE) - 1n) & ~BigInt(PAGE - 1);
  const length = ((start + BigInt(memory.byteLength)) & ~BigInt(PAGE - 1)) - first;
  // The kernel may refuse where pages are larger than 4 KiB; the memory then stays in use.
  const madvise = findCFunction('int madvise(size_t start, size_t length, int advice)');
  if (length > 0n) madvise?.(first, length, MADV_DONTNEED);
}

/** Makes the C library return free memory to the system, in another thread; takes a few milliseconds. */
export async function returnFreedMemory(): Promise<void> {
  // musl does not have this call, and keeps less memory.
  const trim = findCFunction('int malloc_trim(size_t keep)');
  if (trim === undefined) return;
  await new Promise<void>((resolve) => {
    trim.async(0, () => resolve());
  });
}
