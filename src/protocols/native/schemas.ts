/** Requests and answers of the native API, for validation, types and `/openapi.json`; field names as in StellarStack. */
import { FAILURE_CODES } from '../../base/failure.ts';
import { z } from '@hono/zod-openapi';
import { isUuid } from '../../base/ids.ts';
import { BACKUP_ID_REQUIRED, LOCKED_REQUIRED } from './required.ts';

const LONGEST_NAME = 255;
const LONGEST_PATTERN = 4096;
const MOST_PATTERNS = 10_000;
/** A year; longer is what backups are for. */
const MOST_HOURS = 366 * 24;
/** Linux PATH_MAX in bytes; percent-encoding makes a path at most three times as long. */
export const LONGEST_PATH = 4096;
/** Four characters, an escape, for each byte of the longest path of an archive. */
const LONGEST_ARCHIVE_PATH = 4 * 8192;

const bounded = (longest: number) => z.string().max(longest, `must not be longer than ${longest} characters`);

const name = bounded(LONGEST_NAME)
  // oxlint-disable-next-line no-control-regex -- control characters are what is refused
  .refine((text) => !/[\u0000-\u001f\u007f]/.test(text), 'must not contain control characters')
  .refine((text) => text.isWellFormed(), 'must be text, without half a surrogate pair');

// Browsers end lines with "\r\n"; clients split at "\n".
const pattern = bounded(LONGEST_PATTERN)
  .transform((text) => text.replace(/\r$/, ''))
  .refine((text) => !text.includes('\n') && !text.includes('\0'), 'must be one line')
  .refine((text) => text.isWellFormed(), 'must be text, without half a surrogate pair');

// Names may have line ends in them. Half a surrogate pair is no character of any name.
const archivePath = bounded(LONGEST_ARCHIVE_PATH)
  .min(1, 'must not be empty')
  .refine((text) => !text.includes('\0') && text.isWellFormed(), 'must be text without NUL');

const exactPaths = z
  .array(archivePath)
  .min(1, 'must not be empty')
  .max(MOST_PATTERNS, `must not hold more than ${MOST_PATTERNS} paths`);
const patterns = z.array(pattern).max(MOST_PATTERNS, `must not hold more than ${MOST_PATTERNS} patterns`);

const newBackupId = z
  .string()
  .transform((text) => text.toLowerCase())
  .refine(isUuid, 'must be a UUID')
  .openapi({ format: 'uuid' });

export const ServerParams = z.object({ server: z.string().openapi({ description: 'The server’s UUID' }) });
export const BackupParams = ServerParams.extend({ id: z.string().openapi({ description: 'The backup’s UUID' }) });

export const BackupQuery = z.object({
  id: z.string(BACKUP_ID_REQUIRED).min(1, BACKUP_ID_REQUIRED).openapi({ description: 'The backup’s UUID' }),
});

// Strict: a misspelt `ignore` must not become a backup of everything.
export const CreateBody = z
  .strictObject({
    name: name.optional().openapi({ description: 'Defaults to “Backup <date>”' }),
    uuid: newBackupId.optional().openapi({ description: 'The caller’s own id for the backup; a new one without it' }),
    id: newBackupId.optional().openapi({ description: 'The same as `uuid`' }),
    ignore: patterns
      .optional()
      .openapi({ description: 'gitignore patterns; without them the server’s own ignore file' }),
    locked: z.boolean().optional().openapi({ description: 'Protects the backup from deletion' }),
  })
  .refine((body) => body.id === undefined || body.uuid === undefined || body.id === body.uuid, {
    path: ['uuid'],
    message: 'must be the same as id',
  })
  .openapi('CreateBackup', { example: { name: 'before the update', ignore: ['*.log', 'cache/'], locked: true } });

