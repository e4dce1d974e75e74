/**
 * Lets one Roost at a time use a local store. The markers alone cannot: with a copied state directory, two daemons would
 * both pass their check, and each would delete the other's backups.
 *
 * The lock is flock(2) on a file in the store; the kernel drops it with the process, however that ends. On NFS it holds
 * for all hosts of the server, unless it is mounted with `nolock` or `local_lock`. Where a file system has no locks,
 * only the marker protects the store.
 */
import { constants } from 'node:fs';
import { type FileHandle, lstat, open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import os from 'node:os';
import koffi from 'koffi';
import { findCFunction } from '../../base/c-library.ts';
import { errnoOf, Failure } from '../../base/failure.ts';
import { FILE_MODE } from './layout.ts';

export const LOCK_FILE = '.roost-store.lock';

/** sys/file.h. */
const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;

/** A look at the lock (doctor's) holds it for an instant; a holder holds it for days. */
const ATTEMPTS = 4;
const PAUSE_MS = 25;

type Taken = 'taken' | 'held' | 'unsupported';
type Flock = (descriptor: number, operation: number) => number;

export class StoreLock {
  readonly #directory: string;
  #handle: FileHandle | undefined;
  #turn: Promise<void> = Promise.resolve();
  #isReleased = false;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /**
   * Resolves while this process holds the lock, when the file system has none, and without it after `release`.
   *
   * @throws Failure `store_unreachable` while another process, or another store of this one, holds it.
   */
  hold(): Promise<void> {
    // One after the other: two first calls would refuse each other.
    this.#turn = this.#turn.catch(() => undefined).then(() => this.#hold());
    return this.#turn;
  }

  async release(): Promise<void> {
    this.#isReleased = true;
    await this.#turn.catch(() => undefined);
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }

  async #hold(): Promise<void> {
    if (this.#isReleased) return;
    const path = join(this.#directory, LOCK_FILE);
    if (this.#handle !== undefined && (await isSameFile(this.#handle, path))) return;
    const handle = await lockedFile(path, this.#directory);
    const before = this.#handle;
    this.#handle = handle;
    // The file of before was removed, or lies on a disk that is not mounted here any more.
    await before?.close();
  }
}

/**
 * The lock's file, locked: open for reading alone, so that its disk can be remounted read-only under a running daemon. NFS
 * locks only what is open for writing.
 */
async function lockedFile(path: string, directory: string): Promise<FileHandle> {
  const { O_RDONLY, O_RDWR } = constants;
  for (const access of [O_RDONLY, O_RDWR]) {
    const handle = await openLock(path, access);
    if (!(await handle.stat()).isFile()) {
      await handle.close();
      throw new Failure('store_unreachable', `Cannot use the store ${directory}: ${LOCK_FILE} in it is no file`);
    }
    const taken = await takeSoon(handle, LOCK_EX);
    if (taken === 'taken') return handle;
    // What has no locks at all is held by an open file, too.
    if (taken === 'unsupported' && access === O_RDWR) return handle;
    await handle.close();
    if (taken === 'held') throw heldByAnother(directory);
  }
  throw new TypeError('the last of the ways decides');
}

async function openLock(path: string, access: number): Promise<FileHandle> {
  const { O_CREAT, O_NOFOLLOW, O_NONBLOCK } = constants;
  const flags = access | O_NOFOLLOW | O_NONBLOCK;
  try {
    return await open(path, flags);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
    return open(path, flags | O_CREAT, FILE_MODE);
  }
}

/** True while a process holds the store's lock. Makes no file; false where there is none, or no locks. */
export async function isStoreLocked(directory: string): Promise<boolean> {
  const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
  try {
    await using handle = await open(join(directory, LOCK_FILE), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    return take(handle, LOCK_SH) === 'held';
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}

async function takeSoon(handle: FileHandle, operation: number): Promise<Taken> {
  for (let attempt = 1; ; attempt++) {
    const taken = take(handle, operation);
    if (taken !== 'held' || attempt === ATTEMPTS) return taken;
    await setTimeout(PAUSE_MS);
  }
}

function take(handle: FileHandle, operation: number): Taken {
  const flock = findCFunction('int flock(int fd, int operation)') as Flock | undefined;
  if (flock === undefined) return 'unsupported';
  if (flock(handle.fd, operation | LOCK_NB) === 0) return 'taken';
  return koffi.errno() === os.constants.errno.EWOULDBLOCK ? 'held' : 'unsupported';
}

async function isSameFile(handle: FileHandle, path: string): Promise<boolean> {
  try {
    const [ours, there] = await Promise.all([handle.stat(), lstat(path)]);
    return ours.ino === there.ino && ours.dev === there.dev;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return false;
    throw error;
  }
}

export function heldByAnother(directory: string): Failure {
  return new Failure('store_unreachable', `Cannot use the store ${directory}: another Roost uses it now`, {
    facts: { directory },
    hint: 'Two never share a directory: each would let go of what the other keeps. Stop the other one, or give this one a directory of its own.',
    retry: true,
  });
}
