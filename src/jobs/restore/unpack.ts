/** Step 4 of a restore: unpacks the selected part of the archive into the stage and flushes it to disk. */
import type { ExtractResult } from '../../archive/contract.ts';
import type { ArchiveProgress } from '../../archive/entry.ts';
import { handlePath } from '../../base/files/handles.ts';
import { RESTORE_TREES, type Stage } from '../../servers/stage/stage.ts';
import type { GameServer } from '../../servers/registry.ts';
import type { FetchedArchive, RestoreDeps } from './deps.ts';
import type { PathSelection } from './select/paths.ts';
import { fixedPaths } from './plan-file.ts';
import type { RestoreRequest } from './request.ts';
import type { StageSpace } from './space-check.ts';
import type { RunningJob } from '../runner/verb.ts';

export interface Unpacked {
  readonly result: ExtractResult;
  /** True for directories the archive contains; it may leave out parents of its entries. */
  readonly named: (path: string) => boolean;
}

export interface UnpackOptions {
  readonly server: GameServer;
  readonly archive: FetchedArchive;
  readonly request: RestoreRequest;
  readonly selection: PathSelection | undefined;
  /** True when step 2 read the whole archive; otherwise it is verified while it is unpacked. */
  readonly proven: boolean;
  readonly room: StageSpace;
  readonly job: Pick<RunningJob, 'rates' | 'signal'>;
  readonly onProgress: (progress: ArchiveProgress) => void;
}

/** @throws Failure `archive_damaged`, `too_large`, `insufficient_storage`, `cancelled`. */
export async function unpackArchive(
  stage: Stage,
  { server, archive, request, selection, proven, room, job, onProgress }: UnpackOptions,
  deps: RestoreDeps,
): Promise<Unpacked> {
  const fixed = await fixedPaths(server, stage.live, deps);
  const directories = new Set<string>();
  // Filtering costs time per entry; only a merge of directories needs to know their names. A tree that comes in whole
  // brings all of its directories.
  const merges = !request.truncate || request.keepIgnored || selection !== undefined || fixed.length > 0;
  const result = await deps.archive.extractArchive({
    source: archive.source,
    expected: proven || selection !== undefined ? undefined : (archive.expected ?? undefined),
    into: handlePath(stage.openTree(RESTORE_TREES.incoming)),
    select: merges ? choosing(selection, directories) : undefined,
    owner: deps.config.restore.owner,
    setuid: deps.config.restore.setuid,
    limits: room,
    overwrite: false,
    durable: true,
    workers: deps.config.backups.workers,
    nice: deps.config.backups.nice,
    rates: () => job.rates(deps.config.backups),
    signal: job.signal,
    onProgress,
  });
  return { result, named: (path) => !merges || directories.has(path) };
}

function choosing(selection: PathSelection | undefined, directories: Set<string>) {
  return (path: string, kind: 'file' | 'directory' | 'symlink' | 'hardlink'): boolean => {
    const wanted = selection?.selects(path, kind) ?? true;
    if (wanted && kind === 'directory') directories.add(path);
    return wanted;
  };
}
