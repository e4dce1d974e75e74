/** Converts the result of writing to the fields of a record, and a record to the data of events. Pure. */
import { MEBIBYTE } from '../../base/sizes.ts';
import type { WriteResult } from '../../archive/contract.ts';
import type { ArchiveWarning } from '../../archive/entry.ts';
import type { Failure } from '../../base/failure.ts';
import { wirePath } from '../../base/files/paths.ts';
import type { CompletedBackup } from '../../catalogue/contract.ts';
import { isSuspect, type BackupRecord, type JobRecord, type WarningRecord } from '../../catalogue/records.ts';
import type { BackupData } from '../contract.ts';
import type { PendingEvent } from '../runner/verb.ts';

/** The owner of a server decides how many warnings there are and how long: both are bounded. */
const MAX_WARNINGS = 1000;
const MAX_WARNING_CHARACTERS = MEBIBYTE;

/** Warnings as records keep them: the first ones, as JSON carries their paths. */
export function keepWarnings(warnings: readonly ArchiveWarning[]): WarningRecord[] {
  const kept: WarningRecord[] = [];
  let characters = 0;
  for (const { path, code, message } of warnings) {
    const warning = { path: wirePath(path), code, message };
    characters += warning.path.length + message.length;
    if (kept.length === MAX_WARNINGS || characters > MAX_WARNING_CHARACTERS) break;
    kept.push(warning);
  }
  return kept;
}

/** What the row of a completed backup stores, from the result of writing it. Sizes in bytes, `completedAt` in ms. */
export function completedFacts(
  result: WriteResult,
  also: {
    readonly ignore: readonly string[];
    readonly warnings: readonly ArchiveWarning[];
    readonly completedAt: number;
  },
): CompletedBackup {
  const { size, rawSize, files, entries, reusedBytes, sha256 } = result;
  return {
    size,
    rawSize,
    files,
    entries,
    reusedBytes,
    sha256,
    ignore: also.ignore,
    warnings: keepWarnings([...also.warnings, ...result.warnings]),
    warningCount: result.warningCount + also.warnings.length,
    suspect: null,
    indexSha256: null,
    completedAt: also.completedAt,
  };
}

/** The record that the manifest describes, before the row says so. */
export function completedRecord(record: BackupRecord, facts: CompletedBackup): BackupRecord {
  return { ...record, ...facts, status: 'COMPLETED', error: null, updatedAt: facts.completedAt };
}

/** An event about a backup, with the numbers that a dashboard shows without asking again. */
export function backupEvent(
  type: 'backup.completed' | 'backup.deleted' | 'backup.locked',
  record: BackupRecord,
  job?: JobRecord,
): PendingEvent {
  return { type, server: record.server, backup: record.id, job: job?.id, data: backupData(record) };
}

export function backupData(record: BackupRecord): BackupData {
  const { name, status, size, rawSize, sha256, files, reusedBytes, warningCount, locked, store } = record;
  const { suspect } = record;
  const suspicion =
    suspect === null || !isSuspect(record) ? {} : { suspect: { reason: suspect.reason, message: suspect.message } };
  return { name, status, size, rawSize, sha256, files, reusedBytes, warningCount, locked, store, ...suspicion };
}

/** The data of an event for a failed backup. */
export function failureEvent(
  type: 'backup.failed' | 'backup.cancelled' | 'restore.failed' | 'verify.failed',
  job: JobRecord,
  failure: Failure,
): PendingEvent {
  const { code, message, hint } = failure;
  const error = { code, message, ...(hint === undefined ? {} : { hint }) };
  const copy = job.kind === 'verify' ? job.request.copy : undefined;
  const data = { error, ...(copy === undefined ? {} : { copy }) };
  return { type, server: job.server, backup: job.backup, job: job.id, data };
}
