/**
 * The service's views in the native API's form. Fields are listed one by one, so that new ones are not exposed by
 * accident.
 */
import type { z } from '@hono/zod-openapi';
import { isoDate } from '../../base/clock.ts';
import type { FailureRecord } from '../../base/failure.ts';
import { wirePath, wireText } from '../../base/files/paths.ts';
import {
  isSuspect,
  type JobResult,
  type Origin,
  type SuspectRecord,
  type WarningRecord,
} from '../../catalogue/records.ts';
import type { LevelFacts } from '../../jobs/compare-contract.ts';
import type {
  BackupSummaryView,
  BackupView,
  DirectoryItem,
  DirectoryPage,
  Estimate,
  JobView,
  RestoreCounts,
  RestoreOutcome,
  ServerView,
  SystemView,
  WarningPageView,
} from '../../jobs/contract.ts';
import type { JobObject } from './job-schemas.ts';
import type { DirectoryObject } from './look-schemas.ts';
import type {
  BackupObject,
  BackupSummaryObject,
  EstimateObject,
  OriginObject,
  RestoreObject,
  ServerObject,
  SystemObject,
  WarningsObject,
} from './schemas.ts';
import type { IndexFindingObject } from './verify-schemas.ts';

/** Warnings that a backup's details show; the rest comes by pages. */
const WARNINGS_SHOWN = 100;

export function backupObject(view: BackupSummaryView): z.infer<typeof BackupObject> {
  return {
    id: view.id,
    name: wireText(view.name),
    size: view.size,
    checksum: view.sha256,
    checksumType: 'sha256',
    status: view.status,
    isLocked: view.locked,
    storagePath: `/backups/${view.key}`,
    serverId: view.server,
    ignoredFiles: view.ignore.map(wireText),
    ignoredFilesCount: view.ignoreCount,
    completedAt: view.completedAt === null ? null : isoDate(view.completedAt),
    createdAt: isoDate(view.createdAt),
    updatedAt: isoDate(view.updatedAt),
    warnings: view.warnings?.slice(0, WARNINGS_SHOWN).map(plainWarning),
    warningCount: view.warningCount,
    files: view.files,
    rawSize: view.rawSize,
    reusedBytes: view.reusedBytes,
    storedBytes: view.storedBytes,
    quiesced: view.quiesced,
    store: view.store,
    copies: view.copies?.map(copyObject),
    error: reason(view.error),
    verifiedAt: dateOf(view.verifiedAt),
    damagedAt: dateOf(view.damagedAt),
    suspect: view.suspect !== null && isSuspect(view) ? suspicion(view.suspect) : undefined,
    acceptedAt: dateOf(view.acceptedAt),
    sequence: view.sequence === 0 ? undefined : view.sequence,
    origin: originObject(view.origin),
    startedAt: view.startedAt === undefined ? undefined : isoDate(view.startedAt),
    seconds: secondsOf(view),
    named: view.named,
  };
}

/** A backup without what its server's owner can inflate. */
export function backupSummaryObject(view: BackupSummaryView): z.infer<typeof BackupSummaryObject> {
  const {
    warnings: _,
    ignoredFiles: _files,
    ignoredFilesCount: _count,
    copies: _copies,
    ...summary
  } = backupObject(view);
  return summary;
}

function secondsOf({ startedAt, completedAt }: BackupSummaryView): number | undefined {
  return startedAt === undefined || completedAt === null ? undefined : Math.max(0, (completedAt - startedAt) / 1000);
}

export function originObject(origin: Origin | undefined): z.infer<typeof OriginObject> | undefined {
  if (origin === undefined) return undefined;
  switch (origin) {
    case 'schedule':
    case 'panel':
    case 'retention':
    case 'verification':
      return { by: origin };
    default:
      return { by: 'token', token: origin.slice('token:'.length) };
  }
}

function suspicion({ reason, message }: SuspectRecord) {
  return { reason, message };
}

function copyObject({
  store,
  state,
  error,
  updatedAt,
  verifiedAt,
  damagedAt,
}: NonNullable<BackupView['copies']>[number]) {
  const dates = { updatedAt: isoDate(updatedAt), verifiedAt: dateOf(verifiedAt), damagedAt: dateOf(damagedAt) };
  return { store, state, ...dates, error: reason(error) };
}

/** The message of the original API, with a restore's warnings and preview, if any. */
export function restoreObject(message: string, outcome?: RestoreOutcome): z.infer<typeof RestoreObject> {
  const { warnings = [], warningCount = 0, undoUntil, dryRun, counts } = outcome ?? {};
  return {
    success: true,
    message,
    ...(counts === undefined ? {} : countsObject(counts)),
    ...(warningCount === 0 ? {} : { warnings: warnings.map(plainWarning), warningCount }),
    undoUntil,
    dryRun: dryRun === undefined ? undefined : lists(dryRun),
  };
}

