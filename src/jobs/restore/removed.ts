/** Counts what a planned swap takes out of the live tree for good. Reads names only, and changes nothing. */
import fs from 'node:fs';
import { throwIfAborted } from '../../base/failure.ts';
import { SliceTimer, unlessChanged } from '../../base/handle-writes.ts';
import { DirectoryChain, MAX_DEPTH, openDirectory, readDirectory, statChild } from '../../base/handles.ts';
import { splitPath } from '../../base/paths.ts';
import { RESTORE_TREES, type Stage } from '../../servers/stage/stage.ts';
import { type PlanFile, readPlan } from '../../servers/swap/swap.ts';

/**
 * @returns live files and links that go out, and in whose place nothing comes in. Directories are not counted.
 * @throws Failure `cancelled`.
 */
export async function countRemoved(stage: Stage, file: PlanFile, signal: AbortSignal): Promise<number> {
  const trees = stage.openTrees(RESTORE_TREES);
  const live = new DirectoryChain(trees.live);
  const incoming = new DirectoryChain(trees.incoming);
  const counter = new Counter(signal);
  try {
    for (const step of readPlan(stage.handle, file)) {
      if (step.kind !== 'exchange' || !step.out) continue;
      const { parent, name } = splitPath(step.path);
      const here = unlessChanged(() => live.open(parent));
      if (here !== undefined) await counter.count(here, name, step.in ? incoming.open(parent) : undefined);
    }
    return counter.removed;
  } finally {
    live.close();
    incoming.close();
  }
}

class Counter {
  removed = 0;
  readonly #signal: AbortSignal;
  readonly #timer = new SliceTimer();

  constructor(signal: AbortSignal) {
    this.#signal = signal;
  }

  /** @param coming the open directory in which something of that name comes in; undefined when nothing does. */
  async count(parent: number, name: string, coming: number | undefined, depth = 0): Promise<void> {
    throwIfAborted(this.#signal, 'Cannot plan the swap');
    await this.#timer.giveWay();
    const handle = unlessChanged(() => openDirectory(parent, name));
    if (handle === undefined) {
      if (coming === undefined || statChild(coming, name)?.isDirectory() === true) this.removed++;
      return;
    }
    const into = coming === undefined ? undefined : unlessChanged(() => openDirectory(coming, name));
    try {
      if (depth < MAX_DEPTH) await this.#countIn(handle, into, depth + 1);
    } finally {
      fs.closeSync(handle);
      if (into !== undefined) fs.closeSync(into);
    }
  }

  async #countIn(live: number, coming: number | undefined, depth: number): Promise<void> {
    const names = new Set(coming === undefined ? [] : readDirectory(coming).map(({ name }) => name));
    for (const { name, directory } of readDirectory(live)) {
      await this.#timer.giveWay();
      const replaced = names.has(name);
      if (directory) await this.count(live, name, replaced ? coming : undefined, depth);
      else if (!replaced) this.removed++;
    }
  }
}
