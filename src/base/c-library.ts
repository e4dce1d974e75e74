/**
 * Functions of the C library that Node does not offer, called through koffi. Each of them makes something faster or more
 * polite, and nothing depends on one: where it is missing (musl lacks some) its caller does without.
 */
import koffi, { type LibraryHandle } from 'koffi';
import { attempt } from './failure.ts';

/**
 * A function of the C library that the process itself has loaded, glibc or musl.
 *
 * @param declaration in C, such as `int syncfs(int fd)`.
 * @returns undefined when there is none of that name.
 */
export function findCFunction(declaration: string): ReturnType<LibraryHandle['func']> | undefined {
  // null stands for the process itself.
  return attempt(() => koffi.load(null).func(declaration));
}
