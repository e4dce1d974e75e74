/** Counts what a planned swap takes out of the live tree for good. Reads names only, and changes nothing. */
import { throwIfAborted } from '../../../base/failure.ts';
import { SliceTimer, unlessChanged } from '../../../base/files/handle-writes.ts';
import { DirectoryChain, MAX_DEPTH, readDirectory, statChild } from '../../../base/files/handles.ts';
import { splitPath } from '../../../base/files/paths.ts';
import { RESTORE_TREES, type Stage } from '../../../servers/stage/stage.ts';
import { type PlanFile, readPlan } from '../../../servers/swap/swap.ts';

/**
 * @returns live files and links that go out, and in whose place nothing comes in. Directories are not counted.
 * @throws Failure `cancelled`.
 */
export async function countRemoved(stage: Stage, file: PlanFile, signal: AbortSignal): Promise<number> {
  const trees = stage.openTrees(RESTORE_TREES);
  const live = new DirectoryChain(trees.live);
  const incoming = new DirectoryChain(trees.incoming);
  const counter = new Counter(live, incoming, signal);
  try {
    for (const step of readPlan(stage.handle, file)) {
      if (step.kind === 'exchange' && step.out) await counter.count(step.path, step.in);
    }
    return counter.removed;
  } finally {
    live.close();
    incoming.close();
  }
}

/** An entry to count. `comes`: the restored tree has an entry of that path. */
interface Counted {
  readonly path: string;
  readonly comes: boolean;
  readonly depth: number;
}

/** Goes down without recursion: a level of a deep tree takes neither a descriptor nor a frame. */
class Counter {
  removed = 0;
  readonly #live: DirectoryChain;
  readonly #incoming: DirectoryChain;
  readonly #signal: AbortSignal;
  readonly #timer = new SliceTimer();

  constructor(live: DirectoryChain, incoming: DirectoryChain, signal: AbortSignal) {
    this.#live = live;
    this.#incoming = incoming;
    this.#signal = signal;
  }

  /** @param comes whether something of that name comes in. */
  async count(path: string, comes: boolean): Promise<void> {
    const pending: Counted[] = [{ path, comes, depth: 0 }];
    for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
      throwIfAborted(this.#signal, 'Cannot plan the swap');
      await this.#timer.giveWay();
      const { path: here } = at;
      const live = unlessChanged(() => this.#live.open(here));
      if (live === undefined) {
        if (!at.comes || this.#comesAsDirectory(here)) this.removed++;
      } else if (at.depth < MAX_DEPTH) await this.#countIn(live, at, pending);
    }
  }

  async #countIn(live: number, { path, comes, depth }: Counted, pending: Counted[]): Promise<void> {
    const coming = comes ? unlessChanged(() => this.#incoming.open(path)) : undefined;
    const names = new Set(coming === undefined ? [] : readDirectory(coming).map(({ name }) => name));
    for (const { name, directory } of readDirectory(live)) {
      await this.#timer.giveWay();
      const replaced = names.has(name);
      if (directory) pending.push({ path: `${path}/${name}`, comes: replaced, depth: depth + 1 });
      else if (!replaced) this.removed++;
    }
  }

  #comesAsDirectory(path: string): boolean {
    const { parent, name } = splitPath(path);
    const coming = unlessChanged(() => this.#incoming.open(parent));
    return coming !== undefined && statChild(coming, name)?.isDirectory() === true;
  }
}
