/**
 * A dry run: compares the names in the archive with the live tree and reports what a restore would change. Unpacks and
 * writes nothing. Holds the names of the archive's entries in memory.
 */
import fs from 'node:fs';
import { throwIfAborted } from '../../base/failure.ts';
import { hasChangedMeanwhile, SliceTimer } from '../../base/files/handle-writes.ts';
import { MAX_DEPTH, openDirectory, openRoot, readDirectory, statChild } from '../../base/files/handles.ts';
import { wirePath } from '../../base/files/paths.ts';
import type { GameServer } from '../../servers/registry.ts';
import { STAGE_PREFIX } from '../../servers/stage/stage.ts';
import { isKeptWhole, KeepScan } from '../../servers/swap/swap.ts';
import type { RestorePreview } from '../contract.ts';
import type { FetchedArchive, RestoreDeps } from './deps.ts';
import type { PathSelection } from './select/paths.ts';
import { fixedPaths, rulesOf, type SwapRules } from './plan-file.ts';
import type { RestoreRequest } from './request.ts';

/** Paths in each list; the counts include all. */
const SHOWN = 1000;

export interface PreviewRequest {
  /** undefined when its directory is missing: then all is added. */
  readonly server: GameServer | undefined;
  readonly archive: FetchedArchive;
  readonly request: RestoreRequest;
  readonly selection: PathSelection | undefined;
  readonly signal: AbortSignal;
}

/** @throws Failure `archive_damaged`, `cancelled`. */
export async function previewRestore(
  request: PreviewRequest,
  deps: Pick<RestoreDeps, 'archive' | 'heldOut'>,
): Promise<RestorePreview> {
  const coming = await namesIn(request, deps);
  if (request.server === undefined) return allAdded(coming, request.signal);
  const live = openRoot(request.server.path);
  try {
    const { archive, request: asked, selection, signal } = request;
    const fixed = await fixedPaths(request.server, live, deps);
    const rules = rulesOf({ request: asked, selection, fixed, ignore: archive.ignore });
    const comparison = new Comparison(asked.truncate, signal);
    await comparison.compare({ path: '', depth: 0, live, ...rules }, coming);
    return comparison.preview;
  } finally {
    fs.closeSync(live);
  }
}

async function allAdded(coming: Names, signal: AbortSignal): Promise<RestorePreview> {
  const comparison = new Comparison(false, signal);
  await comparison.addAll(coming);
  return comparison.preview;
}

/** The names in a directory of the archive; null for other entries. */
type Names = Map<string, Names | null>;

/** The selected paths as a tree, with their parent directories. */
async function namesIn(
  { archive, selection, signal }: PreviewRequest,
  deps: Pick<RestoreDeps, 'archive'>,
): Promise<Names> {
  const root: Names = new Map();
  const opened = await deps.archive.openArchive(archive.source, signal);
  const timer = new SliceTimer();
  try {
    for await (const { path, kind } of opened.entries(signal)) {
      await timer.giveWay();
      if (selection?.selects(path, kind) !== false) addName(root, path, kind === 'directory');
    }
  } finally {
    await opened.close();
  }
  return root;
}

function addName(root: Names, path: string, directory: boolean): void {
  const names = path.split('/');
  const last = names.pop() ?? '';
  let parent = root;
  for (const name of names) {
    const next = parent.get(name) ?? new Map<string, Names | null>();
    parent.set(name, next);
    parent = next;
  }
  parent.set(last, directory ? (parent.get(last) ?? new Map<string, Names | null>()) : null);
}

/** A directory that both sides have, or that contains something to keep. */
interface Shared extends SwapRules {
  readonly path: string;
  readonly depth: number;
  readonly live: number;
}

/** Decides as servers/swap/plan.ts does, with the names in the archive instead of an unpacked tree. */
class Comparison {
  readonly #truncate: boolean;
  readonly #signal: AbortSignal;
  readonly #timer = new SliceTimer();
  readonly #keepScan = new KeepScan();
  readonly #removeScan = new KeepScan();
  readonly #added = new PathList();
  readonly #replaced = new PathList();
  readonly #deleted = new PathList();

