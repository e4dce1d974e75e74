/**
 * Decides for each name what a restore would do with it, as servers/swap/plan.ts does, with the entries of the archive in
 * place of an unpacked tree. Synchronous: it runs in a thread.
 */
import fs from 'node:fs';
import { unlessChanged } from '../../base/files/handle-writes.ts';
import {
  type DirectoryItem,
  MAX_DEPTH,
  openDirectory,
  readDirectory,
  statChild,
  statChildren,
} from '../../base/files/handles.ts';
import { STAGE_PREFIX } from '../../servers/stage/stage.ts';
import { isKeptWhole, KeepScan, type KeepRules, type KeepVerdict } from '../../servers/swap/swap.ts';
import type { SwapRules } from '../restore/plan-file.ts';
import type { ChangeClass, Collector } from './rows.ts';
import { isSame, liveFacts, resolved, type TreeNode } from './tree.ts';

/** Names whose metadata is held at a time. */
const STATS_AT_ONCE = 500;

interface Shared extends SwapRules {
  readonly path: string;
  readonly depth: number;
  readonly live: number;
}

export interface PreviewWalkOptions {
  readonly truncate: boolean;
  readonly root: TreeNode;
  readonly collector: Collector;
  readonly checkStop: () => void;
}

export class PreviewWalk {
  readonly #options: PreviewWalkOptions;
  readonly #keepScan = new KeepScan();
  readonly #removeScan = new KeepScan();

  constructor(options: PreviewWalkOptions) {
    this.#options = options;
  }

  /** @param live the server's directory; undefined when it is missing: then all is added. */
  async run(live: number | undefined, rules: SwapRules): Promise<void> {
    const { root } = this.#options;
    if (live !== undefined) return this.#compare({ path: '', depth: 0, live, ...rules }, root);
    for (const [name, node] of wantedBelow(root)) this.#addAll(name, node);
  }

  async #compare(shared: Shared, coming: TreeNode | undefined): Promise<void> {
    const wanted = wantedBelow(coming);
    for (let from = 0; from < wanted.length; from += STATS_AT_ONCE) {
      this.#options.checkStop();
      const some = wanted.slice(from, from + STATS_AT_ONCE);
      const stats = statChildren(
        shared.live,
        some.map(([name]) => name),
      );
      for (const [at, [name, node]] of some.entries()) {
        const further = this.#bringIn(shared, name, node, stats[at]);
        // A promise for each of hundreds of thousands of files would cost more than the file does.
        if (further !== undefined) await further;
      }
    }
    if (!this.#options.truncate) return;
    const known = new Set(wanted.map(([name]) => name));
    const others = readDirectory(shared.live).filter(({ name }) => !known.has(name));
    for (const { name, directory } of sorted(others)) {
      const isStage = shared.path === '' && name.startsWith(STAGE_PREFIX);
      if (!isStage) await this.#remove(shared, name, directory);
    }
  }

