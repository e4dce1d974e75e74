/**
 * Previous trees that are kept for an undo: stages moved away, so that nothing of Roost stays in or beside a server
 * directory. A rename moves them, so they must stay on the file system (and quota project) of the server: in the state
 * directory, or beside `servers.root`. When neither is possible, the restore is refused before it changes anything.
 */
import fs from 'node:fs';
import { dirname, join } from 'node:path';
import { Failure } from '../../../base/failure.ts';
import { syncHandle } from '../../../base/files/handle-writes.ts';
import { openRoot } from '../../../base/files/handles.ts';
import type { JobId } from '../../../base/ids.ts';
import type { PlanRecord } from '../../../catalogue/records.ts';
import type { Config } from '../../../config/types.ts';
import { RESTORE_TREES, type Stage, type StageLocation, UNDO_TREES } from '../../../servers/stage/stage.ts';
import type { RestoreDeps } from '../deps.ts';
import { PROBE } from '../../../servers/swap/swap.ts';
import { type RestorePlan, restorePlanOf } from '../plan.ts';

type PreviousConfig = Pick<Config, 'servers' | 'stateDirectory'>;

const DIRECTORY = 'previous';
const DIRECTORY_BESIDE_ROOT = '.roost-previous';
export const UNDO_PLAN = 'undo-plan';

/** Absolute paths where previous trees may lie, best first; they need not exist. */
export function previousDirectories(config: PreviousConfig): string[] {
  const inState = join(config.stateDirectory, DIRECTORY);
  const { root } = config.servers;
  return root === null || dirname(root) === '/' ? [inState] : [inState, join(dirname(root), DIRECTORY_BESIDE_ROOT)];
}

/**
 * Finds a directory that this stage can be moved to, by moving the empty stage there and back.
 *
 * @throws Failure `invalid_request` when there is none.
 */
export function choosePrevious(stage: Stage, config: PreviousConfig): string {
  const directory = findDirectory(stage, config);
  if (directory !== undefined) return directory;
  throw new Failure(
    'invalid_request',
    "Cannot keep the previous tree: no directory of Roost's is on the server's file system",
    { hint: 'Restore without keeping it, or put state_directory on the same file system as the servers.' },
  );
}

function findDirectory(stage: Stage, config: PreviousConfig): string | undefined {
  return previousDirectories(config).find((candidate) => canMove(stage, candidate));
}

function canMove(stage: Stage, directory: string): boolean {
  const handle = openPrevious(directory);
  if (handle === undefined) return false;
  const { name } = stage.location;
  try {
    stage.moveTo(handle, name);
    stage.moveBack(handle, name);
    return true;
  } catch {
    removeIfEmpty(directory);
    return false;
  } finally {
    fs.closeSync(handle);
  }
}

function openPrevious(directory: string): number | undefined {
  try {
    fs.mkdirSync(directory, { recursive: true, mode: 0o700 });
    return openRoot(directory);
  } catch {
    return undefined;
  }
}

function removeIfEmpty(directory: string): void {
  try {
    fs.rmdirSync(directory);
  } catch {
    // Other servers use it.
  }
}

/** Moves a stage away from its server, to where sweep.ts removes it. Undefined when no directory is possible. */
export function moveApart(stage: Stage, config: PreviousConfig): StageLocation | undefined {
  const directory = findDirectory(stage, config);
  if (directory === undefined) return undefined;
  const handle = openRoot(directory);
  try {
    stage.moveTo(handle, stage.location.name);
    return { place: 'apart', directory, name: stage.location.name };
  } finally {
    fs.closeSync(handle);
  }
}

/** Moves the stage of a committed restore away, with only the previous tree in it. May be repeated. */
export async function keepStage(record: PlanRecord, plan: RestorePlan, stage: Stage, deps: RestoreDeps): Promise<void> {
  for (const part of [RESTORE_TREES.incoming, 'extra', PROBE, 'restart']) await stage.removePart(part);
  if (plan.keep !== null && plan.location.place !== 'apart') {
    await moveAway(stage, plan.keep.directory);
    deps.onStep?.('kept');
    const location = { ...plan.location, place: 'apart' as const, directory: plan.keep.directory };
    deps.catalogue.plans.advance(record.job, 'kept', 'kept', { ...plan, location });
  }
  stage.close();
}

async function moveAway(stage: Stage, directory: string): Promise<void> {
  const handle = openRoot(directory);
  try {
    stage.moveTo(handle, stage.location.name);
    await syncHandle(handle);
    await stage.sync();
  } finally {
    fs.closeSync(handle);
  }
}

/** Resets a kept tree to its state before a failed undo, and closes its stage. */
export async function settleUndone(kept: JobId, stage: Stage, deps: RestoreDeps): Promise<void> {
  for (const part of [UNDO_TREES.outgoing, UNDO_PLAN, 'extra', 'restart']) await stage.removePart(part);
  stage.close();
  const record = deps.catalogue.plans.find(kept);
  if (record?.state !== 'kept') return;
  deps.catalogue.plans.advance(kept, 'kept', 'kept', { ...restorePlanOf(record), undoneBy: null });
}
