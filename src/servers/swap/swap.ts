/**
 * Swaps trees by renames: does the steps of a plan, or undoes them.
 *
 * For: the moment of a restore when the server's files change. Promises: can be killed at any instant and run again in
 * either direction, any number of times, and ends with the server's entries swapped as planned; it copies only where a
 * rename says EXDEV (across.ts). Never: deletes anything but what it copied and a directory that it emptied, follows
 * links, or renames the server's directory itself.
 *
 * Why: only Roost reaches the stage, so its content shows how far each step came, whatever happened in the live tree (a
 * step's `path` in the tree that comes in / the tree that takes what goes out):
 *
 *   in  out     forward                          back
 *   ──  ───     ───────                          ────
 *   yes no      set live aside, bring in         nothing was done
 *   yes yes     bring in                         put the old one back
 *   no  any     done                             take the new one out again, then as above
 *
 * What crosses file systems is copied, and may be there under an interim name besides; that is ended first.
 *
 * A rename is atomic, so a power cut leaves one of these states too. What a process creates at such a path after the
 * old entry was set aside is moved to `extra`, so nothing is lost while the swap can still go back. Inode numbers are
 * deliberately not compared: they change when a volume is copied or remounted, and a file saved by rename is still the
 * file to replace.
 */
import { Failure, errnoOf } from '../../base/failure.ts';
import {
  applyMetadata,
  changeDirectoryMode,
  type DirectoryMetadata,
  makeDirectory,
  removeEmptyDirectory,
  renameChild,
  SliceTimer,
  syncHandle,
  unlessChanged,
} from '../../base/files/handle-writes.ts';
import { DirectoryChain, statChild } from '../../base/files/handles.ts';
import { printable, splitPath } from '../../base/files/paths.ts';
import { removeTree } from '../../base/files/remove-tree.ts';
import { appear, copyBeside, interimName, renameBeside, type Way } from './across.ts';
import { lockedModeOf, type Rename, renameWithMode, swapFailure, withinWritable } from './rename.ts';
import type { DirectoryStep, ExchangeStep, SwapStep, SwapTrees } from './step.ts';

export { invertPlan } from './invert.ts';
export { mountsBelow } from './mounts.ts';
export { planSwap } from './plan.ts';
export { MoveProbe, PROBE, refusalText } from './probe.ts';
export * from './rules.ts';
export { KeepScan } from './scan.ts';
export { holdsPlan, type PlanFile, PlanWriter, readPlan, type SwapTrees } from './step.ts';

export interface SwapOptions {
  readonly direction: 'forward' | 'back';
  /** Called after each rename; tests stop the process here. */
  readonly onRename?: () => void;
  /** Called for directories whose owner, mode or time could not be set; the swap continues. */
  readonly onMetadata?: (path: string, error: unknown) => void;
}

/** Limits the race with a process that keeps creating something in the way. */
const ATTEMPTS = 10_000;

/** ENOENT: the target directory was removed while it was open. */
const IN_THE_WAY = new Set(['ENOTEMPTY', 'EEXIST', 'EISDIR', 'ENOTDIR', 'ENOENT']);

/**
 * Does all steps, repeating those already done. Cannot be cancelled: it is only renames.
 *
 * @throws Failure when a rename is refused (full disk or quota, immutable file, failing disk): the caller then goes the
 *   other way or tries again later.
 */
export async function swap(trees: SwapTrees, steps: Iterable<SwapStep>, options: SwapOptions): Promise<void> {
  const run = new SwapRun(trees, options);
  const timer = new SliceTimer();
  try {
    for (const step of steps) {
      await timer.giveWay();
      if (step.kind === 'directory') await run.finishDirectory(step);
      else if (options.direction === 'forward') await run.forward(step);
      else await run.back(step);
    }
  } finally {
    run.close();
  }
}

class SwapRun {
  readonly #options: SwapOptions;
  readonly #live: DirectoryChain;
  readonly #incoming: DirectoryChain;
  readonly #outgoing: DirectoryChain;
  readonly #root: number;
  readonly #extra: number;
  #extras = 0;

  constructor(trees: SwapTrees, options: SwapOptions) {
    this.#options = options;
    this.#live = new DirectoryChain(trees.live);
    this.#incoming = new DirectoryChain(trees.incoming);
    this.#outgoing = new DirectoryChain(trees.outgoing);
    this.#root = trees.live;
    this.#extra = trees.extra;
  }

  close(): void {
    this.#live.close();
    this.#incoming.close();
    this.#outgoing.close();
  }