// Strict: a misspelt `paths` must not become a restore of everything.
export const RestoreBody = z
  .strictObject({
    truncate: z
      .boolean()
      .optional()
      .openapi({ description: 'Removes what the backup does not hold; false without it' }),
    paths: exactPaths.optional().openapi({
      description:
        'Paths of the backup, spelt as a listing shows them; a directory means what is below it. One that is no path of the backup is tried as a glob',
    }),
    files: exactPaths
      .optional()
      .openapi({ description: 'As `paths`, but never tried as globs: what a listing showed, and nothing else' }),
    globs: z
      .array(pattern.refine((text) => text !== '', 'must not be empty'))
      .min(1, 'must not be empty')
      .max(MOST_PATTERNS, `must not hold more than ${MOST_PATTERNS} globs`)
      .optional()
      .openapi({ description: 'Patterns of what to restore besides `paths`; `!` before one excludes' }),
    force: z.boolean().optional().openapi({
      description:
        'With truncate: also where the backup puts back nothing, or passes over what would be removed; refused without it',
    }),
    keepIgnored: z
      .boolean()
      .optional()
      .openapi({ description: 'With truncate: what the backup’s ignore list covers stays' }),
    backupFirst: z.boolean().optional().openapi({
      description: 'Makes a backup of the server before; the restore fails, and changes nothing, when that does',
    }),
    preview: z.uuid('must be the id of a preview').optional().openapi({
      description: 'Restores what was previewed, and refuses when that would do something else by now',
    }),
    dryRun: z.boolean().optional().openapi({ description: 'Tells what would change, and changes nothing' }),
    keepPrevious: z
      .number('must be a number of hours')
      .positive('must be more than 0')
      .max(MOST_HOURS, `must not be more than ${MOST_HOURS}`)
      .optional()
      .openapi({ description: 'Hours for which the tree that was there can be put back by undo' }),
  })
  .refine(
    ({ preview, truncate, paths, files, globs, keepIgnored, dryRun }) =>
      preview === undefined ||
      [truncate, paths, files, globs, keepIgnored, dryRun].every((given) => given === undefined),
    { path: ['preview'], message: 'must stand without what was previewed' },
  )
  .openapi('RestoreBackup', { example: { paths: ['world'], truncate: true, keepPrevious: 24 } });

export const DownloadTokenBody = z.object({
  id: z.string(BACKUP_ID_REQUIRED).min(1, BACKUP_ID_REQUIRED),
  paths: exactPaths
    .optional()
    .openapi({ description: 'Paths as a listing shows them: one file is sent itself, all else as a tar.gz' }),
  named: z.boolean('must be a boolean').optional().openapi({
    description: 'Whether the archive is saved under the names of server and backup with the time; else as <id>.tar.gz',
  }),
});
export const LockBody = z.object({ locked: z.boolean(LOCKED_REQUIRED) });
export const EstimateBody = z.object({ ignore: patterns.optional() });
export const ServerBody = z.strictObject({ suspended: z.boolean('must be a boolean') });

export const RenameBody = z
  .strictObject({ name: name.refine((text) => text.trim() !== '', 'must not be empty') })
  .openapi('RenameBackup');

export const ListQuery = z.object({
  limit: z
    .string()
    .regex(/^[1-9]\d{0,3}$/, 'must be a whole number from 1 to 9999')
    .transform(Number)
    .optional()
    .openapi({ type: 'integer', description: 'At most so many; all without it' }),
  cursor: z
    .string()
    .max(64)
    .optional()
    .openapi({ description: 'From `next` in the Link header of the page before; then `limit` is 100 without it' }),
  before: z
    .string()
    .max(64)
    .refine((text) => !Number.isNaN(Date.parse(text)), 'must be a date')
    .transform((text) => Date.parse(text))
    .optional()
    .openapi({
      type: 'string',
      format: 'date-time',
      description: 'Only backups made before then; a page, as with `limit`',
    }),
  fields: z
    .literal('summary', 'must be "summary"')
    .optional()
    .openapi({ description: 'Without warnings, ignored files and copies' }),
});
export const WarningsQuery = z.object({
  cursor: z
    .string()
    .regex(/^\d{1,6}$/, 'must be a cursor of a page before')
    .transform(Number)
    .optional()
    .openapi({ type: 'string', description: 'From the page before' }),
});
export const DownloadQuery = z.object({
  // Two tokens count as none: 401, like a missing one.
  token: z.string().optional().catch(undefined).openapi({ type: 'string', description: 'From download-token' }),
  named: z
    .literal('true')
    .optional()
    .catch(undefined)
    .openapi({ type: 'string', enum: ['true'], description: 'As asked for with download-token' }),
});
export const date = z.string().openapi({ format: 'date-time' });
export const ErrorReason = z.object({ code: z.string(), message: z.string() });

