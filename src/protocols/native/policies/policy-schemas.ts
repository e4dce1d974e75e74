/** Requests and answers of the operator's decisions. */
import { z } from '@hono/zod-openapi';
import { BackupObject } from '../schemas.ts';

/** Ten years; use "keep" for longer. */
const MOST_DAYS = 3660;
/** MiB per second; faster than any disk. */
const HIGHEST_RATE = 1_000_000;

const date = z.string().openapi({ format: 'date-time' });

const KEEP_REASONS = [
  'no_rules',
  'not_completed',
  'locked',
  'busy',
  'newest_good',
  'newest',
  'future_dated',
  'last',
  'days',
  'daily',
  'weekly',
  'monthly',
] as const;

export const RetentionObject = z
  .object({
    backups: z.array(
      z.object({
        backup: BackupObject,
        keep: z.boolean().openapi({ description: 'False: it goes after the next backup that completes' }),
        reasons: z.array(z.enum(KEEP_REASONS)).openapi({ description: 'Why it stays' }),
      }),
    ),
  })
  .openapi('Retention');

export const ApplyRetentionBody = z
  .strictObject({
    clockIsRight: z
      .boolean('must be a boolean')
      .optional()
      .openapi({ description: 'Believes a clock that has jumped; nothing is removed while it is in doubt' }),
  })
  .openapi('ApplyRetention');

export const AppliedRetentionObject = RetentionObject.extend({
  removed: z.array(z.string()).openapi({ description: 'Ids of the backups that were removed' }),
  failed: z.array(z.string()).openapi({ description: 'Ids of those that could not be removed now' }),
  clockInDoubt: z
    .object({ clock: date, expected: date })
    .optional()
    .openapi({ description: 'Set when nothing was removed because the clock has jumped' }),
}).openapi('AppliedRetention');

// Strict: a misspelt `graceDays` must not become a deletion at once.
export const GiveUpBody = z
  .strictObject({
    backups: z.enum(['keep', 'delete'], 'must be "keep" or "delete"'),
    graceDays: z
      .number('must be a number of days')
      .min(0, 'must not be less than 0')
      .max(MOST_DAYS, `must not be more than ${MOST_DAYS}`)
      .optional()
      .openapi({ description: 'Days until they are deleted; at once without it' }),
  })
  .refine((body) => body.backups === 'delete' || body.graceDays === undefined, {
    path: ['graceDays'],
    message: 'counts only with "delete"',
  })
  .openapi('GiveUpServer');

export const GivenUpObject = z.object({
  deleted: z.number(),
  kept: z.number().openapi({ description: 'Locked ones, and those whose day has not come' }),
  deleteAt: z.string().nullable().openapi({ format: 'date-time' }),
});

const rate = z
  .number('must be a number of MiB per second')
  .min(0, 'must not be less than 0')
  .max(HIGHEST_RATE, `must not be more than ${HIGHEST_RATE}`)
  .nullable()
  .optional()
  .openapi({ description: 'MiB per second, 0 for none; null for the job’s share of the node’s rate' });

export const RatesBody = z
  .strictObject({ readLimit: rate, writeLimit: rate })
  .refine((body) => body.readLimit !== undefined || body.writeLimit !== undefined, 'must name a rate')
  .openapi('JobRates');
