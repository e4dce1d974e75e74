/** Where bytes lie that are in ranges of several files, one behind the other. */
import { Failure } from '../failure.ts';
import type { FileParts, OpenFileParts } from '../file-parts.ts';

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

/** The files that hold a range of the whole, each once. The range must lie inside. */
export function filesOf({ ends, file }: FileParts, offset: number, length: number): ReadonlySet<number> {
  const files = new Set<number>();
  const end = offset + length;
  for (let index = partAt(ends, offset), at = offset; at < end && index < ends.length; index++) {
    files.add(file[index] ?? 0);
    at = ends[index] ?? end;
  }
  return files;
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
