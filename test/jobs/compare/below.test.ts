import { describe, expect, test } from 'vitest';
import type { Entry } from '../../../src/archive/entry.ts';
import { emptyTree, TreeBuild, type TreeNode } from '../../../src/jobs/compare/tree.ts';
import { dice } from '../../support/random-tree.ts';

function entry(path: string, more: Partial<Entry> = {}): Entry {
  return { path, kind: 'file', size: path.length, mode: 0o644, uid: 0, gid: 0, mtime: -path.length, ...more };
}

/** Each path with what the tree holds there. */
function pathsOf(node: TreeNode, above = ''): Map<string, object> {
  const found = new Map<string, object>();
  for (const [name, { below, ...facts }] of node.below?.all() ?? []) {
    found.set(above + name, facts);
    if (below !== undefined) {
      for (const [path, each] of pathsOf({ ...facts, below }, `${above}${name}/`)) found.set(path, each);
    }
  }
  return found;
}

describe('the tree of an archive', () => {
  const entries = ['a', 'b', 'a/deep'].flatMap((directory) =>
    Array.from({ length: 41 }, (_, at) =>
      at < 40
        ? entry(`${directory}/\xff${at}`)
        : entry(`${directory}/link`, { kind: 'symlink', size: 0, target: '../somewhere' }),
    ),
  );

  test('is the same in whatever order its entries come, with names packed or not', () => {
    const roll = dice(3);
    const treeOf = (order: readonly Entry[]) => {
      const root = emptyTree();
      const build = new TreeBuild(root);
      for (const each of order) build.add(each, !each.path.endsWith('1'));
      return new Map([...pathsOf(root)].sort(([one], [other]) => (one < other ? -1 : 1)));
    };
    const expected = treeOf(entries);
    expect(expected.size).toBe(entries.length + 3);
    expect(expected.get('a/deep/\xff7')).toMatchObject({ kind: 'file', size: 9, mode: 0o644, mtime: -9, wanted: true });
    expect(expected.get('b/\xff11')).toMatchObject({ wanted: false });
    expect(expected.get('b/link')).toMatchObject({ kind: 'symlink', target: '../somewhere' });
    for (let round = 0; round < 20; round++) {
      const shuffled = entries.map((each) => ({ each, at: roll(1000) })).sort((one, other) => one.at - other.at);
      expect(treeOf(shuffled.map(({ each }) => each))).toEqual(expected);
    }
  });

  test('takes the last entry of a path, also behind a directory that was left', () => {
    const root = emptyTree();
    const build = new TreeBuild(root);
    for (const each of [...entries, entry('a/\xff3', { size: 1 }), entry('b/\xff3/inside'), entry('b/\xff3/inside2')]) {
      build.add(each, true);
    }
    const paths = pathsOf(root);
    expect(paths.get('a/\xff3')).toMatchObject({ size: 1 });
    expect(paths.get('b/\xff3/inside')).toMatchObject({ kind: 'file' });
    expect(paths.size).toBe(entries.length + 3 + 2);
  });
});