function countsObject({ files, bytes, removed, skipped, seconds }: RestoreCounts) {
  return { files, bytes, removed, skipped, seconds };
}

function plainWarning({ path, code, message }: WarningRecord): WarningRecord {
  return { path: wireText(path), code, message: wireText(message) };
}

export function warningsObject({ warnings, next }: WarningPageView): z.infer<typeof WarningsObject> {
  return { warnings: warnings.map(plainWarning), cursor: next === undefined ? undefined : String(next) };
}

function lists({ added, replaced, deleted, counts }: NonNullable<RestoreOutcome['dryRun']>) {
  return { added: [...added], replaced: [...replaced], deleted: [...deleted], counts: { ...counts } };
}

type Power = z.infer<typeof ServerObject>['power'];

/** @param power of all servers; undefined where no other daemon runs them. */
export function serverObject(view: ServerView, power?: ReadonlyMap<string, string>): z.infer<typeof ServerObject> {
  const { id, name, status, suspended, directory, backups, bytes } = view;
  const state = directory ? undefined : ('no directory' as const);
  const shown = power === undefined ? undefined : ((power.get(id) ?? 'unknown') as Power);
  return { id, name, status, suspended, backups, bytes, power: shown, state };
}

export function jobObject(view: JobView): z.infer<typeof JobObject> {
  const { id, kind, server, backup, state, phase } = view;
  return {
    id,
    kind,
    undo: isUndo(view) ? true : undefined,
    copy: view.kind === 'verify' ? view.request.copy : undefined,
    server,
    backup,
    state,
    phase,
    progress: view.progress === null ? undefined : { ...view.progress },
    position: view.position ?? undefined,
    createdAt: isoDate(view.createdAt),
    startedAt: dateOf(view.startedAt),
    endedAt: dateOf(view.endedAt),
    error: view.error === null ? undefined : { ...reason(view.error), hint: view.error.hint },
    caller: originObject(view.origin),
    result: view.result === undefined ? undefined : resultObject(view.result),
  };
}

/** What a verification found of the index beside the archive; undefined for nothing. */
export function indexFindingObject({ result }: JobView): z.infer<typeof IndexFindingObject> | undefined {
  const { index, indexTakenFrom } = result ?? {};
  if (index !== 'damaged' && index !== 'missing') return undefined;
  return { found: index, takenFrom: typeof indexTakenFrom === 'string' ? indexTakenFrom : undefined };
}

function isUndo(view: JobView): boolean {
  return view.kind === 'restore' && view.request.undo === true;
}

export function directoryObject(
  page: DirectoryPage,
  facts?: ReadonlyMap<DirectoryItem, LevelFacts>,
): z.infer<typeof DirectoryObject> {
  return {
    path: page.path,
    entries: page.entries.map((entry) => {
      const { name, kind, size, mode, mtime } = entry;
      const target = entry.target === undefined ? undefined : wirePath(entry.target);
      const { files, bytes, live } = facts?.get(entry) ?? {};
      return { name, kind, size, mode, mtime, target, files, bytes, live };
    }),
    cursor: page.cursor,
  };
}

export function estimateObject(estimate: Estimate): z.infer<typeof EstimateObject> {
  const { files, directories, bytes, ignoredFiles, ignoredBytes } = estimate;
  const largestIgnored = estimate.largestIgnored.map(({ path, bytes }) => ({ path, bytes }));
  return { files, directories, bytes, ignoredFiles, ignoredBytes, largestIgnored };
}

export function systemObject(view: SystemView): z.infer<typeof SystemObject> {
  const { version, node, engine, uptimeSeconds, servers } = view;
  return {
    version,
    node,
    engine,
    uptimeSeconds,
    servers,
    jobs: { running: view.jobs.running, queued: view.jobs.queued },
    panelReports: view.deliveries && { pending: view.deliveries.pending, parked: view.deliveries.parked },
    stores: view.stores.map(({ name, type, freeBytes, error }) => ({ name, type, freeBytes, error })),
    stateDisk: view.stateDisk,
    unwritable: view.unwritable?.length
      ? view.unwritable.map(({ path, error, hint }) => ({ path, error, hint }))
      : undefined,
  };
}

function resultObject(result: JobResult): Record<string, number | string | boolean> {
  const given = Object.entries(result).filter((entry): entry is [string, number | string | boolean] => {
    return entry[1] !== undefined;
  });
  return Object.fromEntries(given);
}

function reason(record: FailureRecord): { code: string; message: string };
function reason(record: FailureRecord | null): { code: string; message: string } | undefined;
function reason(record: FailureRecord | null): { code: string; message: string } | undefined {
  return record === null ? undefined : { code: record.code, message: record.message };
}

function dateOf(milliseconds: number | null): string | undefined {
  return milliseconds === null ? undefined : isoDate(milliseconds);
}
