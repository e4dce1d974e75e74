/**
 * Reading manifests (manifest.ts says what one is). They lie where others may have written, so every field is checked.
 * Apart from writing them because of zod, which takes longer to load than a small archive takes to make.
 */
import { z } from 'zod';
import { Failure } from '../../base/failure.ts';
import { wireText } from '../../base/files/paths.ts';
import { type BackupId, isUuid, type ServerId } from '../../base/ids.ts';
import { type ArchiveFacts, FORMAT, MAX_MANIFEST_BYTES, VERSION } from './manifest.ts';
import { type BackupRecord, originOf, type WarningRecord } from '../records.ts';

const count = z.int().min(0);
const time = z.int();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
// One check for the whole list: a hostile file of millions of wrong items must not make millions of zod issues.
const textList = z.custom<readonly string[]>((value) => Array.isArray(value) && value.every(isText), 'no list of text');
const warningList = z.custom<readonly WarningRecord[]>(
  (value) => Array.isArray(value) && value.every(isWarning),
  'no list of warnings',
);

const archiveFacts = z.object({
  size: count,
  rawSize: count,
  /** Lower-case hex of the archive's bytes. */
  sha256,
  entries: count,
  files: count,
  reusedBytes: count,
  warnings: warningList,
  warningCount: count,
  /** When the archive was made. */
  createdAt: time,
  allocated: count.optional(),
});

/** More backups than a server makes in ten thousand years; a larger number would leave none for the next ones. */
const MAX_SEQUENCE = 2 ** 40;

/** Characters of a token's id, and more. */
const MAX_ORIGIN = 512;
const MAX_HOW = 100;
const MAX_HEARD = 2000;

const suspectFacts = z.object({
  reason: z.enum(['empty', 'shrunken_files', 'shrunken_bytes', 'unreadable']),
  message: z.string(),
  files: count,
  bytes: count,
  baseline: z
    .object({ id: z.string().refine(isUuid), files: count, bytes: count })
    .transform((baseline) => ({ ...baseline, id: baseline.id as BackupId }))
    .nullable(),
});

const backupFacts = z.object({
  id: z.string().refine(isUuid),
  server: z.string().refine(isUuid),
  name: z.string(),
  locked: z.boolean(),
  ignore: textList,
  /** Only when a line is not valid text: the whole list in base64 of UTF-16LE. `ignore` then has escapes. */
  ignoreUtf16: z.string().optional(),
  store: z.string(),
  key: z.string(),
  damagedAt: time.nullable(),
  verifiedAt: time.nullable(),
  updatedAt: time,
  completedAt: time,
  // Absent in manifests of older versions.
  sequence: z.int().min(0).max(MAX_SEQUENCE).default(0),
  suspect: suspectFacts.nullable().default(null),
  acceptedAt: time.nullable().default(null),
  indexSha256: sha256.nullable().default(null),
  origin: z.string().max(MAX_ORIGIN).optional(),
  named: z.boolean().optional(),
  startedAt: time.optional(),
  storedBytes: z.int().min(0).optional(),
  quiesced: z.object({ how: z.string().max(MAX_HOW), heard: z.string().max(MAX_HEARD).optional() }).optional(),
});

const manifest = z.object({
  format: z.literal(FORMAT),
  version: z.literal(VERSION),
  archive: archiveFacts,
  backup: backupFacts.nullable(),
  aside: z.string().optional(),
});

/**
 * What a manifest says of its archive, whether or not that belongs to a backup.
 *
 * @throws Failure `archive_damaged` when the bytes are no manifest, or one of a newer version.
 */
export function decodeArchiveManifest(bytes: Uint8Array): ArchiveFacts {
  return decode(bytes).archive;
}

/**
 * The backup that a manifest describes, always `COMPLETED`. The ids inside are the manifest's word: compare them with
 * the key that it was read from, and set `store` to the store that it was found in.
 *
 * @throws Failure `archive_damaged` when the bytes are no manifest of a backup, or one of a newer version.
 */
export function decodeManifest(bytes: Uint8Array): BackupRecord {
  const { archive, backup: facts } = decode(bytes);
  if (facts === null) throw damaged('it belongs to no backup');
  const { ignoreUtf16, origin: asked, named, startedAt, storedBytes, quiesced, ...backup } = facts;
  const origin = originOf(asked);
  if (backup.key !== `${backup.server}/${backup.id}.tar.gz`) throw damaged('its key does not fit its ids');
  const { allocated: _allocated, ...made } = archive;
  return {
    ...made,
    ...backup,
    name: wireText(backup.name),
    ignore:
      ignoreUtf16 === undefined ? backup.ignore : Buffer.from(ignoreUtf16, 'base64').toString('utf16le').split('\n'),
    id: backup.id as BackupId,
    server: backup.server as ServerId,
    status: 'COMPLETED',
    error: null,
    removing: false,
    ...(origin === undefined ? {} : { origin }),
    ...(named === undefined ? {} : { named }),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(storedBytes === undefined ? {} : { storedBytes }),
    ...(quiesced === undefined ? {} : { quiesced }),
  };
}

/** Bytes that the unpacked content takes on disk; undefined when they equal its size. @throws like `decodeManifest`. */
export function decodeAllocated(bytes: Uint8Array): number | undefined {
  return decode(bytes).archive.allocated;
}

/** @returns `WriteResult.aside` of the archive; undefined when there is nothing beside it. @throws like `decodeManifest`. */
export function decodeAside(bytes: Uint8Array): Uint8Array | undefined {
  const { aside } = decode(bytes);
  return aside === undefined ? undefined : Buffer.from(aside, 'base64');
}

function decode(bytes: Uint8Array): z.infer<typeof manifest> {
  if (bytes.byteLength > MAX_MANIFEST_BYTES) throw damaged(`it has ${bytes.byteLength} bytes`);
  const content = parse(bytes);
  const version = versionOf(content);
  if (version !== undefined && version > VERSION) {
    throw damaged(`it is of version ${version}, this program knows ${VERSION}`, 'Update Roost, then try again.');
  }
  const result = manifest.safeParse(content);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw damaged(issue === undefined ? 'its content is wrong' : `${issue.path.join('.')}: ${issue.message}`);
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes)) as unknown;
  } catch {
    throw damaged('it is no JSON text');
  }
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

function isWarning(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  return (
    'path' in value && 'code' in value && 'message' in value && [value.path, value.code, value.message].every(isText)
  );
}

/** The version of what is a manifest at all. */
function versionOf(content: unknown): number | undefined {
  if (typeof content !== 'object' || content === null || !('format' in content) || !('version' in content))
    return undefined;
  return content.format === FORMAT && typeof content.version === 'number' ? content.version : undefined;
}

function damaged(state: string, hint?: string): Failure {
  return new Failure('archive_damaged', `Cannot read the manifest: ${state}`, hint === undefined ? {} : { hint });
}
