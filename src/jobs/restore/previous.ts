/**
 * Previous trees that are kept for an undo. They are stages that were moved away: when no job runs, nothing of Roost's
 * lies in or beside a server's directory. A rename is what moves them, so they have to stay on the server's own file
 * system: in the state directory, or else beside the directory that all servers lie in. Where neither is on the same
 * file system (or quota project), a restore that asks for one is refused before it touches anything.
 */
import fs from 'node:fs';
import { dirname, join } from 'node:path';
import { Failure } from '../../base/failure.ts';
import { syncHandle } from '../../base/handle-writes.ts';
import { openRoot } from '../../base/handles.ts';
import type { JobId } from '../../base/ids.ts';
import type { PlanRecord } from '../../catalogue/records.ts';
import type { Config } from '../../config/types.ts';
import { RESTORE_TREES, type Stage, UNDO_TREES } from '../../servers/stage/stage.ts';
import type { StageLocation } from '../../servers/stage/place.ts';
import type { RestoreDeps } from './deps.ts';
import { type RestorePlan, restorePlanOf } from './plan.ts';

type PreviousConfig = Pick<Config, 'servers' | 'stateDirectory'>;

const DIRECTORY = 'previous';
const DIRECTORY_BESIDE_ROOT = '.roost-previous';
export const UNDO_PLAN = 'undo-plan';

/** Where previous trees may lie, the best first. Absolute paths; they need not exist. */
export function previousDirectories(config: PreviousConfig): string[] {
  const inState = join(config.stateDirectory, DIRECTORY);
  const { root } = config.servers;
  return root === null || dirname(root) === '/' ? [inState] : [inState, join(dirname(root), DIRECTORY_BESIDE_ROOT)];
}

/**
 * Finds out where this stage can be moved to, by moving it there and back while it is still empty.
 *
 * @throws Failure `invalid_request` when there is no such place.
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
    // It is of use to other servers.
  }
}

/** Moves a stage out of its server's way, to where `sweep.ts` removes it. Undefined when there is no such place. */
export function moveApart(stage: Stage, config: PreviousConfig): StageLocation | undefined {
  const directory = findDirectory(stage, config);
  if (directory === undefined) return undefined;
  const handle = openRoot(directory);
  try {
    const { name } = stage.location;
    stage.moveTo(handle, name);
    return { place: 'apart', directory, name };
  } finally {
    fs.closeSync(handle);
  }
}

/** Moves the stage of a committed restore away, with nothing in it but what was set aside. May be repeated. */
export async function keepStage(record: PlanRecord, plan: RestorePlan, stage: Stage, deps: RestoreDeps): Promise<void> {
  for (const part of [RESTORE_TREES.incoming, 'extra', 'restart']) await stage.removePart(part);
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

/** Puts a kept tree back to how it was before an undo that did not succeed, and closes its stage. */
export async function settleUndone(kept: JobId, stage: Stage, deps: RestoreDeps): Promise<void> {
  for (const part of [UNDO_TREES.outgoing, UNDO_PLAN, 'extra', 'restart']) await stage.removePart(part);
  stage.close();
  const record = deps.catalogue.plans.find(kept);
  if (record?.state !== 'kept') return;
  deps.catalogue.plans.advance(kept, 'kept', 'kept', { ...restorePlanOf(record), undoneBy: null });
}
