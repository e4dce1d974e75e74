/**
 * How an object is cut into multipart parts: at most 10,000, all but the last of one size (R2 and B2 require that) from
 * 5 MiB to 5 GiB; docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html.
 */
import { Failure } from '../../base/failure.ts';
import { formatBytes, MEBIBYTE } from '../../base/sizes.ts';

export const MAX_PARTS = 10_000;

/** Enough for archives of 78 GiB; smaller parts would cost more requests than they save memory. */
const USUAL_PART = 8 * MEBIBYTE;
const LARGEST_PART = 5 * 1024 ** 3;
/** The most memory for parts of one object, if their size allows it. */
const MEMORY = 32 * MEBIBYTE;
const MOST_BUFFERS = 4;

/**
 * The part size in bytes for an upload: the configured or usual one, or larger where 10,000 parts would not suffice.
 *
 * @param expected the most bytes that the object may have, or undefined when unknown.
 * @param configured the operator's part size, or null.
 * @throws Failure `too_large` when 10,000 of the largest parts would not hold it.
 */
export function choosePartSize(expected: number | undefined, configured: number | null): number {
  const least = Math.ceil((expected ?? 0) / MAX_PARTS / MEBIBYTE) * MEBIBYTE;
  const size = Math.max(configured ?? USUAL_PART, least);
  if (size <= LARGEST_PART) return size;
  throw new Failure('too_large', `Cannot store the archive: ${formatBytes(expected ?? 0)} do not fit into one object`, {
    facts: { expected, limit: LARGEST_PART * MAX_PARTS },
    hint: 'Lower limits.max_size, or leave more of the server out.',
  });
}

/** Buffers per object. At least two: one is filled while others are sent. */
export function bufferCount(partSize: number): number {
  return Math.max(2, Math.min(MOST_BUFFERS, Math.floor(MEMORY / partSize)));
}

export function tooManyParts(partSize: number): Failure {
  return new Failure(
    'too_large',
    `Cannot store the archive: it has grown past ${MAX_PARTS} parts of ${formatBytes(partSize)}`,
    { facts: { partSize }, hint: 'Raise part_size of the store, or set limits.max_size.' },
  );
}
