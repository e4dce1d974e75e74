/** Compares two trees of names: what came, went and changed from one to the other. */
import type { Collector } from './rows.ts';
import { type Facts, isSame, resolved, type TreeNode } from './tree.ts';

export interface Trees {
  readonly before: TreeNode;
  readonly after: TreeNode;
}

/** Hands every difference between two trees to the collector, in the order of paths. @param checkStop throws to stop. */
export function diffTrees(trees: Trees, collector: Collector, checkStop: () => void): void {
  diffBelow('', trees.before, trees.after, { ...trees, collector, checkStop });
}

interface Diff extends Trees {
  readonly collector: Collector;
  readonly checkStop: () => void;
}

function diffBelow(path: string, before: TreeNode, after: TreeNode, diff: Diff): void {
  const [was, is] = [before.below?.all(), after.below?.all()];
  const names = new Set([...(was?.keys() ?? []), ...(is?.keys() ?? [])]);
  for (const name of Array.from(names).sort()) {
    diff.checkStop();
    diffName(path === '' ? name : `${path}/${name}`, was?.get(name), is?.get(name), diff);
  }
}

function diffName(path: string, before: TreeNode | undefined, after: TreeNode | undefined, diff: Diff): void {
  if (before === undefined || after === undefined) {
    if (before !== undefined) addAll('deleted', path, before, diff.before, diff);
    if (after !== undefined) addAll('added', path, after, diff.after, diff);
    return;
  }
  if (before.below !== undefined && after.below !== undefined) return diffBelow(path, before, after, diff);
  const [was, is] = [resolved(before, diff.before), resolved(after, diff.after)];
  const row = { path, directory: false, size: sizeOf(is) };
  if (isSame(was, is)) return diff.collector.add('same', { ...row, before: undefined });
  diff.collector.add('changed', { ...row, before: sizeOf(was) });
  for (const [name, node] of before.below?.all() ?? []) addAll('deleted', `${path}/${name}`, node, diff.before, diff);
  for (const [name, node] of after.below?.all() ?? []) addAll('added', `${path}/${name}`, node, diff.after, diff);
}

function addAll(kind: 'added' | 'deleted', path: string, node: TreeNode, root: TreeNode, diff: Diff): void {
  diff.checkStop();
  const facts = resolved(node, root);
  diff.collector.add(kind, { path, directory: node.below !== undefined, size: sizeOf(facts), before: undefined });
  for (const [name, below] of node.below?.all() ?? []) addAll(kind, `${path}/${name}`, below, root, diff);
}

function sizeOf({ kind, size }: Facts): number {
  return kind === 'file' || kind === 'hardlink' ? size : 0;
}
