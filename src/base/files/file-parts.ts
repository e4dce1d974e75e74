/** Bytes that lie in ranges of several files, one behind the other, as one `ByteSource`. */
import { Failure, throwIfAborted } from '../failure.ts';
import type { FileParts, OpenFileParts } from '../file-parts.ts';
import type { ByteSource } from '../source.ts';
import { readFully } from './file-source.ts';

/** One stretch of one file. */
export interface Extent {
  readonly descriptor: number;
  readonly offset: number;
  readonly length: number;
}

/** Columns for so many parts, in shared memory. */
export function allocateParts(count: number): FileParts {
  const columns = new SharedArrayBuffer(count * 20);
  return {
    ends: new Float64Array(columns, 0, count),
    start: new Float64Array(columns, count * 8, count),
    file: new Uint32Array(columns, count * 16, count),
  };
}

/** Bytes of all parts together. */
export function partsLength({ ends }: FileParts): number {
  return ends.at(-1) ?? 0;
}

/**
 * The stretches that hold a range of the whole, in order.
 *
 * @throws Failure `archive_damaged` when the range is not inside.
 */
export function* extentsOf(parts: OpenFileParts, offset: number, length: number): Generator<Extent, void, void> {
  const end = offset + length;
  if (!(offset >= 0) || !(length >= 0) || end > partsLength(parts)) throw outside(offset, length);
  for (let index = partAt(parts.ends, offset), at = offset; at < end; index++) {
    const partEnd = parts.ends[index] ?? 0;
    const partStart = index === 0 ? 0 : (parts.ends[index - 1] ?? 0);
    const taken = Math.min(end, partEnd) - at;
    const descriptor = parts.descriptors[parts.file[index] ?? 0];
    if (descriptor === undefined) throw outside(offset, length);
    yield { descriptor, offset: (parts.start[index] ?? 0) + at - partStart, length: taken };
    at += taken;
  }
}

/** Fills `into` from an offset of the whole with synchronous calls. @throws Failure `archive_damaged`, system errors. */
export function readParts<T extends Uint8Array>(parts: OpenFileParts, offset: number, into: T): T {
  let at = 0;
  for (const extent of extentsOf(parts, offset, into.length)) {
    readFully(extent.descriptor, extent.offset, into.subarray(at, at + extent.length));
    at += extent.length;
  }
  return into;
}

/** A source over open parts for a thread of its own, where synchronous calls hold up nothing. `close` closes nothing. */
export function partsSource(parts: OpenFileParts): ByteSource & { readonly parts: OpenFileParts } {
  return {
    size: partsLength(parts),
    parts,
    read(offset, length, signal) {
      throwIfAborted(signal, 'Cannot read the archive');
      return Promise.resolve(readParts(parts, offset, Buffer.allocUnsafe(length)));
    },
    close: () => Promise.resolve(),
  };
}

/** The part that holds an offset: the first that ends behind it. */
function partAt(ends: Float64Array, offset: number): number {
  let low = 0;
  let high = ends.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ends[middle] ?? 0) > offset) high = middle;
    else low = middle + 1;
  }
  return low;
}

function outside(offset: number, length: number): Failure {
  return new Failure('archive_damaged', `Cannot read the archive: it ends before byte ${offset + length}`, {
    facts: { offset, length },
  });
}
