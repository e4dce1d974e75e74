/**
 * Compares the live tree with the incoming one and plans which names change places. Changes nothing in the live tree;
 * in the stage it makes the empty directories for what goes out.
 *
 * A step names the highest path that can move as a whole, so a full restore has one step for each name in the server's
 * root. The plan goes deeper only into directories that both trees have, to merge them or to keep something in them, and
 * into those that the file system does not move whole (EXDEV on the lower layer of an overlay): their entries move one by
 * one, and a directory that only goes out is removed once it is empty. Files that do not move either, because they lie in
 * another subvolume, are copied by the swap.
 */
import fs from 'node:fs';
import { Failure, throwIfAborted } from '../../base/failure.ts';
import {
  changeDirectoryMode,
  type DirectoryMetadata,
  makeDirectories,
  readMetadata,
  SliceTimer,
  unlessChanged,
} from '../../base/files/handle-writes.ts';
import { MAX_DEPTH, openDirectory, readDirectory, statChild } from '../../base/files/handles.ts';
import { printable } from '../../base/files/paths.ts';
import { type MoveProbe, moveRefused } from './probe.ts';
import { isCopyable } from './copy-tree.ts';
import type { SwapStep } from './step.ts';
import { isReplacedWhole, type KeepRules, isKeptWhole } from './rules.ts';
import { KeepScan } from './scan.ts';

export interface SwapPlanRequest {
  /** Open directories: the server's, the new tree's, and the empty one for what goes out. */
  readonly live: number;
  readonly incoming: number;
  readonly outgoing: number;
  /** The stage. When it lies inside the live directory it is not treated as part of the server. */
  readonly stage: number;
  /** True to move out live entries that the incoming tree lacks, as far as `remove` allows. */
  readonly truncate: boolean;
  /** What is kept even if something would replace it. */
  readonly keep: KeepRules;
  /** What is kept when nothing would replace it. Used only with `truncate`. */
  readonly remove: KeepRules;
  /** True for directories of the incoming tree whose metadata is restored; others only contain something that is. */
  readonly named: (path: string) => boolean;
  /**
   * Called for each incoming path left out because something kept is in its place, and with an errno for each path that
   * the file system does not let go.
   */
  readonly onKept: (path: string, errno?: string) => void;
  /** Asks whether names can move; without it, a rename that is refused shows it during the swap. */
  readonly probe?: MoveProbe;
  /** True to find out only whether the swap can be planned: nothing is made in the stage. */
  readonly rehearsal?: boolean;
  readonly signal?: AbortSignal;
}

/** How often a name may change its kind while it is examined. */
const ATTEMPTS = 100;

/**
 * @param emit takes the steps in an order in which they can be done.
 * @throws Failure `cancelled` when aborted; `server_busy` when the live tree changes faster than it can be read; `internal`
 *   with the path and errno when the probe shows that something the incoming tree replaces cannot move.
 */
export async function planSwap(request: SwapPlanRequest, emit: (step: SwapStep) => void): Promise<void> {
  await new SwapPlanner(request, emit).plan();
}

/** A directory that both trees have, or that contains something kept. */
interface Shared {
  readonly path: string;
  readonly depth: number;
  readonly live: number;
  readonly keep: KeepRules;
  readonly remove: KeepRules;
}

interface Pair {
  readonly old: fs.Stats;
  readonly next: fs.Stats;
}

class SwapPlanner {
  readonly #request: SwapPlanRequest;
  readonly #emit: (step: SwapStep) => void;
  readonly #timer = new SliceTimer();
  readonly #keepScan = new KeepScan();
  readonly #removeScan = new KeepScan();
  #lastOutgoing = '';
  #askedPath: string | undefined;
  #askedErrno: string | undefined;

  constructor(request: SwapPlanRequest, emit: (step: SwapStep) => void) {
    this.#request = request;
    this.#emit = emit;
  }

  async plan(): Promise<void> {
    const { live, keep, remove, incoming } = this.#request;
    await this.#merge({ path: '', depth: 0, live, keep, remove }, incoming);
    this.#emit({ kind: 'directory', path: '', before: null, after: null });
  }

  async #merge(shared: Shared, incoming: number): Promise<void> {
    const coming = new Set<string>();
    for (const { name } of readDirectory(incoming)) {
      coming.add(name);
      await this.#pause();
      await this.#bringIn(shared, incoming, name);
    }
    if (this.#request.truncate) await this.#removeOthers(shared, coming);
  }

