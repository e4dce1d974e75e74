/** What a restore was asked for, as its job row carries it. */
import { z } from 'zod';
import { Failure } from '../../base/failure.ts';
import type { RestoreJobRequest } from '../../catalogue/records.ts';

/** A year: what is kept longer is a backup. */
const MAX_HOURS = 366 * 24;

const requestShape = z.object({
  /** The tree becomes exactly the archive; without it, what the archive lacks stays. */
  truncate: z.boolean().default(false),
  /** Globs; only what they select is restored, and only of that truncating removes anything. */
  paths: z.array(z.string()).optional(),
  /** With `truncate`: what the backup's ignore list covers stays. */
  keepIgnored: z.boolean().default(false),
  /** Tells what would change, and changes nothing. */
  dryRun: z.boolean().default(false),
  /** Keeps what was set aside, for an undo. */
  keepPreviousHours: z.number().positive().max(MAX_HOURS).optional(),
  /** Brings back what the last restore of this backup set aside; all else is of no meaning then. */
  undo: z.boolean().default(false),
  /** The archive is not in the catalogue: it is fetched from a link that only the process knows. */
  download: z.boolean().default(false),
  /** The archive is not in the catalogue: it was left by another daemon, and is taken over first. */
  claim: z.boolean().default(false),
  /** The panel is told how it ends. */
  report: z.boolean().default(false),
});

export type RestoreRequest = z.infer<typeof requestShape>;

/** @throws Failure `invalid_request` with the first field that is wrong. */
export function parseRestoreRequest(request: RestoreJobRequest): RestoreRequest {
  const parsed = requestShape.safeParse(request);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Failure(
    'invalid_request',
    `Cannot restore: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'invalid'}`,
  );
}
