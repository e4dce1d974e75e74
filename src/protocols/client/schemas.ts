/** Requests and answers of the client API: one source for validation, types and `/openapi.json`. */
import { z } from '@hono/zod-openapi';

const LONGEST_NAME = 255;
const LONGEST_LINE = 4096;
const MOST_LINES = 10_000;
/** From the documentation; the live panel has 20. */
const DEFAULT_PER_PAGE = 25;
/** The live panel's bound; client libraries that ask for more (75, 100) get this many. */
const MOST_PER_PAGE = 50;

const name = z
  .string()
  .max(LONGEST_NAME, `must not be longer than ${LONGEST_NAME} characters`)
  // oxlint-disable-next-line no-control-regex -- control characters are what is refused
  .refine((text) => !/[\u0000-\u001f\u007f]/.test(text), 'must not contain control characters')
  .refine((text) => text.isWellFormed(), 'must be text, without half a surrogate pair');

// Browsers and Windows end lines with "\r
// ".
const lines = z
  .string()
  .refine((text) => !text.includes('\0'), 'must not contain NUL')
  .refine((text) => text.isWellFormed(), 'must be text, without half a surrogate pair')
  .transform((text) => text.split(/\r?\n/).filter((line) => line.trim() !== ''))
  .refine((all) => all.length <= MOST_LINES, `must not hold more than ${MOST_LINES} patterns`)
  .refine(
    (all) => all.every(({ length }) => length <= LONGEST_LINE),
    `must not hold a line over ${LONGEST_LINE} characters`,
  );

// The live panel's booleans: forms and older client libraries send digits.
const flag = z
  .union([z.boolean(), z.enum(['0', '1']), z.literal(0), z.literal(1)], 'must be true or false')
  .transform((value) => value === true || value === 1 || value === '1');

const count = (description: string) =>
  z
    .string()
    .regex(/^[1-9]\d{0,8}$/, 'must be a whole number above 0')
    .transform(Number)
    .optional()
    .openapi({ type: 'integer', description });

export const ServerParams = z.object({
  server: z.string().openapi({ description: 'The server’s UUID, or the first eight characters of it' }),
});
export const BackupParams = ServerParams.extend({
  backup: z.string().openapi({ description: 'The backup’s UUID' }),
});

export const PageQuery = z.object({
  page: count('1 without it').transform((page = 1) => page),
  per_page: count(`${DEFAULT_PER_PAGE} without it, ${MOST_PER_PAGE} at most`).transform((asked = DEFAULT_PER_PAGE) =>
    Math.min(asked, MOST_PER_PAGE),
  ),
});

export const CreateBody = z
  .object({
    name: name.nullish().openapi({ description: 'A name is made without it' }),
    ignored: lines.nullish().openapi({ type: 'string', description: 'Patterns of what to leave out, one per line' }),
    is_locked: flag.nullish().openapi({ type: 'boolean', description: 'Protects from deletion; false without it' }),
  })
  .openapi('ClientCreateBackup');

export const RestoreBody = z
  .object({
    truncate: flag.nullish().openapi({ type: 'boolean', description: 'Removes existing files; true without it' }),
    force: flag.nullish().openapi({
      type: 'boolean',
      description: 'Truncates also where the backup puts back nothing, or passes over what would be removed',
    }),
  })
  .openapi('ClientRestoreBackup');

export const BackupObject = z
  .object({
    object: z.literal('backup'),
    attributes: z.object({
      uuid: z.string(),
      name: z.string(),
      ignored_files: z.array(z.string()),
      sha256_hash: z.string().nullable(),
      checksum: z.string().nullable().openapi({ description: 'As the live panel shows it: `sha256:<hex>`' }),
      bytes: z.number(),
      created_at: z.string(),
      completed_at: z.string().nullable(),
      is_successful: z.boolean().nullable().openapi({ description: 'null while it is being made' }),
      is_locked: z.boolean(),
    }),
  })
  .openapi('ClientBackup');

export const ServerObject = z
  .object({
    object: z.literal('server'),
    attributes: z.object({
      uuid: z.string(),
      identifier: z.string(),
      name: z.string(),
      status: z.enum(['suspended', 'restoring_backup']).nullable(),
      is_suspended: z.boolean(),
      is_installing: z.boolean(),
      is_transferring: z.boolean(),
    }),
  })
  .openapi('ClientServer');

export const ServerDetails = ServerObject.extend({
  meta: z.object({ is_server_owner: z.boolean(), user_permissions: z.array(z.string()) }),
});

const Pagination = z.object({
  total: z.number(),
  count: z.number(),
  per_page: z.number(),
  current_page: z.number(),
  total_pages: z.number(),
  links: z.object({ previous: z.string().optional(), next: z.string().optional() }),
});

export const BackupList = z.object({
  object: z.literal('list'),
  data: BackupObject.array(),
  meta: z.object({ pagination: Pagination, backup_count: z.number() }),
});

export const ServerList = z.object({
  object: z.literal('list'),
  data: ServerObject.array(),
  meta: z.object({ pagination: Pagination }),
});

export const SignedUrl = z.object({ object: z.literal('signed_url'), attributes: z.object({ url: z.string() }) });

export const SocketAccess = z.object({ data: z.object({ token: z.string(), socket: z.string() }) });

export const ErrorsObject = z
  .object({
    errors: z.array(
      z.object({
        code: z.string(),
        status: z.string(),
        detail: z.string(),
        meta: z.object({ source_field: z.string(), rule: z.string() }).optional(),
      }),
    ),
  })
  .openapi('ClientErrors');
