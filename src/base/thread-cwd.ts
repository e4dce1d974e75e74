/**
 * A working directory of the calling thread alone, so that a name can be resolved against an open directory without its
 * way through /proc: `/proc/self/fd/N/name` costs three more lookups and their locks, which for small files is as much
 * as opening and reading them.
 *
 * POSIX has one working directory for a process; Linux has one for each thread that asks for it (unshare(2), CLONE_FS),
 * without any right. Where that cannot be had (a sandbox that filters the call) /proc is taken as before.
 */
import fs from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import { findCFunction } from './c-library.ts';

/** linux/sched.h: root, working directory and umask become the thread's own. */
const CLONE_FS = 0x200;

type ChangeDirectory = (descriptor: number) => number;

/** This thread's, once it has a working directory of its own. */
let changeDirectory: ChangeDirectory | undefined;

/**
 * Gives the calling thread a working directory of its own, for good. From here on no relative path means anything in
 * it, nor in threads that it starts: every call of `enterDirectory` leads elsewhere. So it starts none after this.
 *
 * @returns false when there is none to be had: in the main thread, whose directory other threads begin with, or where
 *   the host refuses.
 */
export function ownDirectory(): boolean {
  if (isMainThread) return false;
  const unshare = findCFunction('int unshare(int flags)');
  const fchdir = findCFunction('int fchdir(int fd)');
  if (unshare === undefined || fchdir === undefined) return false;
  // A thread begins in the directory of the one that makes it. Those of Node's file calls are made with the first such
  // call: made by this thread later on, they would take relative paths of the whole process to where it stands.
  fs.access('/', () => undefined);
  if (unshare(CLONE_FS) !== 0) return false;
  changeDirectory = fchdir as ChangeDirectory;
  return true;
}

/**
 * Makes an open directory the one that relative names of this thread's next system call are resolved against. It is done
 * anew for every call: a descriptor's number alone does not tell whether it still is the same directory.
 *
 * @returns false when it is not: the thread has no directory of its own, or may not enter this one.
 */
export function enterDirectory(descriptor: number): boolean {
  return changeDirectory !== undefined && changeDirectory(descriptor) === 0;
}
