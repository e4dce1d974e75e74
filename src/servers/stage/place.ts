/** Chooses where a stage lies, and finds it again. */
import fs from 'node:fs';
import { dirname } from 'node:path';
import { errnoOf } from '../../base/failure.ts';
import {
  hasChangedMeanwhile,
  makeDirectory,
  removeEmptyDirectory,
  renameChild,
} from '../../base/files/handle-writes.ts';
import { handlePath, openDirectory, openRoot, readDirectory, statChild } from '../../base/files/handles.ts';

export const STAGE_PREFIX = '.roost-stage-';

/** `beside` and `inside` the server's directory; `apart`: where previous trees are kept. */
export type StagePlace = 'beside' | 'inside' | 'apart';

/** Plain data for a durable record. */
export interface StageLocation {
  readonly place: StagePlace;
  /** Absolute path of the directory that contains the stage. */
  readonly directory: string;
  readonly name: string;
}

/** An open stage and its open parent directory; the caller closes both. */
export interface PlacedStage {
  readonly location: StageLocation;
  readonly parent: number;
  readonly handle: number;
}

/**
 * Makes an empty private directory beside the server's, or inside it when renames between the two fail.
 *
 * @param live the server's open directory.
 * @throws the system error when neither works. Nothing is left then.
 */
export function placeStage(live: number, name: string): PlacedStage {
  const beside = openRoot(`${handlePath(live)}/..`);
  const handle = closingOnError(beside, () => makeBeside(beside, live, name));
  if (handle !== undefined) return placed('beside', name, beside, handle);
  fs.closeSync(beside);
  const inside = openRoot(handlePath(live));
  return closingOnError(inside, () => {
    makeDirectory(inside, name, 0o700);
    return placed('inside', name, inside, openDirectory(inside, name));
  });
}

/**
 * Finds a stage again, even if its server was moved or the server's owner renamed it.
 *
 * @param isRight proves that an open directory is the stage; also called for other directories.
 * @returns undefined when it is missing. Never a directory that others can reach or that another user owns.
 */
export function findStage(
  live: number,
  location: StageLocation,
  isRight: (stage: number) => boolean,
): PlacedStage | undefined {
  for (const candidate of candidatesOf(live, location)) {
    const found = openCandidate(candidate, isRight);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Opens the stage at exactly this place, if it is a directory that only this user can reach. */
export function openStageAt(location: StageLocation): PlacedStage | undefined {
  return openCandidate(location, () => true);
}

/** True when a stage lies at exactly this place. */
export function isStageAt(location: StageLocation): boolean {
  const placed = openStageAt(location);
  if (placed === undefined) return false;
  fs.closeSync(placed.handle);
  fs.closeSync(placed.parent);
  return true;
}

function placed(place: StagePlace, name: string, parent: number, handle: number): PlacedStage {
  return { location: { place, directory: fs.readlinkSync(handlePath(parent)), name }, parent, handle };
}

/**
 * Makes a directory beside the server's and moves it in and back, as a swap will do with files. Undefined, with nothing
 * left, when that fails: another file system, subvolume or quota project, or no permission.
 */
function makeBeside(beside: number, live: number, name: string): number | undefined {
  try {
    makeDirectory(beside, name, 0o700);
  } catch (error) {
    if (['EACCES', 'EPERM', 'EROFS', 'EEXIST', 'EDQUOT', 'ENOSPC'].includes(errnoOf(error) ?? '')) return undefined;
    throw error;
  }
  const handle = openDirectory(beside, name);
  let at = beside;
  try {
    renameChild(beside, name, live, name);
    at = live;
    renameChild(live, name, beside, name);
    at = beside;
    // The server's owner may have replaced it just now; then this is no place for a stage.
    if (isSame(handle, statChild(beside, name))) return handle;
    renameChild(beside, name, live, name);
  } catch {
    if (isSame(handle, statChild(at, name))) removeEmptyDirectory(at, name);
  }
  fs.closeSync(handle);
  return undefined;
}

/** Places where the stage may be now: volumes change mount points, and server owners rename directories. */
function* candidatesOf(live: number, location: StageLocation): Generator<StageLocation, void, void> {
  yield location;
  const server = fs.readlinkSync(handlePath(live));
  if (location.place === 'beside') yield { ...location, directory: dirname(server) };
  if (location.place !== 'inside') return;
  yield { ...location, directory: server };
  for (const { name, directory } of readDirectory(live)) if (directory) yield { ...location, directory: server, name };
}

function openCandidate(location: StageLocation, isRight: (stage: number) => boolean): PlacedStage | undefined {
  const opened: number[] = [];
  let isFound = false;
  try {
    const parent = openRoot(location.directory);
    opened.push(parent);
    const handle = openDirectory(parent, location.name);
    opened.push(handle);
    isFound = isPrivate(handle) && isRight(handle);
    return isFound ? { location, parent, handle } : undefined;
  } catch (error) {
    if (!hasChangedMeanwhile(error) && errnoOf(error) !== 'EACCES') throw error;
    return undefined;
  } finally {
    if (!isFound) for (const handle of opened) fs.closeSync(handle);
  }
}

/** A directory that others can write is no stage: a server's owner can make directories of any name. */
function isPrivate(directory: number): boolean {
  const stat = fs.fstatSync(directory);
  return (stat.mode & 0o777) === 0o700 && stat.uid === process.geteuid?.();
}

/** True when the open directory is the one that `stat` describes. */
export function isSame(handle: number, stat: fs.Stats | undefined): boolean {
  const own = fs.fstatSync(handle);
  return stat !== undefined && own.ino === stat.ino && own.dev === stat.dev;
}

/** Does `work`; closes the handle when it throws. */
export function closingOnError<Result>(handle: number, work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    fs.closeSync(handle);
    throw error;
  }
}
