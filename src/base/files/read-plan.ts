/** Which reads fetch parts of files: those that are near each other in one file are one read, with the bytes between them. */
import type { Extent } from './file-parts.ts';

/** To read so many bytes that nothing asked for takes no longer than another call, or another request of the disk. */
const LARGEST_GAP = 32 * 1024;
/** Bytes of a read with gaps. */
export const MOST_WITH_GAPS = 256 * 1024;

/** A part, and where it belongs in what is asked for. */
export interface PlacedExtent extends Extent {
  readonly to: number;
}

/** One read of one file. */
export interface PartRead extends Extent {
  /** What of it is asked for, in order. */
  readonly pieces: readonly Piece[];
}

interface Piece {
  /** Where it begins in what was read. */
  readonly from: number;
  /** Where it belongs in what is asked for. */
  readonly to: number;
  readonly length: number;
}

interface Growing extends PartRead {
  length: number;
  readonly pieces: Piece[];
}

/** Extents that follow each other in what is asked for. */
export function* placed(extents: Iterable<Extent>): Generator<PlacedExtent, void, void> {
  let to = 0;
  for (const { descriptor, offset, length } of extents) {
    yield { descriptor, offset, length, to };
    to += length;
  }
}

/** The reads that fetch extents. @param most bytes of one that has gaps. */
export function planReads(extents: Iterable<PlacedExtent>, most = MOST_WITH_GAPS): readonly PartRead[] {
  const reads: Growing[] = [];
  const latest = new Map<number, Growing>();
  for (const { descriptor, offset, length, to } of extents) {
    const read = latest.get(descriptor);
    const from = read === undefined ? 0 : offset - read.offset;
    const gap = from - (read?.length ?? 0);
    if (read !== undefined && gap >= 0 && gap <= LARGEST_GAP && from + length <= most) {
      read.pieces.push({ from, to, length });
      read.length = from + length;
    } else {
      const begun = { descriptor, offset, length, pieces: [{ from: 0, to, length }] };
      latest.set(descriptor, begun);
      reads.push(begun);
    }
  }
  return reads;
}

/** The place in what is asked for that a read fills as it is; undefined when it has to be picked apart. */
export function directly({ pieces }: PartRead, into: Buffer): Buffer | undefined {
  const [piece] = pieces;
  return pieces.length === 1 && piece !== undefined ? into.subarray(piece.to, piece.to + piece.length) : undefined;
}

/** Copies what is asked for out of what was read. */
export function pickPieces({ pieces }: PartRead, bytes: Buffer, into: Buffer): void {
  // Not `set`: into shared memory it goes byte by byte.
  for (const { from, to, length } of pieces) bytes.copy(into, to, from, from + length);
}
