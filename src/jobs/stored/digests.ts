/**
 * Binds what lies in a store to its record: a stranger who can write there could put another archive, with a fitting
 * index, in a backup's place. Each object is read once for its sha256; later openings know the same file by its identity.
 */
import { createHash } from 'node:crypto';
import { Failure } from '../../base/failure.ts';
import { MEBIBYTE } from '../../base/sizes.ts';
import { type ByteSource, readInto, useBytes } from '../../base/source.ts';
import type { BackupRecord } from '../../catalogue/records.ts';
import { objectKey } from '../../storage/key.ts';
import type { Store } from '../../storage/store.ts';

const PIECE = MEBIBYTE;
const MOST_KNOWN = 1000;
/** An archive up to this size is read through before a part of it is sent. */
const CHEAP = 64 * MEBIBYTE;

/** By store, digests by identity. */
const known = new WeakMap<Store, Map<string, string>>();

/** Lower-case hex of the object's sha256. Rejects on abort. */
export async function digestOf(store: Store, source: ByteSource, signal?: AbortSignal): Promise<string> {
  return knownDigest(store, source) ?? remember(store, source, await readDigest(source, signal));
}

/** As `digestOf`, of the bytes as they are read now. @param onBytes sees each piece, in order; it keeps no view of them. */
export async function readDigest(
  source: ByteSource,
  signal?: AbortSignal,
  onBytes?: (offset: number, bytes: Uint8Array) => void,
): Promise<string> {
  const hash = createHash('sha256');
  for (let at = 0; at < source.size; at += PIECE) {
    const length = Math.min(PIECE, source.size - at);
    const take = (bytes: Uint8Array): void => {
      hash.update(bytes);
      onBytes?.(at, bytes);
    };
    await useBytes(source, at, length, take, signal);
  }
  return hash.digest('hex');
}

/** @throws Failure `archive_damaged` when the archive is not the one of the record. */
export async function requireRecordedArchive(
  store: Store,
  record: BackupRecord,
  source: ByteSource,
  signal?: AbortSignal,
): Promise<void> {
  if (record.sha256 !== null && (await digestOf(store, source, signal)) !== record.sha256) throw another(record);
}

/**
 * An archive for a download. Read from its start it proves itself: its last piece is given only when all bytes are those of
 * the record. A part of it is proven before where the archive is small, or was read through already; a part of a large
 * one is given as it is.
 */
export function provenSource(store: Store, record: BackupRecord, source: ByteSource): ByteSource {
  const hash = createHash('sha256');
  let hashed = 0;
  const isKnown = knownDigest(store, source) === record.sha256;
  const take = (offset: number, bytes: Uint8Array): void => {
    if (isKnown || offset !== hashed) return;
    hash.update(bytes);
    hashed += bytes.byteLength;
    if (hashed === source.size && remember(store, source, hash.digest('hex')) !== record.sha256) throw another(record);
  };
  const prepare = async (offset: number, signal?: AbortSignal): Promise<void> => {
    const isPart = offset !== hashed && !isKnown && source.size <= CHEAP;
    if (isPart) await requireRecordedArchive(store, record, source, signal);
  };
  return {
    size: source.size,
    async read(offset, length, signal) {
      await prepare(offset, signal);
      const bytes = await source.read(offset, length, signal);
      take(offset, bytes);
      return bytes;
    },
    async readInto(offset, into, signal) {
      await prepare(offset, signal);
      await readInto(source, offset, into, signal);
      take(offset, into);
    },
    close: () => source.close(),
  };
}

/** The index that was made with the backup; undefined when it is another one. Records without a digest take any. */
export async function ownIndex(
  store: Store,
  { server, id, indexSha256 }: Pick<BackupRecord, 'server' | 'id' | 'indexSha256'>,
  signal?: AbortSignal,
): Promise<ByteSource | undefined> {
  const key = objectKey(server, id, 'index');
  // Asked first: a missing index is no fault (the archive is read through instead), an unreachable store is one.
  if ((await store.stat(key)) === undefined) return undefined;
  const source = await store.open(key);
  try {
    if (indexSha256 === null || (await digestOf(store, source, signal)) === indexSha256) return source;
  } catch (error) {
    await source.close();
    throw error;
  }
  await source.close();
  return undefined;
}

function knownDigest(store: Store, { identity }: ByteSource): string | undefined {
  return identity === undefined ? undefined : known.get(store)?.get(identity);
}

function remember(store: Store, { identity }: ByteSource, digest: string): string {
  if (identity === undefined) return digest;
  const digests = known.get(store) ?? new Map<string, string>();
  known.set(store, digests.set(identity, digest));
  const [oldest] = digests.keys();
  if (digests.size > MOST_KNOWN && oldest !== undefined) digests.delete(oldest);
  return digest;
}

function another({ id }: BackupRecord): Failure {
  return new Failure('archive_damaged', 'Cannot read the archive: it is not the one that was made for this backup', {
    facts: { backup: id },
    hint: 'The store was written to from the outside, or its disk is failing. Verify the backup.',
  });
}
