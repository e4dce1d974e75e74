import { errnoOf } from '../../base/failure.ts';

const EXHAUSTED: ReadonlySet<string | undefined> = new Set(['EMFILE', 'ENFILE', 'ENOMEM']);

/** True when descriptors or memory ran out: that says nothing of the name, and going on would leave out every further one. */
export function isExhausted(error: unknown): boolean {
  return EXHAUSTED.has(errnoOf(error));
}
