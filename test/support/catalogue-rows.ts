/** Rows for catalogues in tests. */
import type { BackupId, JobId, ServerId } from '../../src/base/ids.ts';
import type { CompletedBackup, NewBackup, NewDelivery, NewJob } from '../../src/catalogue/contract.ts';

/** Ids that are easy to tell apart in a failing test. */
export function serverId(number: number): ServerId {
  return uuid('1', number) as ServerId;
}

export function backupId(number: number): BackupId {
  return uuid('b', number) as BackupId;
}

export function jobId(number: number): JobId {
  return uuid('c', number) as JobId;
}

function uuid(kind: string, number: number): string {
  return `${kind.repeat(8)}-0000-4000-8000-${number.toString(16).padStart(12, '0')}`;
}

export function newBackup(number: number, change: Partial<NewBackup> = {}): NewBackup {
  const id = backupId(number);
  const server = change.server ?? serverId(1);
  const key = `${server}/${id}.tar.gz`;
  return { id, server, name: `backup ${number}`, locked: false, ignore: [], store: 'local', key, ...change };
}

export function completed(change: Partial<CompletedBackup> = {}): CompletedBackup {
  return {
    size: 1000,
    rawSize: 5000,
    files: 3,
    entries: 4,
    reusedBytes: 100,
    sha256: 'ab'.repeat(32),
    ignore: ['*.log'],
    warnings: [{ path: 'world/a', code: 'file_grew', message: 'it grew' }],
    warningCount: 1,
    suspect: null,
    indexSha256: null,
    completedAt: Date.UTC(2026, 0, 2),
    ...change,
  };
}

export function newJob(number: number, change: Partial<NewJob> = {}): NewJob {
  const job = {
    id: jobId(number),
    kind: 'backup',
    server: serverId(1),
    backup: backupId(number),
    request: {},
    ...change,
  };
  // An empty request fits every kind.
  return job as NewJob;
}

/** Of a backup that was completed, due at once. */
export function newDelivery(number: number, change: Partial<NewDelivery> = {}): NewDelivery {
  return {
    job: jobId(number),
    kind: 'backup',
    server: serverId(1),
    backup: backupId(number),
    successful: true,
    sha256: 'ab'.repeat(32),
    size: 1000,
    files: 3,
    step: 'report',
    data: {},
    askedAt: 0,
    dueAt: 0,
    giveUpAt: Number.MAX_SAFE_INTEGER,
    ...change,
  };
}
