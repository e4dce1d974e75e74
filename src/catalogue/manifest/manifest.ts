/**
 * The manifest beside an archive: all that the catalogue knows of a completed backup, so that it can be made again from
 * the disk alone; and for an archive made on the command line, the facts that a later verification compares with.
 *
 * `{"format":"roost-manifest","version":1,"archive":{…},"backup":{…} or null,"aside"?:"…"}` as UTF-8 JSON. Unknown fields
 * are passed over, so that a later version may add some; a field that changes its meaning takes a new version number.
 * `aside` is base64 of the directories and links that an archive of files alone does not hold.
 */
import { MEBIBYTE } from '../../base/sizes.ts';
import { Failure } from '../../base/failure.ts';
import { wireText } from '../../base/files/paths.ts';
import type { BackupRecord } from '../records.ts';

/** A manifest lies where others may have written: more than this is never read or parsed. */
export const MAX_MANIFEST_BYTES = 16 * MEBIBYTE;

export const FORMAT = 'roost-manifest';
export const VERSION = 1;

/** What a manifest says of its archive; `sha256` in lower-case hex, `createdAt` when the archive was made. */
export type ArchiveFacts = Readonly<
  Pick<
    BackupRecord,
    'size' | 'rawSize' | 'entries' | 'files' | 'reusedBytes' | 'warnings' | 'warningCount' | 'createdAt'
  >
> & {
  readonly sha256: string;
  /** Bytes that its content takes on disk; absent when no file has holes. */
  readonly allocated?: number;
};

type BackupFacts = Readonly<
  Pick<
    BackupRecord,
    'id' | 'server' | 'name' | 'locked' | 'ignore' | 'store' | 'key' | 'damagedAt' | 'verifiedAt' | 'updatedAt'
  > &
    Partial<
      Pick<
        BackupRecord,
        | 'sequence'
        | 'suspect'
        | 'acceptedAt'
        | 'indexSha256'
        | 'origin'
        | 'named'
        | 'startedAt'
        | 'storedBytes'
        | 'quiesced'
      >
    >
> & { readonly completedAt: number; readonly ignoreUtf16?: string };

/**
 * @param record a completed backup, as the catalogue has it or is about to have it.
 * @param aside `WriteResult.aside` of its archive.
 * @param allocated `WriteResult.allocated` of its archive.
 * @throws Failure `internal` when the record is not completed, `too_large` beyond `MAX_MANIFEST_BYTES`.
 */
export function encodeManifest(record: BackupRecord, aside?: Uint8Array, allocated?: number): Uint8Array {
  const { status, sha256, completedAt } = record;
  if (status !== 'COMPLETED' || sha256 === null || completedAt === null) {
    throw new Failure('internal', `Cannot write a manifest: the backup is ${status}`, { facts: { backup: record.id } });
  }
  const { id, server, name, locked, ignore, store, key, damagedAt, verifiedAt, updatedAt } = record;
  const common = {
    id,
    server,
    name: wireText(name),
    locked,
    store,
    key,
    damagedAt,
    verifiedAt,
    updatedAt,
    completedAt,
  };
  const backup = { ...common, ...ignoreFacts(ignore) };
  return encode({ ...record, sha256, allocated }, { ...backup, ...laterFacts(record) }, aside);
}

/**
 * An ignore list as text. When a line is not valid text (ignore-text.ts), the list is also stored as base64 of UTF-16LE,
 * so that a rebuild gets the exact bytes back.
 */
function ignoreFacts(ignore: readonly string[]) {
  if (ignore.every((line) => line.isWellFormed())) return { ignore };
  return { ignore: ignore.map(wireText), ignoreUtf16: Buffer.from(ignore.join('\n'), 'utf16le').toString('base64') };
}

/** Fields that older versions did not write; they are left out where they say nothing. */
function laterFacts({
  sequence,
  suspect,
  acceptedAt,
  indexSha256,
  origin,
  named,
  startedAt,
  storedBytes,
  quiesced,
}: BackupRecord) {
  return {
    ...(sequence === 0 ? {} : { sequence }),
    ...(suspect === null ? {} : { suspect }),
    ...(acceptedAt === null ? {} : { acceptedAt }),
    ...(indexSha256 === null ? {} : { indexSha256 }),
    ...(origin === undefined ? {} : { origin }),
    ...(named === undefined ? {} : { named }),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(storedBytes === undefined ? {} : { storedBytes }),
    ...(quiesced === undefined ? {} : { quiesced }),
  };
}

/** The manifest of an archive that belongs to no backup. @throws Failure `too_large` */
export function encodeArchiveManifest(facts: ArchiveFacts): Uint8Array {
  return encode(facts, null);
}

function encode(facts: ArchiveFacts, backup: BackupFacts | null, aside?: Uint8Array): Uint8Array {
  const { size, rawSize, sha256, entries, files, reusedBytes, warnings, warningCount, createdAt, allocated } = facts;
  const shown = warnings.map(({ path, code, message }) => ({ path: wireText(path), code, message: wireText(message) }));
  const archive = {
    size,
    rawSize,
    sha256,
    entries,
    files,
    reusedBytes,
    warnings: shown,
    warningCount,
    createdAt,
    allocated,
  };
  const beside = aside === undefined ? {} : { aside: Buffer.from(aside).toString('base64') };
  const content = { format: FORMAT, version: VERSION, archive, backup, ...beside };
  const bytes = Buffer.from(`${JSON.stringify(content)}\n`, 'utf8');
  if (bytes.byteLength <= MAX_MANIFEST_BYTES) return bytes;
  throw new Failure('too_large', `Cannot write the manifest: it has ${bytes.byteLength} bytes`, {
    facts: { bytes: bytes.byteLength, limit: MAX_MANIFEST_BYTES },
    hint: 'Shorten the ignore list.',
  });
}
