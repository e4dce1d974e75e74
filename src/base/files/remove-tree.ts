/** Removes a whole tree through held handles. Nothing outside it is touched, whatever changes in it meanwhile. */
import fs from 'node:fs';
import { errnoOf } from '../failure.ts';
import {
  changeDirectoryMode,
  removeEmptyDirectory,
  renameChild,
  SliceTimer,
  unlinkChild,
  unlinkChildAside,
} from './handle-writes.ts';
import { openDirectory, readDirectory } from './handles.ts';

/** Each level holds a descriptor; deeper directories are first moved up. */
const LEVELS = 64;

/**
 * A call this slow (milliseconds) means a busy disk: the next calls run in Node's thread pool, at a tenth of a
 * millisecond each. A fast disk needs a hundredth, so one call in a while is tried directly.
 */
const SLOW_MS = 2;
const CALLS_ASIDE = 20;

/**
 * Removes a name and everything below it, at any depth, yielding to other work. Links are removed, never followed. What
 * the file system refuses (an immutable file, a failing block) stays, with the directories above it; all else goes.
 *
 * @param checkStop throws to stop early; called for every name.
 * @throws the first system error, after everything was tried. A name that is gone is no error.
 */
export async function removeTree(parent: number, name: string, checkStop: () => void = () => undefined): Promise<void> {
  await new TreeRemoval(checkStop).remove(parent, name);
}

class TreeRemoval {
  readonly #timer = new SliceTimer();
  readonly #checkStop: () => void;
  /** Calls still to be made in the thread pool. */
  #aside = 0;
  /** The first refusal; directories above it cannot be removed either, which says nothing more. */
  #refused: NodeJS.ErrnoException | undefined;
  #moved = 0;

  constructor(checkStop: () => void) {
    this.#checkStop = checkStop;
  }

  async remove(parent: number, name: string): Promise<void> {
    await this.#try(() => this.#removeTop(parent, name));
    if (this.#refused !== undefined) throw this.#refused;
  }

  async #removeTop(parent: number, name: string): Promise<void> {
    const top = openForRemoval(parent, name);
    if (top === undefined) return;
    try {
      // Emptying may move deep directories up into the top; each round leaves fewer levels.
      while (await this.#empty(top, top, 0));
    } finally {
      fs.closeSync(top);
    }
    removeEmptied(parent, name);
  }

  /** Notes a refusal of the file system instead of passing it on; anything else, such as a stop, ends the removal. */
  async #try(work: () => Promise<void> | void): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
      this.#refused ??= error as NodeJS.ErrnoException;
    }
  }

  /** Removes all entries of a directory. True when deep ones moved into the top, which is then not empty. */
  async #empty(directory: number, top: number, depth: number): Promise<boolean> {
    let moved = false;
    for (const item of readDirectory(directory)) {
      this.#checkStop();
      await this.#timer.giveWay();
      await this.#try(async () => {
        if (!item.directory && (await this.#unlinked(directory, item.name))) return;
        if (depth === LEVELS) {
          this.#moveUp(directory, item.name, top);
          moved = true;
        } else if (await this.#removeBelow(directory, item.name, top, depth)) moved = true;
      });
    }
    return moved;
  }

  async #removeBelow(parent: number, name: string, top: number, depth: number): Promise<boolean> {
    const handle = openForRemoval(parent, name);
    if (handle === undefined) return false;
    let moved: boolean;
    try {
      moved = await this.#empty(handle, top, depth + 1);
    } finally {
      fs.closeSync(handle);
    }
    removeEmptied(parent, name);
    return moved;
  }

  /** False when it is a directory. */
  async #unlinked(directory: number, name: string): Promise<boolean> {
    try {
      if (this.#aside-- > 0) await unlinkChildAside(directory, name);
      else this.#unlinkTimed(directory, name);
      return true;
    } catch (error) {
      const errno = errnoOf(error);
      if (errno === 'ENOENT') return true;
      if (errno === 'EISDIR') return false;
      throw error;
    }
  }

  #unlinkTimed(directory: number, name: string): void {
    const start = performance.now();
    try {
      unlinkChild(directory, name);
    } finally {
      this.#aside = performance.now() - start > SLOW_MS ? CALLS_ASIDE : 0;
    }
  }

  #moveUp(from: number, name: string, top: number): void {
    makeAccessible(from, name);
    for (;;) {
      try {
        renameChild(from, name, top, `.deep-${this.#moved++}`);
        return;
      } catch (error) {
        // The name may exist in the tree: take the next one.
        if (!['ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes(errnoOf(error) ?? '')) throw error;
      }
    }
  }
}

function removeEmptied(parent: number, name: string): void {
  try {
    removeEmptyDirectory(parent, name);
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

/** An open directory to empty; undefined when it was not a directory (and is now removed) or is gone. */
function openForRemoval(parent: number, name: string): number | undefined {
  try {
    makeAccessible(parent, name);
    return openDirectory(parent, name);
  } catch (error) {
    const errno = errnoOf(error);
    if (errno === 'ENOENT') return undefined;
    if (errno !== 'ELOOP' && errno !== 'ENOTDIR') throw error;
    unlinkChild(parent, name);
    return undefined;
  }
}

/** Root may empty any directory; other users must first gain access to their own. */
function makeAccessible(parent: number, name: string): void {
  if (process.geteuid?.() === 0) return;
  try {
    changeDirectoryMode(parent, name, 0o700);
  } catch (error) {
    // Owned by another user: emptying may still work; if not, the next call throws the reason.
    if (errnoOf(error) !== 'EPERM') throw error;
  }
}
