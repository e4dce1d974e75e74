/** Finds stages that killed restores left, by name. */
import fs from 'node:fs';
import { dirname } from 'node:path';
import { unlessChanged } from '../../base/files/handle-writes.ts';
import { handlePath, openRoot, readDirectory } from '../../base/files/handles.ts';
import { isUuid, type JobId } from '../../base/ids.ts';
import { STAGE_PREFIX, type StageLocation, type StagePlace } from './place.ts';

export interface StrayStage {
  readonly job: JobId;
  readonly location: StageLocation;
}

/**
 * Finds names of stages in and beside a server's directory. Not all are stages of this server: its owner can create such
 * names, and other servers have theirs beside it too.
 *
 * @param server the server's directory; a missing one has none.
 */
export function findStages(server: string): StrayStage[] {
  return withDirectory(server, (live) => {
    const path = fs.readlinkSync(handlePath(live));
    const beside = withDirectory(`${handlePath(live)}/..`, (parent) => stagesIn(parent, 'beside', dirname(path)));
    return [...stagesIn(live, 'inside', path), ...beside];
  });
}

/** Names of stages in a directory for previous trees; a missing one has none. */
export function stagesApart(path: string): StrayStage[] {
  return withDirectory(path, (directory) => stagesIn(directory, 'apart', path));
}

function withDirectory(path: string, find: (directory: number) => StrayStage[]): StrayStage[] {
  const directory = unlessChanged(() => openRoot(path));
  if (directory === undefined) return [];
  try {
    return find(directory);
  } finally {
    fs.closeSync(directory);
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

/** Absolute paths that a backup of this server skips. */
export function stagePathsIn(server: string): string[] {
  return findStages(server)
    .filter(({ location }) => location.place === 'inside')
    .map(({ location }) => `${location.directory}/${location.name}`);
}
