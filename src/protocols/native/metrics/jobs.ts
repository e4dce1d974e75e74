/** Counts events: jobs by their end, their durations, the bytes of backups. */
import { Counter, Histogram, type Registry } from 'prom-client';
import { FAILURE_CODES } from '../../../base/failure.ts';
import type { EventSource, FailureSummary, RoostEvent } from '../../../jobs/contract.ts';

/** Seconds; from a handful of files to a server that takes a night. */
const DURATIONS = [1, 5, 15, 60, 300, 900, 3600, 14_400];

type Kind = 'backup' | 'restore' | 'verify';

/** Counts from now on. It never unsubscribes: the counters live as long as the events' source. */
export function countJobs(registry: Registry, events: EventSource): void {
  const registers = [registry];
  const labelNames = ['kind'] as const;
  const counters = {
    done: new Counter({ name: 'roost_jobs_done_total', help: 'Jobs that succeeded', labelNames, registers }),
    failed: new Counter({
      name: 'roost_job_failures_total',
      help: 'Jobs that failed, by the code of the error; damaged archives found by a verification included',
      labelNames: ['kind', 'code'],
      registers,
    }),
    seconds: new Histogram({
      name: 'roost_job_duration_seconds',
      help: 'From the start of a job to its end, waiting in the queue not included',
      labelNames,
      buckets: DURATIONS,
      registers,
    }),
    missed: new Counter({
      name: 'roost_schedule_missed_total',
      help: 'Times of schedules that passed without their backup, by server: the daemon was off, or it was refused',
      labelNames: ['server'],
      registers,
    }),
    stored: bytes('roost_backup_stored_bytes_total', 'Bytes of finished archives'),
    read: bytes('roost_backup_read_bytes_total', 'Bytes of the files in finished archives, before compression'),
    reused: bytes('roost_backup_reused_bytes_total', 'Bytes of finished archives that were copied from older ones'),
  };
  // So that a rate over them begins at zero.
  for (const kind of ['backup', 'restore', 'verify'] as const) counters.done.inc({ kind }, 0);

  const startedAt = new Map<string, number>();
  events.subscribe((event) => {
    const { type, job, at, data, server } = event;
    if (type === 'schedule.missed') counters.missed.inc({ server }, data.missed);
    if (job !== undefined && (type === 'backup.started' || type === 'restore.started')) startedAt.set(job, at);
    const end = endOf(event);
    if (end === undefined) return;
    const { kind, code } = end;
    if (code === undefined) counters.done.inc({ kind });
    else counters.failed.inc({ kind, code });
    const began = job === undefined ? undefined : startedAt.get(job);
    if (job !== undefined) startedAt.delete(job);
    if (began !== undefined) counters.seconds.observe({ kind }, Math.max(0, at - began) / 1000);
    if (type !== 'backup.completed') return;
    counters.stored.inc(data.size);
    counters.read.inc(data.rawSize);
    counters.reused.inc(data.reusedBytes);
  });

  function bytes(name: string, help: string): Counter {
    return new Counter({ name, help, registers });
  }
}

/** The job that the event ends; `code` for one that failed. */
function endOf({ type, data }: RoostEvent): { readonly kind: Kind; readonly code?: string } | undefined {
  if (type === 'backup.verified') return data.ok ? { kind: 'verify' } : { kind: 'verify', code: codeOf(data) };
  // Of a copy there is no verdict on the backup.
  if (type === 'verify.completed') return data.copy === undefined ? undefined : { kind: 'verify' };
  if (type === 'verify.failed') return data.copy === undefined ? undefined : { kind: 'verify', code: codeOf(data) };
  if (type === 'backup.completed') return { kind: 'backup' };
  if (type === 'restore.completed') return { kind: 'restore' };
  if (type === 'backup.cancelled') return { kind: 'backup', code: 'cancelled' };
  if (type === 'backup.failed') return { kind: 'backup', code: codeOf(data) };
  return type === 'restore.failed' ? { kind: 'restore', code: codeOf(data) } : undefined;
}

/** Known codes only: the values of a label must be bounded. */
function codeOf({ error }: { readonly error: FailureSummary }): string {
  return FAILURE_CODES.find((known) => known === error.code) ?? 'internal';
}
