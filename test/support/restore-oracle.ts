/** What a restore has to leave behind, computed from the two trees alone: no planner, no stage, no renames. */
import { compileIgnore } from '../../src/archive/ignore/ignore.ts';
import { compileGlobs } from '../../src/jobs/restore/select/globs.ts';
import type { Tree, TreeNode } from './tree.ts';
import { IMPLIED } from './tree-archive.ts';

function below(tree: Iterable<string>, path: string): string[] {
  return [...tree].filter((other) => other.startsWith(`${path}/`));
}

function parentsOf(path: string): string[] {
  const names = path.split('/');
  return names.slice(1).map((_, index) => names.slice(0, index + 1).join('/'));
}

/** These paths of a tree, with the directories that they lie in. */
function withParents(tree: Tree, paths: readonly string[]): Map<string, TreeNode> {
  const wanted = new Set(paths.flatMap((path) => [path, ...parentsOf(path)]));
  return new Map([...tree].filter(([path]) => wanted.has(path)));
}

/**
 * An archive's entries laid over a tree. `named` says which of them it really has: parents that it does not name exist
 * with a mode of their own, unless they are there.
 */
function layOver(base: Tree, archive: Tree, named: (path: string) => boolean): Tree {
  const result = new Map(base);
  for (const path of [...archive.keys()].sort()) {
    const node = archive.get(path);
    if (node === undefined) continue;
    const there = result.get(path);
    if (there?.kind === 'directory' && node.kind === 'directory') {
      if (named(path)) result.set(path, node);
      continue;
    }
    for (const child of below(result.keys(), path)) result.delete(child);
    result.set(path, node);
  }
  return result;
}

/** `truncate: false`: what the archive lacks stays. */
export function overlaid(live: Tree, archive: Tree): Tree {
  return layOver(live, archive, () => true);
}

/**
 * `globs`: only what they select is restored and, with `truncate`, removed. What lies in the place of a directory that a
 * selected path needs stays, and the path is left out.
 */
export function partly(live: Tree, archive: Tree, globs: readonly string[], truncate: boolean): Tree {
  const selection = compileGlobs(globs);
  const selected = (tree: Tree): string[] =>
    [...tree].filter(([path, { kind }]) => selection.selects(path, kind)).map(([path]) => path);
  const inTheWay = (path: string): boolean => {
    const node = live.get(path);
    return node !== undefined && node.kind !== 'directory' && !selection.selects(path, node.kind);
  };
  const fits = (path: string): boolean => !parentsOf(path).some(inTheWay);
  const chosen = new Set(selected(archive).filter((path) => fits(path) && !inTheWay(path)));
  const incoming = new Map<string, TreeNode>();
  for (const path of chosen) {
    for (const parent of parentsOf(path)) if (!incoming.has(parent)) incoming.set(parent, IMPLIED);
    incoming.set(path, archive.get(path) ?? IMPLIED);
  }
  for (const path of chosen) incoming.set(path, archive.get(path) ?? IMPLIED);
  const gone = new Set(truncate ? selected(live) : []);
  const staying = [...live.keys()].filter((path) => !gone.has(path));
  return layOver(withParents(live, staying), incoming, (path) => chosen.has(path));
}

/** `truncate` with `keepIgnored`: what the list covers stays, whatever the archive has in its place. */
export function keeping(live: Tree, archive: Tree, ignore: readonly string[]): Tree {
  const rules = compileIgnore(ignore);
  const ignored = (path: string): boolean => {
    const node = live.get(path);
    return node !== undefined && rules.ignores(path, node.kind);
  };
  const kept = [...live.keys()].filter(ignored);
  const base = withParents(live, kept);
  const left = new Set<string>();
  const incoming = new Map<string, TreeNode>();
  for (const path of [...archive.keys()].sort()) {
    const node = archive.get(path);
    if (node === undefined) continue;
    const there = base.get(path);
    const blocked = there !== undefined && (there.kind !== 'directory' || node.kind !== 'directory');
    const whole = there?.kind === 'directory' && ignored(path) && !mayReinclude(ignore, path);
    if (blocked || whole || parentsOf(path).some((parent) => left.has(parent))) left.add(path);
    else incoming.set(path, node);
  }
  return layOver(base, incoming, () => true);
}

/** True when a `!` line could still keep something below an ignored directory: then it is merged, not left alone. */
function mayReinclude(ignore: readonly string[], path: string): boolean {
  const names = path.split('/');
  const last = names.pop() ?? '';
  let rules = compileIgnore(ignore).root();
  for (const name of names) rules = rules.enter(name);
  return !rules.child(last, true).prune;
}
