/**
 * Compares a backup that was just written with the last good one, and looks for an explanation before it calls a smaller
 * one suspect: a restore that brought the server to that shape, or an ignore list that leaves the missing files out.
 * An ignore list that leaves everything out explains nothing: such backups would replace all good ones one by one.
 */
import type { WriteResult } from '../../archive/contract.ts';
import { Failure, throwIfAborted } from '../../base/failure.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import type { BackupRecord, JobRecord } from '../../catalogue/records.ts';
import type { Config } from '../../config/types.ts';
import { type Baseline, judgePlausibility, type Suspicion, type TreeSize } from '../../policy/plausibility.ts';
import type { ArchivePort } from '../stored/archive-port.ts';
import type { BackupPlan } from './plan.ts';

export interface SuspicionDeps {
  readonly catalogue: Pick<Catalogue, 'backups' | 'jobs'>;
  readonly archive: Pick<ArchivePort, 'estimateTree'>;
  readonly config: Pick<Config, 'backups'>;
}

/**
 * @returns null when the backup is plausible, or its smaller size explained.
 * @throws Failure of the signal.
 */
export async function suspicionOf(
  plan: Pick<BackupPlan, 'backup' | 'server' | 'ignore' | 'exclude'>,
  result: Pick<WriteResult, 'files' | 'rawSize' | 'warnings' | 'warningCount'>,
  deps: SuspicionDeps,
  signal: AbortSignal,
): Promise<Suspicion | null> {
  const last = deps.catalogue.backups.newestGood(plan.server.id);
  const baseline = last === undefined ? null : baselineOf(last);
  const { suspect: rules } = deps.config.backups;
  const made = { files: result.files, bytes: result.rawSize, unreadable: unreadableIn(result) };
  const suspicion = judgePlausibility(made, baseline, rules);
  if (suspicion === null || suspicion.reason === 'unreadable') return suspicion;
  if (last !== undefined && isRestoredShape(made, last, deps)) return null;
  if (suspicion.reason === 'empty') return suspicion;
  throwIfAborted(signal, 'Cannot judge the backup');
  const before = last?.ignore ?? [];
  if (before.join('\n') === plan.ignore.join('\n')) return suspicion;
  const { server, exclude } = plan;
  const tree = await ignoring(before, { server, exclude }, deps, signal);
  const isExplained = tree !== null && judgePlausibility({ ...tree, unreadable: 0 }, baseline, rules) === null;
  return isExplained ? null : suspicion;
}

/** The tree as an ignore list leaves it; null when it cannot be walked: that must not take the finished archive away. */
async function ignoring(
  ignore: readonly string[],
  { server, exclude }: Pick<BackupPlan, 'server' | 'exclude'>,
  { archive }: SuspicionDeps,
  signal: AbortSignal,
): Promise<TreeSize | null> {
  try {
    return await archive.estimateTree({ root: server.path, ignore, exclude, signal });
  } catch (error) {
    throwIfAborted(signal, 'Cannot judge the backup');
    if (!(error instanceof Failure)) throw error;
    return null;
  }
}

/** The list of warnings is bounded, their count is not: beyond the list the shares are taken to be the same. */
function unreadableIn({ warnings, warningCount }: Pick<WriteResult, 'warnings' | 'warningCount'>): number {
  const listed = warnings.filter(({ code }) => code === 'unreadable').length;
  return listed === 0 ? 0 : Math.round((listed / warnings.length) * Math.max(warningCount, warnings.length));
}

/** True when a restore after the last good backup left the server in about this shape. */
function isRestoredShape(made: TreeSize, last: BackupRecord, deps: SuspicionDeps): boolean {
  const restores = deps.catalogue.jobs
    .list({ server: last.server, kind: 'restore', state: 'done' })
    .filter((job): job is JobRecord<'restore'> => job.kind === 'restore' && job.request.dryRun !== true);
  const newest = restores.find(({ request }) => request.truncate === true || request.undo === true);
  if (newest === undefined || (newest.endedAt ?? 0) < (last.completedAt ?? 0)) return false;
  const shape = newest.request.undo === true ? shapeBefore(newest, restores, deps) : shapeOf(newest, deps);
  return shape !== null && judgePlausibility({ ...made, unreadable: 0 }, shape, deps.config.backups.suspect) === null;
}

function shapeOf({ backup }: JobRecord, { catalogue }: SuspicionDeps): Baseline | null {
  const record = catalogue.backups.find(backup);
  return record === undefined ? null : baselineOf(record);
}

/** An undo brings back the tree from before the restore, so compare with the last good backup before that restore. */
function shapeBefore(undo: JobRecord, restores: readonly JobRecord<'restore'>[], deps: SuspicionDeps): Baseline | null {
  const undone = restores.find(({ backup, request }) => backup === undo.backup && request.undo !== true);
  if (undone === undefined) return null;
  const before = deps.catalogue.backups
    .list({ server: undo.server, status: 'COMPLETED' })
    .find(({ completedAt }) => completedAt !== null && completedAt <= undone.createdAt);
  return before === undefined ? null : baselineOf(before);
}

function baselineOf({ id, files, rawSize }: Pick<BackupRecord, 'id' | 'files' | 'rawSize'>): Baseline {
  return { id, files, bytes: rawSize };
}
