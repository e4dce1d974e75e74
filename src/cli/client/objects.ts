/**
 * Shapes of the daemon's answers. An answer of another shape (not a Roost, or a much older one) fails with a message
 * instead of printing `undefined`.
 */
import * as z from 'zod';
import { Failure } from '../../base/failure.ts';
import { formatBytes } from '../../base/sizes.ts';
import type { ApiClient, ApiRequest } from './api-client.ts';
import { noteWarnings } from '../command.ts';
import type { Terminal } from '../terminal/terminal.ts';
import { localTime } from '../terminal/time.ts';

export const Warning = z.looseObject({ path: z.string(), code: z.string(), message: z.string() });

/** Loose: `--json` also prints fields that this version does not know. */
export const BackupObject = z.looseObject({
  id: z.string(),
  name: z.string(),
  size: z.number(),
  status: z.string(),
  isLocked: z.boolean(),
  createdAt: z.string(),
  checksum: z.string().nullish(),
  completedAt: z.string().nullish(),
  verifiedAt: z.string().nullish(),
  damagedAt: z.string().nullish(),
  suspect: z.looseObject({ reason: z.string(), message: z.string() }).nullish(),
  sequence: z.number().nullish(),
  ignoredFiles: z.array(z.string()).nullish(),
  warnings: z.array(Warning).nullish(),
  warningCount: z.number().nullish(),
  files: z.number().nullish(),
  rawSize: z.number().nullish(),
  reusedBytes: z.number().nullish(),
  seconds: z.number().nullish(),
  store: z.string().nullish(),
  error: z.looseObject({ code: z.string(), message: z.string() }).nullish(),
  origin: z.looseObject({ by: z.string(), token: z.string().nullish() }).nullish(),
});
export type BackupObject = z.infer<typeof BackupObject>;

export const BackupObjects = z.array(BackupObject);

export const ServerObjects = z.array(z.looseObject({ id: z.string(), name: z.string() }));

export const DirectoryObject = z.looseObject({
  path: z.string(),
  entries: z.array(
    z.looseObject({ name: z.string(), kind: z.string(), size: z.number(), target: z.string().nullish() }),
  ),
  cursor: z.string().nullish(),
});

/**
 * Sends a request and checks the answer's shape.
 *
 * @throws Failure `internal` when the answer has another shape; else as `ApiClient.call`.
 */
export async function ask<Shape>(client: ApiClient, request: ApiRequest, shape: z.ZodType<Shape>): Promise<Shape> {
  return readAs(client, shape, await client.call(request));
}

/** Checks an answer's shape; throws as `ask` does. */
export function readAs<Shape>(client: ApiClient, shape: z.ZodType<Shape>, body: unknown): Shape {
  const answer = shape.safeParse(body);
  if (answer.success) return answer.data;
  const at = answer.error.issues[0]?.path.join('.') ?? '';
  throw new Failure(
    'internal',
    `Cannot understand the answer of ${client.connection.url.href}: "${at}" is unexpected`,
    {
      hint: 'Is that address a Roost daemon of the same version as this command?',
    },
  );
}

/** The facts of a backup, one pair per line. */
export function describeBackup(backup: BackupObject): (readonly [string, string])[] {
  const lines: (readonly [string, string | null | undefined])[] = [
    ['id', backup.id],
    ['name', backup.name],
    ['status', shownStatus(backup)],
    ['damaged', typeof backup.damagedAt === 'string' ? `found ${localTime(backup.damagedAt)}` : null],
    ['suspect', backup.suspect?.message],
    ['error', backup.error === null || backup.error === undefined ? null : backup.error.message],
    ['size', formatBytes(backup.size)],
    ['unpacked', sizeOrNull(backup.rawSize)],
    ['reused', (backup.reusedBytes ?? 0) === 0 ? null : sizeOrNull(backup.reusedBytes)],
    ['took', typeof backup.seconds === 'number' ? `${backup.seconds.toFixed(1)} s` : null],
    ['files', backup.files === null || backup.files === undefined ? null : String(backup.files)],
    ['sha256', backup.checksum],
    ['locked', backup.isLocked ? 'yes' : 'no'],
    ['ignored', backup.ignoredFiles?.join(', ')],
    ['store', backup.store],
    ['made by', backup.origin?.token ?? backup.origin?.by],
    ['created', localTime(backup.createdAt)],
    ['completed', timeOrNull(backup.completedAt)],
    ['verified', timeOrNull(backup.verifiedAt)],
    ['warnings', String(backup.warningCount ?? backup.warnings?.length ?? 0)],
  ];
  return lines.filter((line): line is readonly [string, string] => typeof line[1] === 'string' && line[1] !== '');
}

function timeOrNull(time: string | null | undefined): string | null {
  return typeof time === 'string' ? localTime(time) : null;
}

function sizeOrNull(bytes: number | null | undefined): string | null {
  return typeof bytes === 'number' ? formatBytes(bytes) : null;
}

/** A completed backup that is damaged or suspect is called that: nothing relies on it. */
export function shownStatus({ status, damagedAt, suspect }: BackupObject): string {
  if (status !== 'COMPLETED') return status;
  if (typeof damagedAt === 'string') return 'DAMAGED';
  return (suspect ?? null) === null ? status : 'SUSPECT';
}

/** Writes a backup's warnings to stderr. */
export function noteBackupWarnings(terminal: Terminal, backup: BackupObject): void {
  const warnings = backup.warnings ?? [];
  noteWarnings(terminal, warnings, backup.warningCount ?? warnings.length);
}