  /** @returns undefined when nothing is left to do. */
  #bringIn(shared: Shared, name: string, node: TreeNode, old: fs.Stats | undefined): Promise<void> | undefined {
    const path = pathOf(shared, name);
    if (old === undefined) {
      this.#addAll(path, node);
      return undefined;
    }
    const isDirectory = old.isDirectory();
    const verdict = shared.keep.child(name, isDirectory);
    if (isDirectory && node.below !== undefined) {
      if (!isKeptWhole(verdict)) return this.#below(shared, name, (inside) => this.#compare(inside, node));
      this.#keptBelow(path, node);
      return undefined;
    }
    if (verdict.keep || verdict.mixed) return this.#bringInKept(shared, name, { node, old, verdict });
    return this.#replace(shared, name, node, old);
  }

  async #bringInKept(
    shared: Shared,
    name: string,
    { node, old, verdict }: { readonly node: TreeNode; readonly old: fs.Stats; readonly verdict: KeepVerdict },
  ): Promise<void> {
    const path = pathOf(shared, name);
    if (!verdict.keep && !(await this.#keepScan.holds(shared.live, name, path, shared.keep))) {
      await this.#replace(shared, name, node, old);
      return;
    }
    this.#add('kept', path, node);
    if (this.#options.truncate) await this.#remove(shared, name, old.isDirectory());
  }

  #replace(shared: Shared, name: string, node: TreeNode, old: fs.Stats): Promise<void> | undefined {
    const path = pathOf(shared, name);
    const facts = resolved(node, this.#options.root);
    const was = liveFacts(shared.live, name, old);
    const row = { path, directory: node.below !== undefined, size: facts.kind === 'file' ? facts.size : 0 };
    if (isSame(was, facts)) this.#options.collector.add('same', { ...row, before: undefined });
    else this.#options.collector.add('changed', { ...row, before: was.size });
    if (old.isDirectory()) return this.#below(shared, name, (inside) => this.#deleteAll(inside));
    for (const [child, below] of wantedBelow(node)) this.#addAll(`${path}/${child}`, below);
    return undefined;
  }

  async #remove(shared: Shared, name: string, directory: boolean): Promise<void> {
    this.#options.checkStop();
    const path = pathOf(shared, name);
    const verdict = shared.remove.child(name, directory);
    if (isKeptWhole(verdict)) return;
    const held =
      verdict.keep || (verdict.mixed && (await this.#removeScan.holds(shared.live, name, path, shared.remove)));
    if (!held) {
      this.#delete(shared, name, directory);
      if (directory) await this.#below(shared, name, (inside) => this.#deleteAll(inside));
    } else if (directory) await this.#below(shared, name, (inside) => this.#compare(inside, undefined));
  }

  async #deleteAll(shared: Shared): Promise<void> {
    for (const { name, directory } of sorted(readDirectory(shared.live))) {
      this.#options.checkStop();
      this.#delete(shared, name, directory);
      if (directory) await this.#below(shared, name, (inside) => this.#deleteAll(inside));
    }
  }

  #delete(shared: Shared, name: string, directory: boolean): void {
    const size = directory ? 0 : (statChild(shared.live, name)?.size ?? 0);
    this.#options.collector.add('deleted', { path: pathOf(shared, name), directory, size, before: undefined });
  }

  #addAll(path: string, node: TreeNode): void {
    this.#options.checkStop();
    this.#add('added', path, node);
    for (const [child, below] of wantedBelow(node)) this.#addAll(`${path}/${child}`, below);
  }

  /** Entries below a directory that stays as it is. */
  #keptBelow(path: string, node: TreeNode): void {
    for (const [child, below] of wantedBelow(node)) {
      this.#add('kept', `${path}/${child}`, below);
      this.#keptBelow(`${path}/${child}`, below);
    }
  }

  #add(kind: ChangeClass, path: string, node: TreeNode): void {
    const facts = resolved(node, this.#options.root);
    const size = facts.kind === 'file' ? facts.size : 0;
    this.#options.collector.add(kind, { path, directory: node.below !== undefined, size, before: undefined });
  }

  async #below(shared: Shared, name: string, work: (inside: Shared) => Promise<void>): Promise<void> {
    if (shared.depth >= MAX_DEPTH) return;
    const live = unlessChanged(() => openDirectory(shared.live, name));
    if (live === undefined) return;
    try {
      await work({ path: pathOf(shared, name), depth: shared.depth + 1, live, ...entered(shared, name) });
    } finally {
      fs.closeSync(live);
    }
  }
}

function entered({ keep, remove }: SwapRules, name: string): { readonly keep: KeepRules; readonly remove: KeepRules } {
  return { keep: keep.enter(name), remove: remove.enter(name) };
}

function wantedBelow(node: TreeNode | undefined): [string, TreeNode][] {
  return Array.from(node?.below?.all() ?? []).filter(([, { wanted }]) => wanted);
}

/** In one order, so that equal trees have equal digests. */
function sorted(items: DirectoryItem[]): DirectoryItem[] {
  return items.sort((one, other) => (one.name < other.name ? -1 : 1));
}

function pathOf(shared: Shared, name: string): string {
  return shared.path === '' ? name : `${shared.path}/${name}`;
}
