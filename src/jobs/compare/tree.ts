/** Trees of names with what is compared of each: of an archive by its entries, of a live directory by its own. */
import fs from 'node:fs';
import type { Entry } from '../../archive/entry.ts';
import { unlessChanged } from '../../base/files/handle-writes.ts';
import { childPath, MAX_DEPTH, openDirectory, readDirectory, statChild } from '../../base/files/handles.ts';
import { isKeptWhole, type KeepRules } from '../../servers/swap/swap.ts';
import { Below, type Facts, type TreeNode } from './below.ts';

export type { Facts, TreeNode } from './below.ts';

/** Sets of bits that a restore may strip count for nothing. */
const COMPARED_MODE = 0o777;

export function emptyTree(): TreeNode {
  return madeParent(true);
}

function madeParent(wanted: boolean): TreeNode {
  return { kind: 'directory', size: 0, mode: 0, mtime: 0, target: undefined, below: new Below(), wanted };
}

/** Makes a tree of the entries of an archive, in whatever order they come. */
export class TreeBuild {
  readonly #root: TreeNode;
  /** Directories of the entry before, which its neighbours share. */
  #parent: { readonly path: string; readonly nodes: readonly TreeNode[]; readonly below: Below } | undefined;

  constructor(root: TreeNode) {
    this.#root = root;
  }

  /** Adds an entry, with the parents that it needs. A later entry of a path takes the place of an earlier one. */
  add({ path, kind, size, mode, mtime, target }: Entry, wanted: boolean): void {
    const end = path.lastIndexOf('/');
    const name = end < 0 ? path : path.slice(end + 1);
    const below = this.#below(end < 0 ? '' : path.slice(0, end), wanted);
    const old = below.get(name);
    if (old !== undefined) this.#parent = undefined;
    const inside = kind === 'directory' ? (old?.below ?? new Below()) : undefined;
    below.set(name, { kind, size, mode, mtime, target, below: inside, wanted: wanted || old?.wanted === true });
  }

  #below(path: string, wanted: boolean): Below {
    if (this.#parent?.path !== path) {
      this.#parent?.below.pack();
      this.#parent = this.#open(path);
    }
    if (wanted) for (const node of this.#parent.nodes) node.wanted = true;
    return this.#parent.below;
  }

  #open(path: string): { readonly path: string; readonly nodes: readonly TreeNode[]; readonly below: Below } {
    const nodes: TreeNode[] = [];
    let below = this.#root.below ?? new Below();
    for (const name of path === '' ? [] : path.split('/')) {
      let next = below.get(name);
      if (next?.below === undefined) {
        // Hostile archives have a file where a later entry has a directory.
        next = { ...(next ?? madeParent(false)), below: new Below() };
        below.set(name, next);
      }
      nodes.push(next);
      below = next.below ?? new Below();
    }
    return { path, nodes, below };
  }
}

/** What a name holds in the end: a hard link is the file that it leads to. */
export function resolved(node: TreeNode, root: TreeNode): Facts {
  if (node.kind !== 'hardlink') return node;
  let at: TreeNode | undefined = root;
  for (const name of (node.target ?? '').split('/')) at = at?.below?.get(name);
  return at?.kind === 'file' ? at : node;
}

/** True when nothing tells the two apart without reading them: kind, size, time and mode, or a link's target. */
export function isSame(one: Facts, other: Facts): boolean {
  if (one.kind !== other.kind) return false;
  if (one.kind === 'symlink') return one.target === other.target;
  if (one.kind === 'directory') return true;
  const mode = (one.mode & COMPARED_MODE) === (other.mode & COMPARED_MODE);
  return mode && one.size === other.size && one.mtime === other.mtime && one.kind === 'file';
}

/** @param stat of the name itself. */
export function liveFacts(parent: number, name: string, stat: fs.Stats): Facts {
  const { size, mode } = stat;
  const mtime = Math.floor(stat.mtimeMs / 1000);
  if (stat.isDirectory()) return { kind: 'directory', size: 0, mode, mtime };
  if (stat.isFile()) return { kind: 'file', size, mode, mtime };
  if (!stat.isSymbolicLink()) return { kind: 'other', size: 0, mode, mtime };
  const target = unlessChanged(() => fs.readlinkSync(childPath(parent, name), { encoding: 'latin1' }));
  return { kind: 'symlink', size: 0, mode, mtime, target };
}

/**
 * A live directory as a tree.
 *
 * @param leftOut what is passed over.
 * @param checkStop called for each name; what it throws ends the walk.
 */
export function liveTree(handle: number, leftOut: KeepRules, checkStop: () => void, depth = 0): TreeNode {
  const below = new Below();
  for (const { name } of readDirectory(handle).sort((one, other) => (one.name < other.name ? -1 : 1))) {
    checkStop();
    const stat = statChild(handle, name);
    if (stat === undefined) continue;
    const verdict = leftOut.child(name, stat.isDirectory());
    if (verdict.keep && (!stat.isDirectory() || isKeptWhole(verdict))) continue;
    const node =
      stat.isDirectory() && depth < MAX_DEPTH ? liveBelow(handle, name, { leftOut, checkStop, depth }) : undefined;
    const { kind, size, mode, mtime, target } = liveFacts(handle, name, stat);
    const inside = node?.below ?? (stat.isDirectory() ? new Below() : undefined);
    below.set(name, { kind, size, mode, mtime, target, below: inside, wanted: true });
  }
  return { ...madeParent(true), below };
}

function liveBelow(
  parent: number,
  name: string,
  {
    leftOut,
    checkStop,
    depth,
  }: { readonly leftOut: KeepRules; readonly checkStop: () => void; readonly depth: number },
): TreeNode | undefined {
  const handle = unlessChanged(() => openDirectory(parent, name));
  if (handle === undefined) return undefined;
  try {
    return liveTree(handle, leftOut.enter(name), checkStop, depth + 1);
  } finally {
    fs.closeSync(handle);
  }
}
