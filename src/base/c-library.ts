/**
 * C library functions that Node lacks, called through koffi. They only improve speed or fairness: where one is missing
 * (musl lacks some), callers go without.
 */
import koffi, { type LibraryHandle } from 'koffi';
import { attempt } from './failure.ts';

/** Functions by their declaration: each `func` makes a new one, which is never freed. */
const found = new Map<string, ReturnType<LibraryHandle['func']> | undefined>();

/**
 * A function of the loaded C library, glibc or musl.
 *
 * @param declaration in C, such as `int syncfs(int fd)`.
 * @returns undefined when there is no such function.
 */
export function findCFunction(declaration: string): ReturnType<LibraryHandle['func']> | undefined {
  if (!found.has(declaration)) {
    // null means the running process.
    found.set(
      declaration,
      attempt(() => koffi.load(null).func(declaration)),
    );
  }
  return found.get(declaration);
}
