/** Requests and answers about the node as a whole: overview, schedules, stores, history. */
import { z } from '@hono/zod-openapi';
import { date, ErrorReason, OriginObject, ServerObject, SystemObject } from '../schemas.ts';

export const ShownBackupObject = z
  .object({
    id: z.string(),
    name: z.string(),
    status: z.enum(['IN_PROGRESS', 'COMPLETED', 'FAILED']),
    isLocked: z.boolean(),
    size: z.number().openapi({ description: 'Bytes of the archive' }),
    rawSize: z.number(),
    files: z.number(),
    reusedBytes: z.number(),
    createdAt: date,
    completedAt: date.optional(),
    seconds: z.number().optional().openapi({ description: 'How long it took, without its time in the queue' }),
    origin: OriginObject.optional(),
    named: z.boolean().openapi({ description: 'False when the node chose the name' }),
    damaged: z.literal(true).optional(),
    suspect: z.literal(true).optional(),
    error: ErrorReason.extend({ hint: z.string().optional() }).optional(),
  })
  .openapi('ShownBackup');

export const ProblemObject = z.object({
  code: z
    .enum(['failing', 'damaged', 'never', 'late', 'suspect', 'no_directory'])
    .openapi({ description: 'Stable; the worst comes first' }),
  message: z.string(),
  hint: z.string().optional(),
  backup: z.string().optional(),
  since: date.optional(),
});

const Used = z.object({ used: z.number(), most: z.number().openapi({ description: '0 for no limit' }) });

export const OverviewObject = z
  .object({
    newest: ShownBackupObject.optional().openapi({ description: 'The newest good backup' }),
    lastFailure: ShownBackupObject.extend({
      failures: z.number().openapi({ description: 'How many have failed since the newest good one' }),
    }).optional(),
    next: date.optional().openapi({ description: 'When the next scheduled backup begins' }),
    lateSeconds: z.number().optional().openapi({
      description:
        'Seconds since the scheduled time that passed without a good backup, as the doctor judges; absent when there is none',
    }),
    limits: z.object({ backups: Used, bytes: Used, maxSize: z.number() }),
    locked: z.number(),
    damaged: z.number(),
    suspect: z.number(),
    recent: ShownBackupObject.array().openapi({ description: 'The newest fourteen, newest first' }),
    undo: z
      .object({ backup: z.string(), until: date })
      .optional()
      .openapi({ description: 'The restore that can be undone' }),
    problems: ProblemObject.array(),
  })
  .openapi('Overview');

export const ServerWithOverview = ServerObject.extend({
  overview: OverviewObject.optional().openapi({ description: 'With `?with=overview`' }),
}).openapi('ServerWithOverview');

export const ServersQuery = z.object({
  with: z
    .literal('overview', 'must be "overview"')
    .optional()
    .openapi({ description: 'Adds `overview` to each server' }),
});

export const SystemQuery = z.object({
  with: z
    .literal('usage', 'must be "usage"')
    .optional()
    .openapi({ description: 'Adds the node’s name and rules, and what is in each store' }),
});

const RetentionRules = z.object({
  keepLast: z.number(),
  keepDays: z.number(),
  keepDaily: z.number(),
  keepWeekly: z.number(),
  keepMonthly: z.number(),
});

export const UsageObject = z
  .object({
    name: z.string().openapi({ description: 'The host’s name' }),
    stores: z.array(
      z.object({
        name: z.string(),
        type: z.string(),
        default: z.boolean().openapi({ description: 'New backups go there' }),
        freeBytes: z.number().nullable(),
        totalBytes: z.number().nullable(),
        usedBytes: z.number().openapi({ description: 'Bytes of the archives in it' }),
        storedBytes: z
          .number()
          .optional()
          .openapi({ description: 'Of a vault that was collected: bytes that its disk holds' }),
        backups: z.number(),
        reserveBytes: z.number().openapi({ description: 'Bytes that stay free' }),
        growthPerDay: z
          .number()
          .nullable()
          .openapi({ description: 'Bytes a day over two weeks, after what was removed; null before there is a day' }),
        fullAt: date.nullable().openapi({ description: 'When it is full at that growth' }),
        copies: z.object({ completed: z.number(), pending: z.number(), failed: z.number() }),
        error: z.string().nullable(),
      }),
    ),
    retention: RetentionRules.openapi({ description: '0 for a rule that keeps nothing; all 0: nothing is removed' }),
    limits: z.object({ perServer: z.number(), maxSize: z.number(), serverBytes: z.number() }),
    verification: z.object({ everyDays: z.number() }),
  })
  .openapi('Usage');

