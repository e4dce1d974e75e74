/**
 * A working directory of the calling thread alone, which resolves names in an open directory without /proc:
 * `/proc/self/fd/N/name` costs three more lookups with locks, as much as opening and reading a small file.
 *
 * Linux gives a thread its own directory on request (unshare(2), CLONE_FS), without privileges. Where a sandbox refuses
 * it, callers use /proc.
 */
import fs from 'node:fs';
import { isMainThread } from 'node:worker_threads';
import { findCFunction } from '../c-library.ts';

/** linux/sched.h: root, working directory and umask become the thread's own. */
const CLONE_FS = 0x200;

type ChangeDirectory = (descriptor: number) => number;

/** Set once this thread has its own working directory. */
let changeDirectory: ChangeDirectory | undefined;
/** The descriptor this thread is in; undefined when it is unknown, or when that number may mean another directory now. */
let entered: number | undefined;

/**
 * Gives the calling thread its own working directory for the rest of its life. Relative paths then mean nothing in it,
 * nor in threads that it starts until they call this, too. May be called again.
 *
 * @returns false in the main thread, whose directory other threads inherit, or where the host refuses.
 */
export function ownDirectory(): boolean {
  if (isMainThread) return false;
  if (changeDirectory !== undefined) return true;
  const unshare = findCFunction('int unshare(int flags)');
  const fchdir = findCFunction('int fchdir(int fd)');
  if (unshare === undefined || fchdir === undefined) return false;
  // Node's file-call threads inherit the directory of the thread that makes the first such call. Make that call now:
  // later it would move relative paths of the whole process.
  fs.access('/', () => undefined);
  if (unshare(CLONE_FS) !== 0) return false;
  changeDirectory = fchdir as ChangeDirectory;
  return true;
}

/**
 * Makes an open directory the base of relative names in this thread's next system call. Needed before every call, as
 * another call may have entered another one. Where the thread is already, there is no system call: entering for each look
 * at a file took as long as reading it.
 *
 * @param descriptor was opened by this thread, which said so with `openedDirectory`.
 * @returns false when the thread has no directory of its own, or may not enter this one.
 */
export function enterDirectory(descriptor: number): boolean {
  if (descriptor === entered) return true;
  if (changeDirectory === undefined || changeDirectory(descriptor) !== 0) return false;
  entered = descriptor;
  return true;
}

/**
 * Says that a number means a directory that was opened just now. The one it meant before was closed, and this thread may
 * still be in it.
 */
export function openedDirectory(descriptor: number): number {
  if (descriptor === entered) entered = undefined;
  return descriptor;
}

/** Moves a thread that has a working directory of its own to the root, so that it holds none of a finished operation. */
export function leaveDirectory(): void {
  if (changeDirectory === undefined) return;
  const root = fs.openSync('/', fs.constants.O_RDONLY | fs.constants.O_DIRECTORY);
  entered = undefined;
  changeDirectory(root);
  fs.closeSync(root);
}
