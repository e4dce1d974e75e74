/** Step 5 of a restore: the unpacked tree is held against the live one, and the renames are written down. */
import fs from 'node:fs';
import { compileIgnore, type DirectoryRules } from '../../archive/ignore/ignore.ts';
import { either, KEEP, keepNothing, keepPaths, type KeepRules, REPLACE } from '../../servers/swap/rules.ts';
import { RESTORE_TREES, type Stage } from '../../servers/stage/stage.ts';
import { planSwap } from '../../servers/swap/plan.ts';
import { type PlanFile, PlanWriter } from '../../servers/swap/step.ts';
import type { PathSelection } from './paths.ts';
import type { RestoreRequest } from './request.ts';

const RESTORE_PLAN = 'plan';

export interface SwapOptions {
  readonly request: RestoreRequest;
  readonly selection: PathSelection | undefined;
  /** What other file systems are mounted on, below the server's directory. */
  readonly mounts: readonly string[];
  /** The ignore list that was in force when the archive was made. */
  readonly ignore: readonly string[];
  /** True for directories that the archive itself named. */
  readonly named: (path: string) => boolean;
}

export interface SwapRules {
  /** What stays even when the archive has something of that path. */
  readonly keep: KeepRules;
  /** What stays when it has nothing there. */
  readonly remove: KeepRules;
}

export function rulesOf({ request, selection, mounts, ignore }: Omit<SwapOptions, 'named'>): SwapRules {
  const ignored = request.truncate && request.keepIgnored && ignore.length > 0;
  const keep = either(keepPaths(mounts), ignored ? keepIgnored(compileIgnore(ignore).root()) : keepNothing);
  return { keep, remove: either(keep, selection === undefined ? keepNothing : keepUnselected(selection.root())) };
}

/** What an ignore list covers stays. */
function keepIgnored(rules: DirectoryRules): KeepRules {
  return {
    child(name, directory) {
      const { ignored, prune } = rules.child(name, directory);
      if (!directory) return ignored ? KEEP : REPLACE;
      return { keep: ignored, mixed: !ignored || !prune };
    },
    enter: (name) => keepIgnored(rules.enter(name)),
  };
}

/** What a selection does not choose stays. Its rules say `ignored` for what it chooses. */
function keepUnselected(rules: DirectoryRules): KeepRules {
  return {
    child(name, directory) {
      const { ignored: selected, prune: allBelow } = rules.child(name, directory);
      if (!directory) return selected ? REPLACE : KEEP;
      return { keep: !selected, mixed: !selected || !allBelow };
    },
    enter: (name) => keepUnselected(rules.enter(name)),
  };
}

/**
 * Writes the plan into the stage, durably.
 *
 * @param onKept told of paths of the archive that are left out, because what stays is in their place.
 * @throws Failure `cancelled`, `server_busy`; the unfinished file is the stage's to take away.
 */
export async function writeRestorePlan(
  stage: Stage,
  options: SwapOptions,
  onKept: (path: string) => void,
  signal: AbortSignal,
): Promise<PlanFile> {
  const { live, incoming, outgoing } = stage.openTrees(RESTORE_TREES);
  // An archive may say that its root is not to be written; here it is only what the entries are taken out of.
  fs.fchmodSync(incoming, 0o700);
  const writer = new PlanWriter(stage.handle, RESTORE_PLAN);
  let planned = false;
  try {
    const { truncate } = options.request;
    const trees = { live, incoming, outgoing, stage: stage.handle };
    await planSwap({ ...trees, truncate, ...rulesOf(options), named: options.named, onKept, signal }, (step) => {
      writer.add(step);
    });
    planned = true;
  } finally {
    if (!planned) writer.abandon();
  }
  const file = await writer.finish();
  await stage.sync();
  return file;
}
