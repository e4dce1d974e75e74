/** Makes the plan that undoes a plan: what went out comes in, what came in goes out. */
import { makeDirectories, SliceTimer, unlessChanged } from '../../base/files/handle-writes.ts';
import { DirectoryChain, statChild } from '../../base/files/handles.ts';
import { splitPath } from '../../base/files/paths.ts';
import type { DirectoryStep, ExchangeStep, SwapStep, SwapTrees } from './step.ts';

/**
 * @param trees of the undo: `incoming` holds what the first swap set aside, `outgoing` is empty.
 * @param steps of a completed swap.
 */
export async function* invertPlan(
  trees: Pick<SwapTrees, 'incoming' | 'outgoing'>,
  steps: Iterable<SwapStep>,
): AsyncGenerator<SwapStep, void, void> {
  const setAside = new DirectoryChain(trees.incoming);
  const timer = new SliceTimer();
  try {
    for (const step of steps) {
      await timer.giveWay();
      if (step.kind === 'directory') yield inverseDirectory(step);
      else yield* inverse(step, setAside, trees.outgoing);
    }
  } finally {
    setAside.close();
  }
}

function inverseDirectory({ removed, ...step }: DirectoryStep): DirectoryStep {
  const turned = { ...step, before: step.after, after: step.before };
  return removed === undefined ? turned : { ...turned, removed: removed === 'forward' ? 'back' : 'forward' };
}

function* inverse(step: ExchangeStep, setAside: DirectoryChain, outgoing: number): Generator<SwapStep, void, void> {
  const { path, in: out, outMode, inMode } = step;
  // It was planned to go out but had already disappeared: there is nothing to bring back.
  const comes = step.out && has(setAside, path);
  if (out) makeDirectories(outgoing, splitPath(path).parent);
  if (!out && !comes) return;
  yield { kind: 'exchange', path, out, in: comes, outMode: inMode, inMode: comes ? outMode : undefined };
}

function has(chain: DirectoryChain, path: string): boolean {
  const { parent, name } = splitPath(path);
  return unlessChanged(() => statChild(chain.open(parent), name)) !== undefined;
}
