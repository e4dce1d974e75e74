/** Looks at the holes of a large file before it is archived. */
import type fs from 'node:fs';
import { nextData, nextHole } from '../../base/files/holes.ts';
import { PIECE_LENGTH } from './cut.ts';

/** Unpacking leaves holes of whole chunks of this size (unpack/file.ts). */
const CHUNK = 64 * 1024;
/** Runs of data that are looked at; a file with more is taken to have no holes for what it needs on disk. */
const MAX_RUNS = 65_536;

export interface SparseFacts {
  /** Pieces that lie in holes as a whole, as far as was looked. */
  readonly emptyPieces: number;
  /** Bytes that the file takes when it is unpacked; undefined when that is all of it. */
  readonly allocated: number | undefined;
}

/** Finds the holes of an open file. Undefined, without a system call, when it has none. */
export function scanHoles(descriptor: number, { size, blocks }: fs.Stats): SparseFacts | undefined {
  // st_blocks counts 512 bytes, whatever the blocks of the file system are.
  if (blocks * 512 >= size) return undefined;
  let emptyPieces = 0;
  // A last part shorter than a chunk is written even when it is zeros.
  let allocated = size % CHUNK;
  let counted = 0;
  let at = 0;
  for (let runs = 0; runs < MAX_RUNS; runs++) {
    const data = Math.min(nextData(descriptor, at), size);
    emptyPieces += Math.max(0, Math.floor(data / PIECE_LENGTH) - Math.ceil(at / PIECE_LENGTH));
    if (data >= size) return { emptyPieces, allocated: allocated < size ? allocated : undefined };
    at = Math.min(nextHole(descriptor, data), size);
    const from = Math.max(counted, Math.floor(data / CHUNK) * CHUNK);
    counted = Math.max(counted, Math.min(Math.ceil(at / CHUNK) * CHUNK, size));
    allocated = Math.min(allocated + Math.max(0, counted - from), size);
  }
  return { emptyPieces, allocated: undefined };
}

/** How many pieces from an offset on lie in one hole, each as a whole. */
export function emptyPiecesAt(descriptor: number, offset: number, size: number): number {
  const data = Math.min(nextData(descriptor, offset), size);
  return Math.floor((data - offset) / PIECE_LENGTH);
}
