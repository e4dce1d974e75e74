/** Stages that lie around: what a killed restore left, found by their names where stages are made. */
import fs from 'node:fs';
import { dirname } from 'node:path';
import { hasChangedMeanwhile } from '../../base/handle-writes.ts';
import { handlePath, openRoot, readDirectory } from '../../base/handles.ts';
import { isUuid, type JobId } from '../../base/ids.ts';
import { STAGE_PREFIX } from './stage.ts';
import type { StageLocation, StagePlace } from './place.ts';

export interface StrayStage {
  readonly job: JobId;
  readonly location: StageLocation;
}

/**
 * Names of stages in and beside a server's directory. That they are stages, and of which server, is not known yet: the
 * server's owner may make such names, and what lies beside one server lies beside its neighbours too.
 *
 * @param server the server's directory; one that is missing has none.
 */
export function findStages(server: string): StrayStage[] {
  let live: number;
  try {
    live = openRoot(server);
  } catch (error) {
    if (hasChangedMeanwhile(error)) return [];
    throw error;
  }
  try {
    const path = fs.readlinkSync(handlePath(live));
    return [...stagesIn(live, 'inside', path), ...stagesBeside(live, dirname(path))];
  } finally {
    fs.closeSync(live);
  }
}

/** Names of stages in a directory for previous trees; none when it is missing. */
export function stagesApart(path: string): StrayStage[] {
  let directory: number;
  try {
    directory = openRoot(path);
  } catch (error) {
    if (hasChangedMeanwhile(error)) return [];
    throw error;
  }
  try {
    return stagesIn(directory, 'apart', path);
  } finally {
    fs.closeSync(directory);
  }
}

function stagesBeside(live: number, path: string): StrayStage[] {
  const beside = openRoot(`${handlePath(live)}/..`);
  try {
    return stagesIn(beside, 'beside', path);
  } finally {
    fs.closeSync(beside);
  }
}

function stagesIn(directory: number, place: StagePlace, path: string): StrayStage[] {
  return readDirectory(directory)
    .filter(({ name }) => name.startsWith(STAGE_PREFIX) && isUuid(name.slice(STAGE_PREFIX.length)))
    .map(({ name }) => ({
      job: name.slice(STAGE_PREFIX.length) as JobId,
      location: { place, directory: path, name },
    }));
}

/** Absolute paths of what a backup of this server passes over. */
export function stagePathsIn(server: string): string[] {
  return findStages(server)
    .filter(({ location }) => location.place === 'inside')
    .map(({ location }) => `${location.directory}/${location.name}`);
}