/** Every code of an error: those of failures, and those of requests that reach no route. */
export const ERROR_CODES = [...FAILURE_CODES, 'not_found', 'method_not_allowed', 'upgrade_required'] as const;

export const ErrorObject = z
  .object({
    error: z.string().openapi({ description: 'A sentence for people; it may change' }),
    code: z.string().openapi({ enum: [...ERROR_CODES], description: 'Stable; docs/errors.md says what each means' }),
    hint: z.string().optional().openapi({ description: 'What to do about it' }),
    requestId: z.string(),
  })
  .openapi('Error', {
    example: {
      error: 'There is no such backup',
      code: 'backup_not_found',
      requestId: '5f0c3c0e-5d0a-4b9e-8a39-5a1d2f3c4b5a',
    },
  });

const WarningObject = z.object({ path: z.string(), code: z.string(), message: z.string() });

const CopyObject = z.object({
  store: z.string(),
  state: z.enum(['pending', 'completed', 'failed']),
  updatedAt: date,
  verifiedAt: date.optional().openapi({ description: 'When it was last read to its end and found whole' }),
  damagedAt: date.optional().openapi({ description: 'When it was found damaged; absent once it was made anew' }),
  error: ErrorReason.optional(),
});

export const OriginObject = z
  .object({
    by: z.enum(['schedule', 'panel', 'retention', 'verification', 'token']),
    token: z.string().optional().openapi({ description: 'The token’s id in the config' }),
  })
  .openapi({ description: 'Who asked for it; absent where that is not known' });

export const QuiescedObject = z
  .object({
    how: z.string().openapi({
      description:
        'By the commands of a game (`minecraft_java`, `minecraft_bedrock`), by `config`, `program` or `rcon`',
    }),
    heard: z.string().optional().openapi({ description: 'What the game said' }),
  })
  .openapi({ description: 'How its files were kept still while they were read; absent where they were not' });

export const BackupObject = z
  .object({
    id: z.string(),
    name: z.string(),
    size: z.number().openapi({ description: 'Bytes of the archive' }),
    checksum: z.string().nullable(),
    checksumType: z.literal('sha256'),
    status: z.enum(['IN_PROGRESS', 'COMPLETED', 'FAILED', 'RESTORING']),
    isLocked: z.boolean(),
    storagePath: z.string(),
    serverId: z.string(),
    ignoredFiles: z.array(z.string()),
    ignoredFilesCount: z
      .number()
      .optional()
      .openapi({ description: 'In lists: how many lines there are, where `ignoredFiles` holds the first ones only' }),
    completedAt: date.nullable(),
    createdAt: date,
    updatedAt: date,
    warnings: z
      .array(WarningObject)
      .optional()
      .openapi({ description: 'The first ones; in lists absent where there are many. More: …/backups/{id}/warnings' }),
    warningCount: z.number().openapi({ description: 'All warnings; the list is bounded' }),
    files: z.number(),
    rawSize: z.number().openapi({ description: 'Bytes of all files, uncompressed' }),
    reusedBytes: z.number().openapi({ description: 'Bytes of the archive that were copied from an older one' }),
    storedBytes: z.number().optional().openapi({
      description: 'Bytes that it added to its store: fewer than `size` in a vault; absent where not known',
    }),
    quiesced: QuiescedObject.optional(),
    store: z.string(),
    copies: z.array(CopyObject).optional().openapi({ description: 'In further stores, each with its own state' }),
    error: ErrorReason.optional(),
    verifiedAt: date.optional(),
    damagedAt: date.optional(),
    jobId: z
      .string()
      .optional()
      .openapi({ description: 'In the answer 202: the job, to be followed at /api/jobs/{id}' }),
    suspect: z
      .object({ reason: z.enum(['empty', 'shrunken_files', 'shrunken_bytes', 'unreadable']), message: z.string() })
      .optional()
      .openapi({ description: 'Why it is not taken for a good backup until it is accepted' }),
    acceptedAt: date.optional().openapi({ description: 'When an operator accepted a suspect backup' }),
    sequence: z.number().optional().openapi({ description: 'The order of making; absent for one made elsewhere' }),
    origin: OriginObject.optional(),
    startedAt: date.optional().openapi({ description: 'When its job began to run' }),
    seconds: z.number().optional().openapi({ description: 'How long its job ran' }),
    named: z.boolean().optional().openapi({ description: 'False when the node chose the name' }),
  })
  .openapi('Backup');

