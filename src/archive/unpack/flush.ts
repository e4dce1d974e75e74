/**
 * Making an unpacked tree durable. Nothing in it is relied on before all of it is: so one syncfs(2) of its file system
 * at the end does what an fsync of each of 200,000 files would, in a fraction of the time. Node has no syncfs; koffi
 * calls that of the C library.
 */
import fs from 'node:fs';
import os from 'node:os';
import koffi from 'koffi';
import { findCFunction } from '../../base/c-library.ts';
import { Failure } from '../../base/failure.ts';

/** `once`: syncfs at the end. `each`: fsync for every file and directory. */
export type Durability = 'none' | 'once' | 'each';

/** FUSE passes no syncfs on to most of its servers. */
const FUSE_MAGIC = 0x65735546;
/** Before 5.8 syncfs did not report that writing back had failed. */
const KERNEL = { major: 5, minor: 8 };

/** How to make what is unpacked below an open directory durable on this host. */
export function durabilityFor(root: number, durable: boolean): Durability {
  if (!durable) return 'none';
  return isKernelFair(os.release()) && findSyncfs() !== undefined && !isFuse(root) ? 'once' : 'each';
}

/**
 * Flushes the file system of an open directory; blocks until its disk has everything, so it is for threads. The
 * descriptor must be open since before the first write: the kernel reports failures since then, and only once.
 *
 * @throws Failure `internal` or `insufficient_storage` when something could not be written back.
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

/** True for a release (`6.1.0-18-amd64`) of which syncfs can be believed. */
export function isKernelFair(release: string): boolean {
  const [major = 0, minor = 0] = release.split('.').map((part) => Number.parseInt(part, 10));
  return major > KERNEL.major || (major === KERNEL.major && minor >= KERNEL.minor);
}