export const SystemWithUsage = SystemObject.extend({
  usage: UsageObject.optional().openapi({ description: 'With `?with=usage`' }),
}).openapi('SystemWithUsage');

export const ScheduleObject = z
  .object({
    server: z.string().openapi({ description: 'A server, or `*` for all' }),
    servers: z.string().array().openapi({ description: 'Those of them that the token holds' }),
    cron: z.string(),
    timezone: z.string().nullable().openapi({ description: 'null for the zone of the host' }),
    ignore: z.string().array(),
    whenMissed: z.enum(['run', 'skip']),
    next: date.array().openapi({ description: 'The next three times' }),
    last: z
      .object({
        at: date,
        completed: z.number(),
        failed: z.number(),
        running: z.number(),
        without: z.number().openapi({ description: 'Servers without a backup of that time' }),
      })
      .optional(),
    missed: z
      .object({ times: z.number(), since: date, noticedAt: date })
      .optional()
      .openapi({ description: 'The newest times that passed while the daemon was off' }),
  })
  .openapi('Schedule');

export const SchedulesObject = z.object({ schedules: ScheduleObject.array() }).openapi('Schedules');

export const ReportObject = z
  .object({
    name: z.string().openapi({ description: 'The host’s name' }),
    at: date,
    healthy: z
      .boolean()
      .openapi({ description: 'False when a server has a problem, or a store or a copy cannot be used' }),
    servers: z.array(
      z.object({
        server: z.string(),
        name: z.string(),
        newest: z
          .object({ id: z.string(), createdAt: date })
          .nullable()
          .openapi({ description: 'The newest good backup' }),
        ageSeconds: z.number().nullable().openapi({ description: 'Age of that backup' }),
        next: date.nullable().openapi({ description: 'When the next scheduled backup begins' }),
        lateSeconds: z.number().nullable().openapi({
          description: 'Seconds since the scheduled time that passed without a good backup; null when there is none',
        }),
        verifiedAt: date.nullable().openapi({ description: 'When a backup of it was last verified to its end' }),
        problems: ProblemObject.shape.code.array(),
      }),
    ),
    stores: z.array(
      z.object({
        name: z.string(),
        freeBytes: z.number().nullable(),
        growthPerDay: z.number().nullable().openapi({ description: 'Bytes a day over two weeks' }),
        daysUntilFull: z.number().nullable().openapi({ description: 'At that growth; null when never, or not known' }),
        copies: z
          .object({
            completed: z.number(),
            pending: z.number(),
            failed: z.number(),
            lagSeconds: z
              .number()
              .openapi({ description: 'Age of the oldest backup without its copy; 0 when none lacks it' }),
          })
          .nullable()
          .openapi({ description: 'null for a store of no copies' }),
        error: z.string().nullable(),
      }),
    ),
  })
  .openapi('Report');

const MOST_DAYS = 400;

export const HistoryQuery = z.object({
  days: z
    .string()
    .regex(/^[1-9]\d{0,2}$/, `must be a whole number from 1 to ${MOST_DAYS}`)
    .transform(Number)
    .refine((days) => days <= MOST_DAYS, `must be a whole number from 1 to ${MOST_DAYS}`)
    .optional()
    .openapi({ type: 'integer', description: '90 without it' }),
});

export const AttemptObject = z
  .object({
    backup: z.string(),
    status: z.enum(['COMPLETED', 'FAILED']),
    code: z.string().optional().openapi({ description: 'Why it failed' }),
    store: z.string(),
    size: z.number(),
    rawSize: z.number(),
    files: z.number(),
    reusedBytes: z.number(),
    origin: OriginObject.optional(),
    createdAt: date,
    seconds: z.number().optional(),
    endedAt: date,
    goneAt: date.optional().openapi({ description: 'When the backup was removed' }),
  })
  .openapi('Attempt');

export const HistoryObject = z
  .object({
    attempts: AttemptObject.array().openapi({ description: 'Newest first; at most 5,000' }),
    more: z.boolean().openapi({ description: 'True when there are older ones within those days' }),
  })
  .openapi('History');
