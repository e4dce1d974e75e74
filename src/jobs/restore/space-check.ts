/** Step 3 of a restore: measures the space it needs and refuses before anything is written. */
import type { Entry } from '../../archive/entry.ts';
import { Failure } from '../../base/failure.ts';
import { SliceTimer } from '../../base/files/handle-writes.ts';
import { outOfSpace } from '../../policy/limits.ts';
import type { Stage } from '../../servers/stage/stage.ts';
import type { FetchedArchive, RestoreDeps } from './deps.ts';
import type { PathSelection } from './select/paths.ts';
import type { CheckedArchive } from './source.ts';

/** Block size of common file systems; each file takes whole blocks. */
const BLOCK = 4096;
/** Limit for foreign archives; one that Roost made may hold as many entries as recorded. */
const MAX_ENTRIES = 5_000_000;

export interface StageSpace {
  /** Bytes that unpacking may write without using the reserve. */
  readonly maxBytes: number;
  readonly maxEntries: number;
}

export interface SpaceRequest {
  readonly archive: FetchedArchive;
  readonly checked: CheckedArchive | null;
  /** The selected paths; undefined for all. */
  readonly selection: PathSelection | undefined;
  readonly signal: AbortSignal;
}

interface Need {
  readonly bytes: number;
  readonly entries: number;
}

/**
 * @throws Failure `insufficient_storage` when bytes or inodes do not suffice; `too_large`.
 */
export async function checkSpace(stage: Stage, request: SpaceRequest, deps: RestoreDeps): Promise<StageSpace> {
  const { archive } = request;
  const maxEntries = Math.max(MAX_ENTRIES, archive.expected === null ? 0 : archive.entries);
  const need = await measure(request, maxEntries, deps);
  const reserve = deps.config.limits.reserveFree;
  const free = stage.freeSpace();
  if (need.bytes > free.bytes - reserve) {
    throw outOfSpace('Cannot make room for the restore', free.bytes, reserve, need.bytes);
  }
  if (free.inodes !== null && need.entries > free.inodes) throw outOfInodes(free.inodes, need.entries);
  return { maxBytes: Math.max(1, free.bytes - reserve), maxEntries };
}

async function measure(
  { archive, checked, selection, signal }: SpaceRequest,
  maxEntries: number,
  deps: RestoreDeps,
): Promise<Need> {
  const opened = await deps.archive.openArchive(archive.source, signal);
  try {
    // Without an index, listing entries reads the whole archive again; do so only for a selection.
    if (opened.format !== 'roost' && selection === undefined && checked !== null) {
      requireCount(checked.entries, maxEntries);
      return { bytes: checked.rawSize + checked.entries * BLOCK, entries: checked.entries };
    }
    return await count(opened.entries(signal), selection, maxEntries);
  } finally {
    await opened.close();
  }
}

async function count(
  entries: AsyncIterable<Entry>,
  selection: PathSelection | undefined,
  maxEntries: number,
): Promise<Need> {
  const timer = new SliceTimer();
  let bytes = 0;
  let wanted = 0;
  let seen = 0;
  for await (const { path, kind, size, allocated = size } of entries) {
    await timer.giveWay();
    requireCount(++seen, maxEntries);
    if (selection?.selects(path, kind) === false) continue;
    wanted++;
    // Files share no block; a directory has one.
    bytes += kind === 'directory' ? BLOCK : Math.ceil(allocated / BLOCK) * BLOCK;
  }
  return { bytes, entries: wanted };
}

function requireCount(entries: number, maxEntries: number): void {
  if (entries <= maxEntries) return;
  throw new Failure('too_large', `Cannot restore the archive: it has more than ${maxEntries} entries`, {
    facts: { entries, maxEntries },
  });
}

function outOfInodes(free: number, needed: number): Failure {
  const problem = `Cannot make room for the restore: ${free} inodes free, ${needed} needed`;
  const hint = 'The disk holds too many files: remove some, then try again.';
  return new Failure('insufficient_storage', problem, {
    facts: { freeInodes: free, neededInodes: needed },
    hint,
    retry: true,
  });
}
