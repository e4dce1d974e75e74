/** Step 4 of a restore: the wanted part of the archive becomes a tree in the stage, flushed to the disk. */
import type { ExtractResult } from '../../archive/contract.ts';
import type { ArchiveProgress } from '../../archive/entry.ts';
import { handlePath } from '../../base/handles.ts';
import { RESTORE_TREES, type Stage } from '../../servers/stage/stage.ts';
import { mountsBelow } from '../../servers/swap/mounts.ts';
import type { FetchedArchive, RestoreDeps } from './deps.ts';
import type { PathSelection } from './paths.ts';
import type { RestoreRequest } from './request.ts';
import type { StageSpace } from './space-check.ts';
import type { RunningJob } from '../runner/verb.ts';

export interface Unpacked {
  readonly result: ExtractResult;
  /** What other file systems are mounted on, below the server's directory. */
  readonly mounts: readonly string[];
  /** True for directories that the archive names; it may leave out the parents of what is in it. */
  readonly named: (path: string) => boolean;
}

export interface UnpackOptions {
  readonly archive: FetchedArchive;
  readonly request: RestoreRequest;
  readonly selection: PathSelection | undefined;
  /** Whether step 2 has read the archive to its end; else a whole one is proven on the way. */
  readonly proven: boolean;
  readonly room: StageSpace;
  readonly job: Pick<RunningJob, 'rates' | 'signal'>;
  readonly onProgress: (progress: ArchiveProgress) => void;
}

/** @throws Failure `archive_damaged`, `too_large`, `insufficient_storage`, `cancelled`. */
export async function unpackArchive(
  stage: Stage,
  { archive, request, selection, proven, room, job, onProgress }: UnpackOptions,
  deps: RestoreDeps,
): Promise<Unpacked> {
  const mounts = mountsBelow(stage.live);
  const directories = new Set<string>();
  // Asking for each entry costs time, and only a merge of directories needs to know what the archive named.
  const merges = !request.truncate || request.keepIgnored || selection !== undefined || mounts.length > 0;
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
  return { result, mounts, named: (path) => directories.has(path) };
}

function choosing(selection: PathSelection | undefined, directories: Set<string>) {
  return (path: string, kind: 'file' | 'directory' | 'symlink' | 'hardlink'): boolean => {
    const wanted = selection?.selects(path, kind) ?? true;
    if (wanted && kind === 'directory') directories.add(path);
    return wanted;
  };
}
