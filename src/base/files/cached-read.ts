/**
 * Reads what the page cache holds, without waiting for a disk: preadv2(2) with RWF_NOWAIT, of Linux since 4.14. A call
 * through Node's threads takes longer than to copy some ten kibibytes, which is what the parts of an archive in a vault have.
 */
import koffi from 'koffi';
import { findCFunction } from '../c-library.ts';

/** linux/fs.h */
const RWF_NOWAIT = 8;

type Read = (descriptor: number, vector: BigUint64Array, count: number, offset: number, flags: number) => number;
let preadv2: Read | null | undefined;
/** struct iovec of readv(2): an address and a length. Filled for each call, which is over when it returns. */
const vector = new BigUint64Array(2);

/**
 * Fills the beginning of `into` from a file's offset, as far as that is in memory already. Never waits for the disk.
 *
 * @returns how many bytes; 0 also where the system cannot say.
 */
export function readCached(descriptor: number, offset: number, into: Uint8Array): number {
  preadv2 ??= findRead();
  if (preadv2 === null || into.byteLength === 0) return 0;
  vector[0] = koffi.address(into);
  vector[1] = BigInt(into.byteLength);
  return Math.max(0, preadv2(descriptor, vector, 1, offset, RWF_NOWAIT));
}

function findRead(): Read | null {
  // Its fields are as long as a pointer, which is eight bytes on all that Node runs on but 32-bit ARM.
  if (process.arch === 'arm' || process.arch === 'ia32') return null;
  const declaration = 'int64_t preadv2(int fd, void *iov, int iovcnt, int64_t offset, int flags)';
  return (findCFunction(declaration) as Read | undefined) ?? null;
}
