/** Where the data and the holes of a file lie (lseek(2), SEEK_DATA and SEEK_HOLE), which Node has no call for. */
import os from 'node:os';
import koffi from 'koffi';
import { findCFunction } from '../c-library.ts';

const SEEK_DATA = 3;
const SEEK_HOLE = 4;

type Seek = (descriptor: number, offset: number, whence: number) => number;
let seek: Seek | null | undefined;

/** Where the next data at or behind an offset begins; Infinity when only a hole follows. */
export function nextData(descriptor: number, offset: number): number {
  return find(descriptor, offset, SEEK_DATA, offset);
}

/** Where the next hole at or behind an offset begins: the end of the file is one. */
export function nextHole(descriptor: number, offset: number): number {
  return find(descriptor, offset, SEEK_HOLE, Number.POSITIVE_INFINITY);
}

/** @param otherwise the answer where the file system cannot tell: all is data. */
function find(descriptor: number, offset: number, whence: number, otherwise: number): number {
  seek ??= (findCFunction('int64_t lseek(int fd, int64_t offset, int whence)') as Seek | undefined) ?? null;
  const found = seek?.(descriptor, offset, whence) ?? otherwise;
  if (found >= 0) return found;
  return koffi.errno() === os.constants.errno.ENXIO ? Number.POSITIVE_INFINITY : otherwise;
}
