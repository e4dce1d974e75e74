/** Step 5 of a restore: compares the unpacked tree with the live one and writes the renames down. */
import fs from 'node:fs';
import { compileIgnore, type DirectoryRules } from '../../archive/ignore/ignore.ts';
import type { SelectionRules } from '../../archive/select/selection.ts';
import {
  either,
  KEEP,
  keepNothing,
  keepPaths,
  type KeepRules,
  mountsBelow,
  MoveProbe,
  type PlanFile,
  planSwap,
  PlanWriter,
  REPLACE,
} from '../../servers/swap/swap.ts';
import { RESTORE_TREES, type Stage } from '../../servers/stage/stage.ts';
import type { GameServer } from '../../servers/registry.ts';
import type { RestoreDeps } from './deps.ts';
import type { PathSelection } from './select/paths.ts';
import type { RestoreRequest } from './request.ts';

export const RESTORE_PLAN = 'plan';

export interface SwapOptions {
  readonly request: RestoreRequest;
  readonly selection: PathSelection | undefined;
  /** Paths below the server's directory that are never touched: see `fixedPaths`. */
  readonly fixed: readonly string[];
  /** The ignore list of the backup. */
  readonly ignore: readonly string[];
  /** True for directories that the archive itself contains. */
  readonly named: (path: string) => boolean;
}

export interface SwapRules {
  /** Kept even when the archive has an entry of that path. */
  readonly keep: KeepRules;
  /** Kept when the archive has no entry there. */
  readonly remove: KeepRules;
}

/** Which live entries a swap keeps: in any case, and where the archive has no entry of that path. */
export function rulesOf({ request, selection, fixed, ignore }: Omit<SwapOptions, 'named'>): SwapRules {
  const ignored = request.truncate && request.keepIgnored && ignore.length > 0;
  const always = either(keepPaths(fixed), ignored ? keepIgnored(compileIgnore(ignore).root()) : keepNothing);
  if (selection === undefined) return { keep: always, remove: always };
  return {
    keep: either(always, keepInTheWay(selection.root())),
    remove: either(always, keepUnselected(selection.root())),
  };
}

/**
 * Keeps an entry that is in the way of a selected path, such as a link in place of its parent directory: only selected
 * paths may be replaced.
 */
function keepInTheWay(rules: SelectionRules): KeepRules {
  return {
    child: (name, directory) => (directory || rules.child(name, directory).selected ? REPLACE : KEEP),
    enter: (name) => keepInTheWay(rules.enter(name)),
  };
}

/** Paths below the server's directory that a restore never touches: mount points, and what is held out. */
export async function fixedPaths(
  server: GameServer,
  live: number,
  { heldOut }: Pick<RestoreDeps, 'heldOut'>,
): Promise<readonly string[]> {
  return [...new Set([...mountsBelow(live), ...(await heldOut.below(server, live))])];
}

/** Keeps what an ignore list covers. */
export function keepIgnored(rules: DirectoryRules): KeepRules {
  return {
    child(name, directory) {
      const { ignored, prune } = rules.child(name, directory);
      if (!directory) return ignored ? KEEP : REPLACE;
      return { keep: ignored, mixed: !ignored || !prune };
    },
    enter: (name) => keepIgnored(rules.enter(name)),
  };
}

/** Keeps what a selection leaves out. */
function keepUnselected(rules: SelectionRules): KeepRules {
  return {
    child(name, directory) {
      const { selected, below } = rules.child(name, directory);
      if (!directory) return selected ? REPLACE : KEEP;
      if (selected) return { keep: false, mixed: below !== 'all' };
      return { keep: true, mixed: below !== 'none' };
    },
    enter: (name) => keepUnselected(rules.enter(name)),
  };
}

/**
 * Plans the swap without writing anything, to learn before the server is stopped whether the file system refuses it.
 *
 * @throws Failure as `writeRestorePlan`.
 */
export async function rehearsePlan(stage: Stage, options: SwapOptions, signal: AbortSignal): Promise<void> {
  const { live, incoming, outgoing } = stage.openTrees(RESTORE_TREES);
  const trees = { live, incoming, outgoing, rehearsal: true };
  const nothing = (): void => undefined;
  await planSwap({ ...requestOf(stage, options), ...trees, onKept: nothing, signal }, nothing);
}

function requestOf(stage: Stage, options: SwapOptions) {
  const { request, named } = options;
  const probe = new MoveProbe(stage.handle);
  return { stage: stage.handle, truncate: request.truncate, ...rulesOf(options), named, probe };
}

/**
 * Writes the plan into the stage, durably. On failure the unfinished file remains until the stage is removed.
 *
 * @param onKept called with each path of the archive that is left out because a kept entry is in its place.
 * @throws Failure `cancelled`, `server_busy`, `internal` with path and errno for what cannot be moved.
 */
export async function writeRestorePlan(
  stage: Stage,
  options: SwapOptions,
  onKept: (path: string, errno?: string) => void,
  signal: AbortSignal,
): Promise<PlanFile> {
  const { live, incoming, outgoing } = stage.openTrees(RESTORE_TREES);
  // The archive may give its root a mode that forbids taking entries out of it.
  fs.fchmodSync(incoming, 0o700);
  const writer = new PlanWriter(stage.handle, RESTORE_PLAN);
  let planned = false;
  try {
    const trees = { live, incoming, outgoing };
    await planSwap({ ...requestOf(stage, options), ...trees, onKept, signal }, (step) => writer.add(step));
    planned = true;
  } finally {
    if (!planned) writer.abandon();
  }
  const file = await writer.finish();
  await stage.sync();
  return file;
}
