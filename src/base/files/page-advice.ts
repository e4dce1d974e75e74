/** Tells the kernel which bytes of an open file will be read, or were: posix_fadvise(2), which Node lacks. */
import { findCFunction } from '../c-library.ts';

/** Of Linux. On s390x the second number has no meaning, and the call does nothing. */
export const PAGE_ADVICE = { willNeed: 3, notNeeded: 4 } as const;

/** @returns 0 or an error number; only a hint, so that neither matters. */
type Advise = (descriptor: number, offset: number, length: number, advice: number) => number;

/** Undefined where there is no such call: reading is the same without, and slower. */
export function findPageAdvice(): Advise | undefined {
  return findCFunction('int posix_fadvise(int fd, int64_t offset, int64_t length, int advice)') as Advise | undefined;
}
