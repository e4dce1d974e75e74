/** Frames of the event sockets, for `/openapi.json`: what is sent is typed by `EventData`, and not checked again. */
import { z } from '@hono/zod-openapi';
import { FAILURE_CODES } from '../../../base/failure.ts';
import type { EventType, ExtraEvent } from '../../../jobs/contract.ts';
import type { App } from '../../dialect.ts';
import { JobObject } from '../job-schemas.ts';
import { date } from '../schemas.ts';
import { IndexFindingObject } from '../verify-schemas.ts';

const nothing = z.object({});
const failure = z.object({ code: z.enum(FAILURE_CODES), message: z.string(), hint: z.string().optional() });
const failed = z.object({ error: failure });
const progress = z.object({
  phase: z.string(),
  bytesDone: z.number(),
  bytesTotal: z.number(),
  filesDone: z.number(),
  filesTotal: z.number(),
  bytesPerSecond: z.number(),
  etaSeconds: z.number().nullable(),
});
const backup = z.object({
  name: z.string(),
  status: z.string(),
  size: z.number(),
  rawSize: z.number(),
  sha256: z.string().nullable(),
  files: z.number(),
  reusedBytes: z.number(),
  warningCount: z.number(),
  locked: z.boolean(),
  store: z.string(),
  suspect: z.object({ reason: z.string(), message: z.string() }).optional(),
});
const restored = z.object({
  entries: z.number().optional(),
  files: z.number().optional(),
  bytes: z.number().optional(),
  hostile: z.number().optional(),
  removed: z.number().optional(),
  skipped: z.number().optional(),
  warnings: z.array(z.object({ path: z.string(), code: z.string(), message: z.string() })).optional(),
  warningCount: z.number().optional(),
  undoUntil: z.number().optional().openapi({ description: 'Unix milliseconds' }),
  undo: z.boolean().optional(),
  dryRun: z.boolean().optional(),
  counts: z.object({ added: z.number(), replaced: z.number(), deleted: z.number() }).optional(),
});

const ofCopy = {
  copy: z.string().optional().openapi({ description: 'The further store whose copy was read; absent for the backup' }),
};

/** What the events of each type carry; a type without one here does not compile. */
export const EVENT_DATA = {
  'backup.started': nothing,
  'backup.progress': progress,
  'backup.completed': backup,
  'backup.failed': failed,
  'backup.cancelled': failed,
  'backup.deleted': backup,
  'backup.locked': backup,
  'backup.verified': backup.extend({ ok: z.boolean(), error: failure.optional() }),
  'restore.started': nothing,
  'restore.progress': progress,
  'restore.completed': restored,
  'restore.failed': failed,
  'verify.started': nothing,
  'verify.progress': progress,
  'verify.completed': nothing.extend({ ...ofCopy, index: IndexFindingObject.optional() }),
  'verify.failed': failed.extend(ofCopy),
  'copy.changed': z.object({ store: z.string(), state: z.enum(['completed', 'failed']), error: failure.optional() }),
  'vault.collected': z.object({
    store: z.string(),
    packs: z.number(),
    freedBytes: z.number(),
    movedBytes: z.number(),
  }),
  'vault.damaged': z.object({ store: z.string(), backups: z.string().array() }),
  'schedule.missed': z.object({ cron: z.string(), missed: z.number(), run: z.boolean(), error: failure.optional() }),
  'server.status': z.object({
    status: z.enum(['READY', 'BACKING_UP', 'RESTORING']),
    suspended: z.boolean().optional(),
    power: z.string().optional(),
  }),
} as const satisfies Readonly<Record<EventType, z.ZodObject>>;

/** Of those that a reader hears who asks for them. */
export const EXTRA_DATA = {
  'job.queued': z.object({ kind: z.enum(['backup', 'restore', 'verify', 'delete']) }),
  'store.changed': z.object({
    store: z.string(),
    state: z.enum(['up', 'full', 'away']),
    freeBytes: z.number().nullable(),
    reason: z.string().optional().openapi({ description: 'Why it is away' }),
  }),
} as const satisfies Readonly<Record<ExtraEvent['type'], z.ZodObject>>;

const head = { seq: z.number().openapi({ description: 'Never decreases on a socket' }), at: date };

const Snapshot = z
  .object({
    ...head,
    type: z.literal('snapshot'),
    server: z.string().optional(),
    data: z.object({ jobs: JobObject.array() }),
  })
  .openapi('Snapshot', { description: 'The first frame, and again after a reader was too slow' });

/** Adds `Event`, one frame of `/api/events`, to the document. */
export function describeEvents(app: App): void {
  const events = Object.entries(EVENT_DATA).map(([type, data]) => frame(type, z.string(), data));
  const { 'job.queued': queued, 'store.changed': store } = EXTRA_DATA;
  const extra = [
    frame('job.queued', z.string(), queued).openapi({ description: 'With `?with=queue`: a job has to wait' }),
    frame('store.changed', z.string().optional(), store).openapi({
      description: 'With `?with=stores`, for callers with node.read; of no server',
    }),
    z
      .object({ ...head, type: z.literal('alive'), data: nothing })
      .openapi({ description: 'With `?with=alive`: every ten seconds' }),
  ];
  app.openAPIRegistry.register('Event', z.union([Snapshot, ...events, ...extra]));
}

function frame(type: string, server: z.ZodType, data: z.ZodObject) {
  const [backupId, job] = [z.string().optional(), z.string().optional()];
  return z.object({ ...head, type: z.literal(type), server, backup: backupId, job, data });
}
