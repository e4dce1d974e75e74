/** Requests and answers of previews, comparisons and searches. */
import { z } from '@hono/zod-openapi';
import { RestoreBody, ServerParams } from '../schemas.ts';

const MOST_LIMIT = 1000;
const LONGEST_CURSOR = 16_384;
const LONGEST_QUERY = 255;

const limit = z
  .string()
  .regex(/^(?:[1-9]\d{0,2}|1000)$/, `must be a whole number from 1 to ${MOST_LIMIT}`)
  .transform(Number)
  .optional()
  .openapi({ type: 'integer', description: `100 without it, at most ${MOST_LIMIT}` });
const cursor = z.string().max(LONGEST_CURSOR).optional().openapi({ description: 'From the page before' });
const changeClass = z.enum(['added', 'changed', 'deleted', 'same', 'kept']);

export const PreviewBody = RestoreBody.refine(
  ({ preview, dryRun, backupFirst, keepPrevious }) =>
    [preview, dryRun, backupFirst, keepPrevious].every((given) => given === undefined),
  'must hold only what decides what is restored',
).openapi('PreviewRestore');

const Total = z.object({
  files: z.number().openapi({ description: 'Files and links' }),
  directories: z.number(),
  bytes: z.number().openapi({ description: 'Of content: as it will be, or of what goes, as it is' }),
});

const Totals = z
  .object({ added: Total, changed: Total, deleted: Total, same: Total, kept: Total })
  .openapi('ChangeTotals', {
    description:
      '`same`: equal in kind, size, time and mode, without its content being read. `kept`: left out of a restore, because what is in its place stays',
  });

export const ChangeObject = z
  .object({
    class: changeClass,
    path: z.string(),
    directory: z.literal(true).optional(),
    size: z.number(),
    before: z.number().optional().openapi({ description: 'Of what changed: the bytes before' }),
  })
  .openapi('Change');

export const ComparisonObject = z
  .object({
    id: z.string().openapi({ description: 'For its pages, and for `preview` of a restore; kept for half an hour' }),
    totals: Totals,
    folders: z
      .array(z.object({ path: z.string(), totals: Totals }))
      .openapi({ description: 'Totals by name in the root, the most changed first; at most 1,000' }),
    missing: z.string().array().optional().openapi({ description: 'Asked paths that are none of the backup' }),
    changes: ChangeObject.array().openapi({ description: 'The first hundred; `same` is counted only' }),
    cursor: z.string().optional(),
  })
  .openapi('Comparison');

export const ChangesObject = z
  .object({ changes: ChangeObject.array(), cursor: z.string().optional() })
  .openapi('Changes');

export const ComparisonParams = ServerParams.extend({ id: z.string().openapi({ description: 'The comparison’s id' }) });
export const ChangesQuery = z.object({ class: changeClass.optional(), cursor, limit });

export const CompareQuery = z.object({
  with: z
    .string('must be the id of a backup, or "live"')
    .min(1, 'must be the id of a backup, or "live"')
    .max(64)
    .openapi({ description: 'Another backup of the server, or `live`: what changed from this one to that' }),
});

const q = z
  .string('must be a part of a name, or a pattern')
  .min(1, 'must not be empty')
  .max(LONGEST_QUERY, `must not be longer than ${LONGEST_QUERY} characters`)
  .refine((text) => text.isWellFormed() && !text.includes('\0') && !text.includes('/'), 'must be a part of one name')
  .openapi({ description: 'A part of a name, in any case; with `*` or `?`, the whole name by that pattern' });

export const FindQuery = z.object({ q, cursor, limit });
export const VersionsQuery = z.object({ q, cursor });

const kind = z.enum(['file', 'directory', 'symlink', 'hardlink']);
const Entry = z.object({ kind, size: z.number(), mtime: z.number().openapi({ description: 'Unix seconds' }) });

export const FoundObject = z
  .object({ entries: Entry.extend({ path: z.string() }).array(), cursor: z.string().optional() })
  .openapi('Found');

export const VersionsObject = z
  .object({
    paths: z.array(z.object({ path: z.string(), versions: Entry.extend({ backups: z.string().array() }).array() })),
    searched: z.string().array().openapi({ description: 'Backups that this page looked into, newest first' }),
    cut: z.string().array().openapi({ description: 'Those of them with more names than 500: search them alone' }),
    cursor: z.string().optional().openapi({ description: 'There when older backups are left to search' }),
  })
  .openapi('Versions');