  /** Plans one name of the incoming tree. */
  async #bringIn(shared: Shared, incoming: number, name: string): Promise<void> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const old = statChild(shared.live, name);
      const next = statChild(incoming, name);
      if (next === undefined) throw new Failure('internal', 'Cannot plan the swap: the stage was changed meanwhile');
      if (old === undefined) return this.#exchange(shared, name, undefined, next);
      if (!old.isDirectory() || !next.isDirectory()) return this.#replace(shared, name, old, next);
      if (await this.#meet(shared, incoming, name, { old, next })) return;
    }
    throw busy(pathOf(shared, name));
  }

  /** Plans two directories of one name. False when the live one has become something else. */
  async #meet(shared: Shared, incoming: number, name: string, { old, next }: Pair): Promise<boolean> {
    const path = pathOf(shared, name);
    if (isKeptWhole(shared.keep.child(name, true))) {
      if (hasEntries(incoming, name)) this.#request.onKept(path);
      return true;
    }
    if (this.#request.truncate && isReplacedWhole(shared.remove.child(name, true))) {
      const errno = this.#request.probe?.outOf(shared.live, name);
      if (errno !== 'EXDEV') {
        if (errno === undefined) this.#exchange(shared, name, old, next);
        else this.#refuse(path, errno);
        return true;
      }
    }
    const live = unlessChanged(() => openDirectory(shared.live, name));
    if (live === undefined) return false;
    try {
      await this.#mergeBelow(shared, incoming, name, live);
      return true;
    } finally {
      fs.closeSync(live);
    }
  }

  async #mergeBelow(shared: Shared, incoming: number, name: string, live: number): Promise<void> {
    const path = pathOf(shared, name);
    const before = readMetadata(live);
    const child = openDirectory(incoming, name);
    try {
      const after = this.#request.named(path) ? readMetadata(child) : before;
      // The directory itself stays in the stage; names can be moved out only if it is writable.
      if (process.geteuid?.() !== 0 && this.#request.rehearsal !== true) changeDirectoryMode(incoming, name, 0o700);
      await this.#merge(enter(shared, name, live), child);
      this.#close(path, before, after);
    } finally {
      fs.closeSync(child);
    }
  }

  /** Something replaces something else, and at least one of them is no directory. */
  async #replace(shared: Shared, name: string, old: fs.Stats, next: fs.Stats): Promise<void> {
    const path = pathOf(shared, name);
    const verdict = shared.keep.child(name, old.isDirectory());
    const held = verdict.keep || (verdict.mixed && (await this.#keepScan.holds(shared.live, name, path, shared.keep)));
    if (!held) {
      const errno = this.#request.probe?.outOf(shared.live, name);
      const crosses = errno === 'EXDEV' && isCopyable(old);
      return errno === undefined || crosses ? this.#exchange(shared, name, old, next) : this.#refuse(path, errno);
    }
    this.#request.onKept(path);
    if (this.#request.truncate) await this.#remove(shared, name, old.isDirectory());
  }

  async #removeOthers(shared: Shared, coming: ReadonlySet<string>): Promise<void> {
    const own = shared.path === '' ? fs.fstatSync(this.#request.stage) : undefined;
    for (const { name, directory } of readDirectory(shared.live)) {
      if (coming.has(name)) continue;
      await this.#pause();
      if (directory && own !== undefined && isSame(own, statChild(shared.live, name))) continue;
      await this.#remove(shared, name, directory);
    }
  }

  /** Plans a live name that nothing replaces: it goes out whole, or the parts that may go. */
  async #remove(shared: Shared, name: string, directory: boolean): Promise<void> {
    const path = pathOf(shared, name);
    const verdict = shared.remove.child(name, directory);
    if (isKeptWhole(verdict)) return;
    const held =
      verdict.keep || (verdict.mixed && (await this.#removeScan.holds(shared.live, name, path, shared.remove)));
    if (!held) return this.#moveOut(shared, name, path, directory);
    if (directory && shared.depth < MAX_DEPTH) await this.#removeBelow(shared, name, path, undefined);
  }

  /** What cannot move stays: the backup does not have it, so nothing of the backup is missing for it. */
  async #moveOut(shared: Shared, name: string, path: string, directory: boolean): Promise<void> {
    const errno = this.#request.probe?.outOf(shared.live, name);
    if (errno === 'EXDEV' && directory && shared.depth < MAX_DEPTH) {
      return this.#removeBelow(shared, name, path, 'forward');
    }
    const old = statChild(shared.live, name);
    const stays = errno === 'EXDEV' && old !== undefined ? !isCopyable(old) : errno !== undefined;
    if (stays) this.#request.onKept(path, errno);
    else if (old !== undefined) this.#exchange(shared, name, old, undefined);
  }

  async #removeBelow(shared: Shared, name: string, path: string, removed: 'forward' | undefined): Promise<void> {
    const live = unlessChanged(() => openDirectory(shared.live, name));
    // No directory any more, so it was created after planning began: keep it.
    if (live === undefined) return;
    try {
      const before = readMetadata(live);
      const inside = enter(shared, name, live);
      for (const item of readDirectory(live)) {
        await this.#pause();
        await this.#remove(inside, item.name, item.directory);
      }
      this.#close(path, before, removed === undefined ? before : null, removed);
    } finally {
      fs.closeSync(live);
    }
  }

  #exchange(shared: Shared, name: string, old: fs.Stats | undefined, next: fs.Stats | undefined): void {
    const errno = next === undefined ? undefined : this.#refusalInto(shared);
    if (errno !== undefined) return this.#refuse(pathOf(shared, name), errno);
    if (old !== undefined) this.#makeOutgoing(shared.path);
    this.#emit({
      kind: 'exchange',
      path: pathOf(shared, name),
      out: old !== undefined,
      in: next !== undefined,
      outMode: lockedMode(old),
      inMode: lockedMode(next),
    });
  }

  /** The directory's own answer, asked once. */
  #refusalInto(shared: Shared): string | undefined {
    if (shared.path !== this.#askedPath) {
      this.#askedPath = shared.path;
      this.#askedErrno = this.#request.probe?.into(shared.live);
    }
    return this.#askedErrno;
  }

  /** A read-only snapshot can neither go nor change, and its owner knows; anything else would be a half restore. */
  #refuse(path: string, errno: string): void {
    if (errno !== 'EROFS') throw moveRefused(path, errno);
    this.#request.onKept(path, errno);
  }

  #close(path: string, before: DirectoryMetadata, after: DirectoryMetadata | null, removed?: 'forward'): void {
    this.#emit({ kind: 'directory', path, before, after, ...(removed === undefined ? {} : { removed }) });
  }

  /** Makes the directories for what goes out of this one now, so that the swap has only renames to do. */
  #makeOutgoing(path: string): void {
    if (path === this.#lastOutgoing || this.#request.rehearsal === true) return;
    this.#lastOutgoing = path;
    makeDirectories(this.#request.outgoing, path);
  }

  async #pause(): Promise<void> {
    throwIfAborted(this.#request.signal, 'Cannot plan the swap');
    await this.#timer.giveWay();
  }
}