/** A backup in a list of `fields=summary`. */
export const BackupSummaryObject = BackupObject.omit({
  warnings: true,
  ignoredFiles: true,
  ignoredFilesCount: true,
  copies: true,
  jobId: true,
}).openapi('BackupSummary');

export const WarningsObject = z
  .object({ warnings: WarningObject.array(), cursor: z.string().optional() })
  .openapi('Warnings');

export const SuccessObject = z.object({ success: z.literal(true) });
const paths = z.string().array();
export const RestoreObject = z.object({
  success: z.literal(true),
  message: z.string(),
  warnings: WarningObject.array().optional(),
  warningCount: z.number().optional(),
  files: z.number().optional().openapi({ description: 'Files that were put back' }),
  bytes: z.number().optional().openapi({ description: 'Bytes of their content' }),
  removed: z.number().optional().openapi({ description: 'Live files that are gone and that nothing replaced' }),
  skipped: z.number().optional().openapi({ description: 'Entries of the backup that were passed over' }),
  seconds: z.number().optional().openapi({ description: 'How long it took' }),
  jobId: z.string().optional().openapi({ description: 'With 202: the job, to be followed at /api/jobs/{id}' }),
  backedUp: z.string().optional().openapi({ description: 'The backup that is made before (`backupFirst`)' }),
  undoUntil: date.optional().openapi({ description: 'Until when undo puts back what was there' }),
  dryRun: z
    .object({
      added: paths,
      replaced: paths,
      deleted: paths,
      counts: z.object({ added: z.number(), replaced: z.number(), deleted: z.number() }),
    })
    .optional()
    .openapi({ description: 'What would change; long lists are cut, the counts are not' }),
});
export const LockObject = z.object({ success: z.literal(true), locked: z.boolean() });
export const DownloadTokenObject = z.object({
  token: z.string(),
  expiresAt: z.number().openapi({ description: 'Unix seconds' }),
  downloadUrl: z.string(),
});

export const EstimateObject = z
  .object({
    files: z.number(),
    directories: z.number(),
    bytes: z.number(),
    ignoredFiles: z.number(),
    ignoredBytes: z.number(),
    largestIgnored: z.array(z.object({ path: z.string(), bytes: z.number() })),
  })
  .openapi('Estimate');

export const ServerObject = z
  .object({
    id: z.string(),
    name: z.string(),
    status: z.enum(['READY', 'BACKING_UP', 'RESTORING']),
    suspended: z.boolean(),
    backups: z.number(),
    bytes: z.number(),
    power: z
      .enum(['offline', 'starting', 'running', 'stopping', 'unknown'])
      .optional()
      .openapi({ description: 'As Wings says; there when Roost stands before it' }),
    state: z
      .literal('no directory')
      .optional()
      .openapi({ description: 'There when only backups are left: restoring one makes the directory' }),
  })
  .openapi('Server');

export const SystemObject = z
  .object({
    version: z.string(),
    node: z.string(),
    engine: z.enum(['isal', 'zlib']),
    uptimeSeconds: z.number(),
    servers: z.number(),
    jobs: z.object({ running: z.number(), queued: z.number() }),
    panelReports: z
      .object({ pending: z.number(), parked: z.number() })
      .optional()
      .openapi({ description: 'What the panel is owed; absent on a node without one' }),
    stores: z.array(
      z.object({
        name: z.string(),
        type: z.string(),
        freeBytes: z.number().nullable(),
        error: z.string().nullable().openapi({ description: 'Why it cannot be used now' }),
      }),
    ),
    stateDisk: z
      .object({ freeBytes: z.number().nullable(), full: z.boolean() })
      .optional()
      .openapi({ description: 'The disk of the state directory; while it is full, nothing but deletions is begun' }),
    unwritable: z
      .array(z.object({ path: z.string(), error: z.string(), hint: z.string() }))
      .optional()
      .openapi({ description: 'Directories of servers that the daemon cannot write: restores there fail' }),
  })
  .openapi('System');
