/** Trees of names with what is compared of each: of an archive by its entries, of a live directory by its own. */
import fs from 'node:fs';
import type { Entry, EntryKind } from '../../archive/entry.ts';
import { unlessChanged } from '../../base/files/handle-writes.ts';
import { childPath, MAX_DEPTH, openDirectory, readDirectory, statChild } from '../../base/files/handles.ts';
import { isKeptWhole, type KeepRules } from '../../servers/swap/swap.ts';

/** Sets of bits that a restore may strip count for nothing. */
const COMPARED_MODE = 0o777;

export interface Facts {
  /** `other`: a socket, FIFO or device, which no backup holds. */
  readonly kind: EntryKind | 'other';
  readonly size: number;
  readonly mode: number;
  /** Whole seconds since the epoch. */
  readonly mtime: number;
  /** Of a link. */
  readonly target?: string | undefined;
}

export interface TreeNode {
  facts: Facts;
  /** Names below a directory; undefined for all else. */
  below: Map<string, TreeNode> | undefined;
  /** Whether it, or something below it, was asked for. */
  wanted: boolean;
}

const MADE_PARENT: Facts = { kind: 'directory', size: 0, mode: 0, mtime: 0 };

export function emptyTree(): TreeNode {
  return { facts: MADE_PARENT, below: new Map(), wanted: true };
}

/** Adds an entry, with the parents that it needs. A later entry of a path takes the place of an earlier one. */
export function addEntry(root: TreeNode, { path, kind, size, mode, mtime, target }: Entry, wanted: boolean): void {
  const names = path.split('/');
  const last = names.pop() ?? '';
  let parent = root;
  for (const name of names) {
    parent.below ??= new Map();
    const next = parent.below.get(name) ?? { facts: MADE_PARENT, below: new Map(), wanted: false };
    parent.below.set(name, next);
    next.wanted ||= wanted;
    parent = next;
  }
  parent.below ??= new Map();
  const old = parent.below.get(last);
  const below = kind === 'directory' ? (old?.below ?? new Map<string, TreeNode>()) : undefined;
  parent.below.set(last, {
    facts: { kind, size, mode, mtime, target },
    below,
    wanted: wanted || old?.wanted === true,
  });
}

/** What a name holds in the end: a hard link is the file that it leads to. */
export function resolved(node: TreeNode, root: TreeNode): Facts {
  if (node.facts.kind !== 'hardlink') return node.facts;
  let at: TreeNode | undefined = root;
  for (const name of (node.facts.target ?? '').split('/')) at = at?.below?.get(name);
  return at?.facts.kind === 'file' ? at.facts : node.facts;
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
  const below = new Map<string, TreeNode>();
  for (const { name } of readDirectory(handle).sort((one, other) => (one.name < other.name ? -1 : 1))) {
    checkStop();
    const stat = statChild(handle, name);
    if (stat === undefined) continue;
    const verdict = leftOut.child(name, stat.isDirectory());
    if (verdict.keep && (!stat.isDirectory() || isKeptWhole(verdict))) continue;
    const node =
      stat.isDirectory() && depth < MAX_DEPTH ? liveBelow(handle, name, { leftOut, checkStop, depth }) : undefined;
    below.set(name, {
      facts: liveFacts(handle, name, stat),
      below: node?.below ?? (stat.isDirectory() ? new Map() : undefined),
      wanted: true,
    });
  }
  return { facts: MADE_PARENT, below, wanted: true };
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
