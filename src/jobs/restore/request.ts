/** The request of a restore, as its job row stores it. */
import { z } from 'zod';
import { Failure } from '../../base/failure.ts';
import type { RestoreJobRequest } from '../../catalogue/records.ts';

/** One year; keep a backup for longer. */
const MAX_HOURS = 366 * 24;

const requestShape = z.object({
  /** The server becomes exactly the archive; otherwise files that the archive lacks stay. */
  truncate: z.boolean().default(false),
  /** Paths of the backup, spelt exactly; only what is selected is restored or removed. */
  paths: z.array(z.string()).optional(),
  /** As `paths`, but never tried as patterns. */
  files: z.array(z.string()).optional(),
  /** Patterns that select besides `paths`. */
  globs: z.array(z.string()).optional(),
  /** With `truncate`: also where the backup puts back nothing, or passes over what would be removed. */
  force: z.boolean().default(false),
  /** With `truncate`: keeps what the ignore list of the backup covers. */
  keepIgnored: z.boolean().default(false),
  /** Reports what would change, and changes nothing. */
  dryRun: z.boolean().default(false),
  /** Keeps the previous tree for an undo, for so many hours. */
  keepPreviousHours: z.number().positive().max(MAX_HOURS).optional(),
  /** Puts back the previous tree of the last restore of this backup; the other fields are ignored. */
  undo: z.boolean().default(false),
  /** The archive is not in the catalogue: it is downloaded from a link, which only the process knows. */
  download: z.boolean().default(false),
  /** The archive is not in the catalogue: another daemon made it, and it is adopted first. */
  claim: z.boolean().default(false),
  /** The backup that must have been completed before. */
  after: z.string().optional(),
  /** The end is reported to the panel. */
  report: z.boolean().default(false),
});

export type RestoreRequest = z.infer<typeof requestShape>;

/** @throws Failure `invalid_request` with the first invalid field. */
export function parseRestoreRequest(request: RestoreJobRequest): RestoreRequest {
  const parsed = requestShape.safeParse(request);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const problem = `${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'invalid'}`;
  throw new Failure('invalid_request', `Cannot restore: ${problem}`);
}
