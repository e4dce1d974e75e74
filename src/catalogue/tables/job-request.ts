/**
 * A job's request as its row stores it: JSON with the values that the caller gave. The only place that parses it; the
 * shape for each kind is in `JobRequests`.
 */
import { z } from 'zod';
import type { JobKind, JobRecord, JobRequests } from '../records.ts';
import { unfit } from '../sqlite/row.ts';

/** Rows of earlier versions may lack a limit or hold null for it; both mean none. */
const limit = z.number().positive().catch(0);
const flag = z.boolean().optional();

const shapes: { readonly [Kind in JobKind]: z.ZodType<JobRequests[Kind]> } = {
  backup: z.object({
    limits: z.object({ perServer: limit, maxSize: limit, serverBytes: limit }).optional(),
    report: flag,
    upload: z.literal('panel').optional(),
    runAgain: flag,
  }),
  restore: z.object({
    truncate: flag,
    paths: z.array(z.string()).optional(),
    files: z.array(z.string()).optional(),
    globs: z.array(z.string()).optional(),
    force: flag,
    keepIgnored: flag,
    dryRun: flag,
    keepPreviousHours: z.number().optional(),
    undo: flag,
    download: flag,
    claim: flag,
    report: flag,
    after: z.string().optional(),
  }),
  verify: z.object({ copy: z.string().optional() }),
  delete: z.object({}),
};

/** A kind and the request that goes with it. */
export type KindAndRequest = { [Kind in JobKind]: Pick<JobRecord<Kind>, 'kind' | 'request'> }[JobKind];

/**
 * @param json what `JSON.parse` made of the row's text. Unknown keys are dropped.
 * @throws Failure `internal` for a kind or a request that no version of this program writes: a field that was dropped
 *   silently could turn a dry run into a restore.
 */
export function readRequest(kind: string, json: unknown): KindAndRequest {
  switch (kind) {
    case 'backup':
      return { kind, request: parse(kind, json) };
    case 'restore':
      return { kind, request: parse(kind, json) };
    case 'verify':
      return { kind, request: parse(kind, json) };
    case 'delete':
      return { kind, request: parse(kind, json) };
    default:
      return unfit('kind');
  }
}

function parse<Kind extends JobKind>(kind: Kind, json: unknown): JobRequests[Kind] {
  const parsed = shapes[kind].safeParse(json);
  return parsed.success ? parsed.data : unfit('request');
}
