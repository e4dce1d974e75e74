/**
 * The durable record of a swap (a row of `plans`): where its stage is, which plan file applies, and the direction. Storing
 * the row is the point of no return: without it the stage is removed, with it the swap continues.
 *
 *   swapping  forward   the renames are done, or repeated after a crash
 *   swapping  back      a rename failed: the completed ones are undone, in the same way
 *   kept                committed; the stage was moved away and waits for an undo or its expiry
 *   cleaning            committed; the stage is being removed
 */
import { z } from 'zod';
import type { ExtractResult } from '../../archive/contract.ts';
import type { ArchiveWarning } from '../../archive/entry.ts';
import { isoDate } from '../../base/clock.ts';
import { FAILURE_CODES } from '../../base/failure.ts';
import type { BackupId, JobId } from '../../base/ids.ts';
import type { PlanRecord } from '../../catalogue/records.ts';
import { RESTORE_TREES, type StageLocation } from '../../servers/stage/stage.ts';
import type { PlanFile } from '../../servers/swap/swap.ts';
import { keepWarnings } from '../stored/backup-facts.ts';
import type { RestoreData, RestoreOutcome } from '../contract.ts';
import type { RestoreDeps } from './deps.ts';
import type { RunningJob } from '../runner/verb.ts';

const failureShape = z.object({
  code: z.enum(FAILURE_CODES),
  message: z.string(),
  facts: z.record(z.string(), z.unknown()),
  hint: z.string().optional(),
  retry: z.boolean(),
});

const resultShape: z.ZodType<RestoreData> = z.object({
  entries: z.number().optional(),
  files: z.number().optional(),
  bytes: z.number().optional(),
  hostile: z.number().optional(),
  removed: z.number().optional(),
  skipped: z.number().optional(),
  warnings: z.array(z.object({ path: z.string(), code: z.string(), message: z.string() })).optional(),
  warningCount: z.number().optional(),
  undoUntil: z.number().optional(),
  undo: z.boolean().optional(),
});

const planShape = z.object({
  version: z.literal(1),
  backup: z.string().transform((id) => id as BackupId),
  location: z.object({ place: z.enum(['beside', 'inside', 'apart']), directory: z.string(), name: z.string() }),
  trees: z.object({ incoming: z.string(), outgoing: z.string() }),
  file: z.object({ name: z.string(), sha256: z.string(), steps: z.number() }),
  direction: z.enum(['forward', 'back']),
  /** The reason for going back. */
  failure: failureShape.nullable(),
  /** The restore that this swap undoes. */
  undoes: z
    .string()
    .transform((id) => id as JobId)
    .nullable(),
  /** The previous tree is kept in `directory` until then (ms since the epoch). */
  keep: z.object({ until: z.number(), directory: z.string() }).nullable(),
  /** A later restore changed the server, so the previous tree can no longer be put back. */
  superseded: z.boolean(),
  /** The undo that is putting back the previous tree of this restore. */
  undoneBy: z
    .string()
    .transform((id) => id as JobId)
    .nullable(),
  /** What the event at the end carries. */
  result: resultShape,
});

export type RestorePlan = z.infer<typeof planShape>;

/** @throws ZodError when this program did not write the row. */
export function restorePlanOf(record: PlanRecord): RestorePlan {
  return planShape.parse(record.plan);
}

/** Warnings in the final event; its count includes all. */
const MAX_WARNINGS = 100;

/** What every new plan starts with. */
export const FRESH_PLAN = {
  version: 1,
  direction: 'forward',
  failure: null,
  superseded: false,
  undoneBy: null,
} as const;

/** What a restore or an undo says where nothing in power stops a server. */
export const NOT_STOPPED: ArchiveWarning = {
  path: '',
  code: 'not_stopped',
  message:
    'The server was not stopped for it (the config has no power driver): a game that ran may overwrite what was restored',
};

/** The plan of a restore that is about to pass its point of no return. */
export function newPlan(facts: {
  readonly backup: BackupId;
  readonly location: StageLocation;
  readonly file: PlanFile;
  readonly keep: RestorePlan['keep'];
  readonly result: ExtractResult;
  /** Live files that go and that nothing replaces. */
  readonly removed: number;
  /** What the restore says besides the unpacking, such as paths left out because a kept entry is in their place. */
  readonly warnings: readonly ArchiveWarning[];
}): RestorePlan {
  const { backup, location, file, keep, result, removed } = facts;
  const { entries, files, bytes, hostile, skipped } = result;
  const shown = keepWarnings([...facts.warnings, ...result.warnings].slice(0, MAX_WARNINGS));
  const warningCount = result.warningCount + facts.warnings.length;
  const counts = { entries, files, bytes, hostile, removed, skipped, warningCount };
  const undoUntil = keep === null ? {} : { undoUntil: keep.until };
  const outcome = { ...counts, warnings: shown, ...undoUntil };
  return { ...FRESH_PLAN, backup, location, trees: RESTORE_TREES, file, undoes: null, keep, result: outcome };
}

/** The result for the caller of a restore, from the data of its last event. @param seconds how long the job ran. */
export function outcomeOf(data: RestoreData, seconds: number): RestoreOutcome {
  const { warnings = [], warningCount = 0, undoUntil, undo, files, bytes, removed, skipped } = data;
  const counts = undo === true ? { seconds } : { files, bytes, removed, skipped, seconds };
  return { warnings, warningCount, counts, ...(undoUntil === undefined ? {} : { undoUntil: isoDate(undoUntil) }) };
}

/**
 * Stores the row: the point of no return.
 *
 * @throws Failure when the job was cancelled or the catalogue refuses; then no row is stored.
 */
export function storePlan(job: RunningJob, plan: RestorePlan, deps: RestoreDeps): PlanRecord {
  job.passPointOfNoReturn();
  const { id, server } = job.record;
  const { plans } = deps.catalogue;
  try {
    return plans.insert(id, server, plan);
  } catch (error) {
    // A failed write may still have reached the disk; then there is no way back.
    const stored = plans.find(id);
    if (stored !== undefined) return stored;
    throw error;
  }
}
