/** Requests and answers about what is in a backup. */
import { z } from '@hono/zod-openapi';
import { FILE_PATH_REQUIRED } from './required.ts';
import { LONGEST_PATH } from './schemas.ts';

const FilesQuery = z.object({
  path: z
    .string()
    .max(LONGEST_PATH * 3)
    .optional()
    .openapi({ description: 'Percent-encoded bytes; the root without it' }),
  cursor: z
    .string()
    .max(LONGEST_PATH * 3)
    .optional()
    .openapi({ description: 'From the page before' }),
});
/** What a listing shows besides, as `with` names it. */
export const LevelQuery = FilesQuery.extend({
  with: z
    .enum(['totals', 'live', 'totals,live'], 'must be "totals", "live" or "totals,live"')
    .optional()
    .openapi({ description: 'Adds files and bytes below directories, and what is on the server now' }),
});
export const ContentQuery = z.object({
  path: z
    .string(FILE_PATH_REQUIRED)
    .min(1, FILE_PATH_REQUIRED)
    .max(LONGEST_PATH * 3)
    .openapi({ description: 'Percent-encoded bytes, UTF-8 or not' }),
});
export const DirectoryObject = z
  .object({
    path: z.string(),
    entries: z.array(
      z.object({
        name: z.string(),
        kind: z.enum(['file', 'directory', 'symlink', 'hardlink']),
        size: z.number(),
        mode: z.number(),
        mtime: z.number().openapi({ description: 'Unix seconds' }),
        target: z.string().optional(),
        files: z.number().optional().openapi({ description: 'With `totals`: files below a directory' }),
        bytes: z.number().optional().openapi({ description: 'With `totals`: bytes of those' }),
        live: z.enum(['same', 'changed', 'gone']).optional().openapi({ description: 'With `live`: on the server now' }),
      }),
    ),
    cursor: z.string().optional(),
  })
  .openapi('Directory');
