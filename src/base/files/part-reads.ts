/**
 * Reads bytes that lie in many parts. A synchronous read takes two microseconds, so each part is one; where a read is a
 * message to another thread and back, parts that are near each other in one file are read in one go, with the bytes
 * between them. In a vault up to seventy parts make up a mebibyte, and they lie in a dozen places.
 */
import { throwIfAborted } from '../failure.ts';
import type { OpenFileParts } from '../file-parts.ts';
import type { ByteSource } from '../source.ts';
import { readCached } from './cached-read.ts';
import { type Extent, extentsOf, partsLength } from './file-parts.ts';
import { readFully } from './file-source.ts';
import { findPageAdvice, PAGE_ADVICE } from './page-advice.ts';
import { ReadAhead } from './read-ahead.ts';
import { placed, type PlacedExtent } from './read-plan.ts';

/**
 * Of one call Linux reads no more than the disk's window for reading ahead, 128 KiB where nothing else is set, or its largest
 * request, and says nothing of the rest (force_page_cache_ra in mm/readahead.c).
 */
const ASKED_AT_ONCE = 128 * 1024;

/**
 * Fills `into` with extents that follow each other, by synchronous calls. What is not in memory yet is asked of the disk
 * all at once, and then waited for: one after the other, the parts of an archive of thirty nights would take the disk half
 * as long again.
 *
 * @throws Failure `archive_damaged`, system errors.
 */
export function readExtents<T extends Uint8Array>(extents: Iterable<Extent>, into: T): T {
  const [first, ...others] = placed(extents);
  if (first === undefined) return into;
  const missing = others.length === 0 ? [first] : notCached([first, ...others], into);
  if (missing.length > 1) askFor(missing);
  return readMissing(missing, into);
}

function readMissing<T extends Uint8Array>(missing: readonly PlacedExtent[], into: T): T {
  for (const { descriptor, offset, length, to } of missing) {
    readFully(descriptor, offset, into.subarray(to, to + length));
  }
  return into;
}

/** Fills what is in memory already, at once. @returns the rest. */
export function notCached(extents: Iterable<PlacedExtent>, into: Uint8Array): readonly PlacedExtent[] {
  const missing: PlacedExtent[] = [];
  for (const { descriptor, offset, length, to } of extents) {
    const got = readCached(descriptor, offset, into.subarray(to, to + length));
    if (got < length) missing.push({ descriptor, offset: offset + got, length: length - got, to: to + got });
  }
  return missing;
}

/** Has the kernel begin to read them. */
function askFor(extents: readonly Extent[]): void {
  const advise = findPageAdvice();
  for (const { descriptor, offset, length } of extents) {
    for (let at = 0; at < length; at += ASKED_AT_ONCE) {
      advise?.(descriptor, offset + at, Math.min(ASKED_AT_ONCE, length - at), PAGE_ADVICE.willNeed);
    }
  }
}

/** Reads open parts by synchronous calls, as `readExtents` does; what is read in order is asked of the disk ahead. */
export class PartsReader {
  readonly #parts: OpenFileParts;
  readonly #ahead: ReadAhead;

  constructor(parts: OpenFileParts) {
    this.#parts = parts;
    this.#ahead = new ReadAhead(parts);
  }

  /** Fills `into` from an offset of the whole. @throws Failure `archive_damaged`, system errors. */
  read<T extends Uint8Array>(offset: number, into: T): T {
    const missing = notCached(placed(extentsOf(this.#parts, offset, into.length)), into);
    if (missing.length > 1) askFor(missing);
    askFor(this.#ahead.next(offset, into.length, missing.length > 0));
    return readMissing(missing, into);
  }
}

/** The same memory as a Buffer, which copies also into shared memory as fast as it can be. */
export function bufferOver({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** A source over open parts for a thread of its own, where synchronous calls hold up nothing. `close` closes nothing. */
export function partsSource(parts: OpenFileParts): ByteSource & { readonly parts: OpenFileParts } {
  const reader = new PartsReader(parts);
  return {
    size: partsLength(parts),
    parts,
    read(offset, length, signal) {
      throwIfAborted(signal, 'Cannot read the archive');
      return Promise.resolve(reader.read(offset, Buffer.allocUnsafe(length)));
    },
    close: () => Promise.resolve(),
  };
}