  constructor(truncate: boolean, signal: AbortSignal) {
    this.#truncate = truncate;
    this.#signal = signal;
  }

  get preview(): RestorePreview {
    const [added, replaced, deleted] = [this.#added, this.#replaced, this.#deleted];
    const counts = { added: added.count, replaced: replaced.count, deleted: deleted.count };
    return { added: added.shown, replaced: replaced.shown, deleted: deleted.shown, counts };
  }

  async addAll(coming: Names): Promise<void> {
    for (const [name, below] of coming) await this.#addAll(name, below);
  }

  async compare(shared: Shared, coming: Names): Promise<void> {
    for (const [name, below] of coming) {
      await this.#pause();
      await this.#bringIn(shared, name, below);
    }
    if (!this.#truncate) return;
    for (const { name, directory } of readDirectory(shared.live)) {
      const stage = shared.path === '' && name.startsWith(STAGE_PREFIX);
      if (!coming.has(name) && !stage) await this.#remove(shared, name, directory);
    }
  }

  async #bringIn(shared: Shared, name: string, below: Names | null): Promise<void> {
    const path = pathOf(shared, name);
    const old = statChild(shared.live, name);
    if (old === undefined) return this.#addAll(path, below);
    const verdict = shared.keep.child(name, old.isDirectory());
    if (old.isDirectory() && below !== null) {
      if (isKeptWhole(verdict)) return;
      return this.#below(shared, name, (inside) => this.compare(inside, below));
    }
    if (verdict.keep || (verdict.mixed && (await this.#keepScan.holds(shared.live, name, path, shared.keep)))) {
      if (this.#truncate) await this.#remove(shared, name, old.isDirectory());
      return;
    }
    this.#replaced.add(path);
    if (old.isDirectory()) await this.#below(shared, name, (inside) => this.#deleteAll(inside));
    for (const [child, more] of below ?? []) await this.#addAll(`${path}/${child}`, more);
  }

  async #remove(shared: Shared, name: string, directory: boolean): Promise<void> {
    await this.#pause();
    const path = pathOf(shared, name);
    const verdict = shared.remove.child(name, directory);
    if (isKeptWhole(verdict)) return;
    const held =
      verdict.keep || (verdict.mixed && (await this.#removeScan.holds(shared.live, name, path, shared.remove)));
    if (!held) {
      this.#deleted.add(path);
      if (directory) await this.#below(shared, name, (inside) => this.#deleteAll(inside));
    } else if (directory) await this.#below(shared, name, (inside) => this.compare(inside, new Map()));
  }

  async #deleteAll(shared: Shared): Promise<void> {
    for (const { name, directory } of readDirectory(shared.live)) {
      await this.#pause();
      this.#deleted.add(pathOf(shared, name));
      if (directory) await this.#below(shared, name, (inside) => this.#deleteAll(inside));
    }
  }

  async #addAll(path: string, below: Names | null): Promise<void> {
    await this.#pause();
    this.#added.add(path);
    for (const [child, more] of below ?? []) await this.#addAll(`${path}/${child}`, more);
  }

  async #below(shared: Shared, name: string, work: (inside: Shared) => Promise<void>): Promise<void> {
    if (shared.depth >= MAX_DEPTH) return;
    let live: number;
    try {
      live = openDirectory(shared.live, name);
    } catch (error) {
      if (hasChangedMeanwhile(error)) return;
      throw error;
    }
    try {
      const rules = { keep: shared.keep.enter(name), remove: shared.remove.enter(name) };
      await work({ path: pathOf(shared, name), depth: shared.depth + 1, live, ...rules });
    } finally {
      fs.closeSync(live);
    }
  }

  async #pause(): Promise<void> {
    throwIfAborted(this.#signal, 'Cannot compare the backup with the server');
    await this.#timer.giveWay();
  }
}

class PathList {
  readonly shown: string[] = [];
  count = 0;

  add(path: string): void {
    this.count++;
    if (this.shown.length < SHOWN) this.shown.push(wirePath(path));
  }
}

function pathOf(shared: Shared, name: string): string {
  return shared.path === '' ? name : `${shared.path}/${name}`;
}