  async forward(step: ExchangeStep): Promise<void> {
    const { parent: directory, name } = splitPath(step.path);
    await this.#endCrossings(step);
    if (step.in && !this.#has(this.#incoming, step.path)) {
      this.#setMode(this.#live, step.path, step.inMode);
      return;
    }
    if (step.out && !this.#has(this.#outgoing, step.path)) await this.#setAside(step, directory, name);
    else this.#setMode(this.#outgoing, step.path, step.outMode);
    if (step.in) await this.#putInPlace(step.path, this.#incoming, step.inMode);
  }

  async back(step: ExchangeStep): Promise<void> {
    const { parent: directory, name } = splitPath(step.path);
    await this.#endCrossings(step);
    if (step.in && !this.#has(this.#incoming, step.path)) {
      const live = this.#openLive(directory);
      // If it is not in the live tree either, some process removed what had come in.
      if (live !== undefined && statChild(live, name) !== undefined) {
        const to = this.#incoming.open(directory);
        await this.#moveOut({ from: live, name, to, newName: name, mode: step.inMode }, 'to-incoming', step.path);
      }
    } else this.#setMode(this.#incoming, step.path, step.inMode);
    if (step.out && this.#has(this.#outgoing, step.path)) {
      await this.#putInPlace(step.path, this.#outgoing, step.outMode);
    } else this.#setMode(this.#live, step.path, step.outMode);
  }

  /** Sets a shared directory's metadata, which the renames changed, and makes its names durable. */
  async finishDirectory(step: DirectoryStep): Promise<void> {
    const forward = this.#options.direction === 'forward';
    const metadata = forward ? step.after : step.before;
    const goes = step.removed === this.#options.direction;
    const live = this.#openLive(step.path) ?? (goes ? undefined : await this.#makeMissing(step, forward));
    if (live === undefined && !goes) return;
    if (live !== undefined && !goes) {
      if (metadata !== null) this.#apply(live, step.path, metadata);
      await syncHandle(live);
    }
    for (const chain of [this.#incoming, this.#outgoing]) {
      const staged = openIfDirectory(chain, step.path);
      if (staged !== undefined) await syncHandle(staged);
    }
    // Only after what was in it is on the disk elsewhere.
    if (goes) this.#removeEmptied(step.path);
  }

  #apply(live: number, path: string, metadata: DirectoryMetadata): void {
    try {
      applyMetadata(live, metadata);
    } catch (error) {
      // Without root, chown fails. The content is correct, so keep going.
      if (errnoOf(error) !== 'EPERM') throw error;
      this.#options.onMetadata?.(path, error);
    }
  }

  /** Makes a removed directory again if it is to be merged into, but not one that only lost entries. */
  async #makeMissing({ path, removed }: DirectoryStep, forward: boolean): Promise<number | undefined> {
    const wanted = removed !== undefined || (forward && openIfDirectory(this.#incoming, path) !== undefined);
    return wanted ? this.#makeWay(path) : undefined;
  }

  /** Removes a directory whose entries were moved one by one. It stays when a process has written into it meanwhile. */
  #removeEmptied(path: string): void {
    const { parent: directory, name } = splitPath(path);
    this.#live.close();
    const parent = this.#openLive(directory);
    if (parent === undefined) return;
    try {
      withinWritable([parent], this.#root, () => unlessChanged(() => removeEmptyDirectory(parent, name)));
    } catch (error) {
      if (!IN_THE_WAY.has(errnoOf(error) ?? '')) throw swapFailure(error, path);
    }
  }

  async #setAside(step: ExchangeStep, directory: string, name: string): Promise<void> {
    const live = this.#openLive(directory);
    if (live === undefined) return;
    try {
      const to = this.#outgoing.open(directory);
      await this.#moveOut({ from: live, name, to, newName: name, mode: step.outMode }, 'to-outgoing', step.path);
    } catch (error) {
      // A process removed it after planning: there is nothing to set aside.
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
  }

  /** Moves a name from the stage to its place in the live tree, moving away what is in the way. */
  async #putInPlace(path: string, from: DirectoryChain, mode: number | undefined): Promise<void> {
    const { parent: directory, name } = splitPath(path);
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const live = await this.#makeWay(directory);
      if (statChild(live, name) !== undefined) await this.#moveToExtra(live, name, path);
      try {
        await this.#moveIn({ from: from.open(directory), name, to: live, newName: name, mode }, path, from);
        return;
      } catch (error) {
        if (!IN_THE_WAY.has(errnoOf(error) ?? '')) throw error;
        this.#live.close();
      }
    }
    throw new Failure('server_busy', `Cannot swap in the restored files: ${printable(path)} keeps coming back`, {
      hint: 'Stop the server (and whatever else writes there), then restore again.',
      retry: true,
    });
  }