function pathOf(shared: Shared, name: string): string {
  return shared.path === '' ? name : `${shared.path}/${name}`;
}

function enter(shared: Shared, name: string, live: number): Shared {
  return {
    path: pathOf(shared, name),
    depth: shared.depth + 1,
    live,
    keep: shared.keep.enter(name),
    remove: shared.remove.enter(name),
  };
}

/** Moving a directory changes its `..`, which needs write permission on it, except for root. */
function lockedMode(stat: fs.Stats | undefined): number | undefined {
  if (stat === undefined || !stat.isDirectory() || process.geteuid?.() === 0) return undefined;
  return (stat.mode & 0o300) === 0o300 ? undefined : stat.mode & 0o7777;
}

function hasEntries(parent: number, name: string): boolean {
  const handle = openDirectory(parent, name);
  try {
    return readDirectory(handle).length > 0;
  } finally {
    fs.closeSync(handle);
  }
}

function isSame(one: fs.Stats, other: fs.Stats | undefined): boolean {
  return other !== undefined && one.ino === other.ino && one.dev === other.dev;
}

function busy(path: string): Failure {
  return new Failure('server_busy', `Cannot plan the swap: ${printable(path)} keeps changing`, {
    hint: 'Stop the server (and whatever else writes there), then restore again.',
    retry: true,
  });
}
