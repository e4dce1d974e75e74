/** Steps 1 and 2 of a restore: opens the archive and verifies it. */
import type { ArchiveProgress } from '../../archive/entry.ts';
import { Failure } from '../../base/failure.ts';
import { fromText } from '../../base/files/paths.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import type { JobRecord } from '../../catalogue/records.ts';
import { openReadable, type ReadableDeps } from '../stored/readable-copy.ts';
import type { FetchedArchive, RestoreDeps } from './deps.ts';
import { openStoredArchive } from '../stored/stored-archive.ts';
import type { RunningJob } from '../runner/verb.ts';

/** Facts found by verifying an archive. */
export interface CheckedArchive {
  readonly rawSize: number;
  readonly entries: number;
}

/** Warnings of a backup about files that it should hold and does not. */
const UNSAVED: ReadonlySet<string> = new Set(['unreadable', 'too_deep']);

/** Opens archives of backups in the catalogue: in their own store, or a copy when that cannot be read. */
export function fetchFromStores(
  deps: ReadableDeps & { readonly catalogue: Pick<Catalogue, 'backups'> },
): RestoreDeps['fetch'] {
  return async (job: JobRecord) => {
    const record = deps.catalogue.backups.get(job.backup, job.server);
    const { size, sha256, rawSize, files, entries, ignore, warnings } = record;
    const unsaved = warnings.filter(({ code }) => UNSAVED.has(code)).map(({ path }) => fromText(path));
    const { opened, store } = await openReadable(record, deps, (from) => openStoredArchive(from, record, 'always'));
    const expected = sha256 === null ? null : { size, sha256 };
    const madeAt = deps.catalogue.copies.find(record.id, store)?.madeAt ?? null;
    const copyIn = store === record.store ? undefined : { store, madeAt };
    const close = (): Promise<void> => opened.close();
    return { source: opened.request, expected, rawSize, files, entries, ignore, unsaved, copyIn, close };
  };
}

/**
 * Reads the archive to its end, unless it has an index: then it is verified while it is unpacked into the stage, where
 * nothing relies on it yet. When only some paths are wanted, only their segments are read and checked.
 *
 * @returns null for an archive that is verified while it is unpacked.
 * @throws Failure `archive_damaged`, `cancelled`.
 */
export async function checkArchive(
  job: RunningJob,
  archive: FetchedArchive,
  { dryRun, onProgress }: { readonly dryRun: boolean; readonly onProgress: (progress: ArchiveProgress) => void },
  deps: RestoreDeps,
): Promise<CheckedArchive | null> {
  requireSize(archive);
  const unpacks = !dryRun && archive.expected !== null;
  if (unpacks && (await isIndexed(archive, deps, job.signal))) return null;
  const { rawSize, entries } = await deps.archive.verifyArchive({
    source: archive.source,
    expected: archive.expected ?? undefined,
    workers: deps.config.backups.workers,
    nice: deps.config.backups.nice,
    rates: () => job.rates(deps.config.backups),
    signal: job.signal,
    onProgress,
  });
  return { rawSize, entries };
}

function requireSize({ source, expected }: FetchedArchive): void {
  if (expected === null || source.archive.size === expected.size) return;
  const { size } = source.archive;
  throw new Failure(
    'archive_damaged',
    `Cannot restore the archive: it has ${size} bytes, and had ${expected.size} when it was made`,
    { facts: { size, expected: expected.size }, hint: 'Restore another backup.' },
  );
}

async function isIndexed(archive: FetchedArchive, deps: RestoreDeps, signal: AbortSignal): Promise<boolean> {
  const opened = await deps.archive.openArchive(archive.source, signal);
  try {
    return opened.format === 'roost';
  } finally {
    await opened.close();
  }
}
