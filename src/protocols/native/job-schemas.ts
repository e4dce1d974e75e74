/** Requests and answers about jobs. */
import { z } from '@hono/zod-openapi';
import { date, ErrorReason, OriginObject } from './schemas.ts';

export const JobParams = z.object({ id: z.string().openapi({ description: 'The job’s UUID' }) });

export const JobsQuery = z.object({
  server: z.string().optional(),
  kind: z.enum(['backup', 'restore', 'verify', 'delete']).optional(),
  state: z.enum(['queued', 'running', 'done', 'failed', 'cancelled']).optional(),
  limit: z
    .string()
    .regex(/^(?:[1-9]\d{0,2}|1000)$/, 'must be a whole number from 1 to 1000')
    .transform(Number)
    .optional()
    .openapi({ type: 'integer', description: 'At most so many, newest first' }),
  before: z.string().max(64).optional().openapi({ description: 'Only older ones than the job of that id' }),
});

export const JobObject = z
  .object({
    id: z.string(),
    kind: z.enum(['backup', 'restore', 'verify', 'delete']),
    undo: z.literal(true).optional().openapi({ description: 'A restore that puts back what the last one set aside' }),
    copy: z.string().optional().openapi({ description: 'A verification that reads the copy in that further store' }),
    server: z.string(),
    backup: z.string(),
    state: z.enum(['queued', 'running', 'done', 'failed', 'cancelled']),
    phase: z.string(),
    progress: z
      .object({
        phase: z.string(),
        bytesDone: z.number(),
        bytesTotal: z.number(),
        filesDone: z.number(),
        filesTotal: z.number(),
        bytesPerSecond: z.number(),
        etaSeconds: z.number().nullable(),
      })
      .optional(),
    position: z.number().optional(),
    createdAt: date,
    startedAt: date.optional(),
    endedAt: date.optional(),
    error: ErrorReason.extend({ hint: z.string().optional() }).optional(),
    caller: OriginObject.optional(),
    result: z
      .record(z.string(), z.union([z.number(), z.string(), z.boolean()]))
      .optional()
      .openapi({ description: 'What came of it, in numbers: as the answer to a waiting caller has it' }),
  })
  .openapi('Job');

export const JobsObject = z.object({ jobs: JobObject.array() });