  /** Opens a directory of the live tree, making it if it is missing and moving away what is in its place. */
  async #makeWay(path: string): Promise<number> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const open = this.#openLive(path);
      if (open !== undefined) return open;
      const { parent: directory, name } = splitPath(path);
      const parent = await this.#makeWay(directory);
      if (statChild(parent, name) !== undefined) await this.#moveToExtra(parent, name, path);
      try {
        withinWritable([parent], this.#root, () => makeDirectory(parent, name, 0o700));
      } catch (error) {
        if (errnoOf(error) !== 'EEXIST' && errnoOf(error) !== 'ENOENT') throw swapFailure(error, path);
        this.#live.close();
      }
    }
    throw new Failure('server_busy', `Cannot swap in the restored files: ${printable(path)} keeps changing`, {
      hint: 'Stop the server (and whatever else writes there), then restore again.',
      retry: true,
    });
  }

  async #moveToExtra(from: number, name: string, path: string): Promise<void> {
    try {
      const mode = lockedModeOf(from, name);
      await this.#moveOut({ from, name, to: this.#extra, newName: this.#freeExtra(), mode }, 'to-extra', path);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw error;
    }
  }

  /** A name that is free in `extra`. */
  #freeExtra(): string {
    while (statChild(this.#extra, String(this.#extras)) !== undefined) this.#extras++;
    return String(this.#extras);
  }

  /** Moves a name out of the live tree into the stage. */
  async #moveOut(rename: Omit<Rename, 'live'>, way: Way, path: string): Promise<void> {
    if (this.#rename(rename)) return;
    const { from, name, to, newName } = rename;
    const interim = interimName(way, path);
    await removeTree(from, interim);
    await renameBeside({ directory: from, name }, interim);
    this.#options.onRename?.();
    await this.#crossing(name, async () => {
      await appear({ directory: from, name: interim }, { directory: to, name: newName });
      this.#options.onRename?.();
      await removeTree(from, interim);
    });
  }

  /** Moves a name of the stage into the live tree. */
  async #moveIn(rename: Omit<Rename, 'live'>, path: string, chain: DirectoryChain): Promise<void> {
    if (this.#rename(rename)) return;
    const { from, name, to, newName } = rename;
    const interim = interimName(chain === this.#incoming ? 'from-incoming' : 'from-outgoing', path);
    await this.#crossing(name, async () => {
      await copyBeside({ directory: from, name }, { directory: to, name: interim });
      const remains = this.#freeExtra();
      this.#options.onRename?.();
      renameChild(from, name, this.#extra, remains);
      await syncHandle(from);
      this.#options.onRename?.();
      await renameBeside({ directory: to, name: interim }, newName);
      this.#options.onRename?.();
      await removeTree(this.#extra, remains);
    });
  }

  async #crossing(name: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw swapFailure(error, name);
      // Not the ENOENT of a name that is to be moved and has gone, which is no fault.
      throw new Failure('internal', `Cannot copy ${printable(name)}: it went while it was copied`, {
        facts: { error: String(error) },
      });
    }
  }

  /** Ends what a killed run left of a step that crosses file systems. */
  async #endCrossings({ path }: ExchangeStep): Promise<void> {
    const { parent: directory, name } = splitPath(path);
    const live = this.#openLive(directory);
    if (live === undefined) return;
    const left = (way: Way): string | undefined => {
      const interim = interimName(way, path);
      return statChild(live, interim) === undefined ? undefined : interim;
    };
    await this.#crossing(name, async () => {
      for (const [to, from, chain] of [
        ['to-outgoing', 'from-outgoing', this.#outgoing],
        ['to-incoming', 'from-incoming', this.#incoming],
      ] as const) {
        const [leaving, coming] = [left(to), left(from)];
        if (leaving !== undefined) {
          const there = { directory: live, name: leaving };
          if (!this.#has(chain, path)) await appear(there, { directory: chain.open(directory), name });
          await removeTree(live, leaving);
        }
        if (coming === undefined) continue;
        if (this.#has(chain, path)) await removeTree(live, coming);
        else {
          if (statChild(live, name) !== undefined) await this.#moveToExtra(live, name, path);
          await renameBeside({ directory: live, name: coming }, name);
        }
      }
      const extra = left('to-extra');
      if (extra === undefined) return;
      await appear({ directory: live, name: extra }, { directory: this.#extra, name: this.#freeExtra() });
      await removeTree(live, extra);
    });
  }

  /** False when the two directories lie on different file systems. */
  #rename(rename: Omit<Rename, 'live'>): boolean {
    try {
      renameWithMode({ ...rename, live: this.#root });
    } catch (error) {
      if (errnoOf(error) === 'EXDEV') return false;
      throw swapFailure(error, rename.name);
    }
    this.#options.onRename?.();
    return true;
  }

  #openLive(path: string): number | undefined {
    return openIfDirectory(this.#live, path);
  }

  #has(chain: DirectoryChain, path: string): boolean {
    const { parent: directory, name } = splitPath(path);
    const parent = openIfDirectory(chain, directory);
    return parent !== undefined && statChild(parent, name) !== undefined;
  }

  /** Restores a mode that a kill left changed. */
  #setMode(chain: DirectoryChain, path: string, mode: number | undefined): void {
    if (mode === undefined) return;
    const { parent: directory, name } = splitPath(path);
    try {
      unlessChanged(() => changeDirectoryMode(chain.open(directory), name, mode));
    } catch (error) {
      throw swapFailure(error, path);
    }
  }
}

function openIfDirectory(chain: DirectoryChain, path: string): number | undefined {
  try {
    return unlessChanged(() => chain.open(path));
  } catch (error) {
    throw swapFailure(error, path);
  }
}
