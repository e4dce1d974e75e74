/**
 * A misspelt key of a request, an event or a result is an error of the compiler. Nothing here runs: each
 * `@ts-expect-error` fails `npm run typecheck` when its line compiles.
 */
import type { BackupId, JobId, ServerId } from '../../src/base/ids.ts';
import type { NewJob } from '../../src/catalogue/contract.ts';
import type { JobRecord } from '../../src/catalogue/records.ts';
import type { RoostEvent } from '../../src/jobs/contract.ts';
import type { SubmittedJob } from '../../src/jobs/runner/runner.ts';
import type { PendingEvent, RunningJob } from '../../src/jobs/runner/verb.ts';
import { BACKUP_DATA } from '../support/events.ts';

declare const id: JobId;
declare const server: ServerId;
declare const backup: BackupId;

declare const restoring: RunningJob<'restore'>;
declare const submitted: SubmittedJob<'restore'>;

export async function results(): Promise<unknown[]> {
  // @ts-expect-error misspelt
  restoring.commit(() => [], { warnings: [], warningsCount: 0 });
  // @ts-expect-error a restore has a result
  restoring.commit(() => []);
  const { warnings, ...rest } = await submitted.ended;
  // @ts-expect-error misspelt
  return [warnings, rest.dryrun];
}

export const requests: readonly NewJob[] = [
  { id, server, backup, kind: 'restore', request: { dryRun: true } },
  // @ts-expect-error misspelt
  { id, server, backup, kind: 'restore', request: { dryrun: true } },
  // @ts-expect-error of another kind
  { id, server, backup, kind: 'backup', request: { dryRun: true } },
  // @ts-expect-error of no kind that asks for anything
  { id, server, backup, kind: 'verify', request: { report: true } },
];

export function readRequest(job: JobRecord): unknown[] {
  // @ts-expect-error the kind is not known yet
  const unknownKind: unknown = job.request.dryRun;
  // @ts-expect-error misspelt
  const misspelt: unknown = job.kind === 'backup' && job.request.reports;
  return [unknownKind, misspelt, job.kind === 'restore' && job.request.dryRun];
}

export const events: readonly PendingEvent[] = [
  { type: 'backup.completed', server, backup, data: BACKUP_DATA },
  { type: 'restore.completed', server, backup, data: { dryRun: true, counts: { added: 1, replaced: 0, deleted: 0 } } },
  // @ts-expect-error misspelt
  { type: 'restore.completed', server, backup, data: { warningsCount: 1 } },
  // @ts-expect-error of another type
  { type: 'backup.failed', server, backup, data: BACKUP_DATA },
  // @ts-expect-error no such type
  { type: 'backup.finished', server, backup, data: {} },
];

export function readEvent(event: RoostEvent): unknown[] {
  // @ts-expect-error the type is not known yet
  const unknownType: unknown = event.data.sha256;
  // @ts-expect-error misspelt
  const misspelt: unknown = event.type === 'backup.completed' && event.data.sha;
  return [unknownType, misspelt, event.type === 'backup.completed' && event.data.sha256];
}
