/**
 * C library functions that Node lacks, called through koffi. They only improve speed or fairness: where one is missing
 * (musl lacks some), callers go without.
 */
import koffi, { type LibraryHandle } from 'koffi';
import { attempt } from './failure.ts';

/**
 * A function of the loaded C library, glibc or musl.
 *
 * @param declaration in C, such as `int syncfs(int fd)`.
 * @returns undefined when there is no such function.
 */
export function findCFunction(declaration: string): ReturnType<LibraryHandle['func']> | undefined {
  // null means the running process.
  return attempt(() => koffi.load(null).func(declaration));
}
