/**
 * Frees the buffers of a stream soon after they were used.
 *
 * Each chunk that Node reads from a connection is a buffer of its own, 64 KiB outside of V8's heap with a small object inside.
 * V8 collects young objects once a semi-space is full of them, which so small objects take long to do; the buffers outside
 * pass its limit (64 MiB) first, and it then marks the whole heap, 40 times for a GiB, for garbage that one look at the young
 * objects frees.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { MEBIBYTE } from './sizes.ts';

/** Well below V8's limit; a look at the young objects takes about a millisecond. */
const COLLECT_BYTES = 4 * MEBIBYTE;

let passed = 0;
let collect: (() => void) | undefined;

/** Call for each chunk of a stream once it was handed on. @param bytes its length. */
export function bufferPassed(bytes: number): void {
  passed += bytes;
  if (passed < COLLECT_BYTES) return;
  passed = 0;
  collect ??= findCollector();
  collect();
}

/** V8 shows its collector to scripts of contexts that are made under this flag, and to no other code. */
function findCollector(): () => void {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as (options: { readonly type: 'minor' }) => void;
  setFlagsFromString('--no-expose-gc');
  return () => gc({ type: 'minor' });
}
