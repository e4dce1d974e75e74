/**
 * Makes an unpacked tree durable. The tree is used only when all of it is on disk, so one syncfs(2) at the end replaces
 * an fsync for each of maybe 200,000 files. Node has no syncfs; koffi calls the C library's.
 */
import fs from 'node:fs';
import os from 'node:os';
import koffi from 'koffi';
import { findCFunction } from '../../base/c-library.ts';
import { Failure } from '../../base/failure.ts';

/** `once`: syncfs at the end. `each`: fsync for every file and directory. */
export type Durability = 'none' | 'once' | 'each';

/** Most FUSE servers do not get syncfs calls. */
const FUSE_MAGIC = 0x65735546;
/** Before Linux 5.8 syncfs did not report failed writes. */
const KERNEL = { major: 5, minor: 8 };

/** How to make a tree below `root` (an open directory) durable on this host; `none` when it need not be. */
export function durabilityFor(root: number, durable: boolean): Durability {
  if (!durable) return 'none';
  return isKernelFair(os.release()) && findSyncfs() !== undefined && !isFuse(root) ? 'once' : 'each';
}

/**
 * Flushes the file system of an open directory; blocks until all data is on disk, so only threads call it. The
 * descriptor must have been opened before the first write: the kernel reports later write errors to it, once.
 *
 * @throws Failure `internal` or `insufficient_storage` when something could not be written.
 */
export function flushFileSystem(root: number): void {
  const syncfs = findSyncfs();
  if (syncfs === undefined) throw new Failure('internal', 'Cannot flush the file system: there is no syncfs');
  if (syncfs(root) === 0) return;
  const errno = koffi.errno();
  const isFull = errno === os.constants.errno.ENOSPC || errno === os.constants.errno.EDQUOT;
  throw new Failure(
    isFull ? 'insufficient_storage' : 'internal',
    `Cannot unpack: the disk did not take what was written (errno ${errno})`,
    { facts: { errno }, hint: 'Look for disk errors in the kernel log.' },
  );
}

function findSyncfs() {
  return findCFunction('int syncfs(int fd)') as ((descriptor: number) => number) | undefined;
}

function isFuse(root: number): boolean {
  return fs.statfsSync(`/proc/self/fd/${root}`).type === FUSE_MAGIC;
}

/** True for a kernel release (`6.1.0-18-amd64`) whose syncfs reports errors. */
export function isKernelFair(release: string): boolean {
  const [major = 0, minor = 0] = release.split('.').map((part) => Number.parseInt(part, 10));
  return major > KERNEL.major || (major === KERNEL.major && minor >= KERNEL.minor);
}
