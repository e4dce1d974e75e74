/**
 * Takes damaged bytes of a vault from whole copies of its backups in further stores.
 *
 * For: the check that found the damage. Promises: bytes count only when they are from a copy that was read through and has
 * the sha256 of the backup, and when each segment of them has the sha256 that it had then: a hostile store may give other
 * bytes the second time. What lies in the vault stays as it is, and the new bytes are stored beside it, for every backup
 * that has them. Never: takes a mark from a backup.
 */
import { crc32 } from 'node:zlib';
import type { StoredSegment } from '../../archive/archive.ts';
import { asFailure, Failure, throwIfAborted } from '../../base/failure.ts';
import type { BackupId, ServerId } from '../../base/ids.ts';
import type { Log } from '../../base/log/log.ts';
import { MEBIBYTE } from '../../base/sizes.ts';
import type { ByteSource } from '../../base/source.ts';
import type { Catalogue } from '../../catalogue/contract.ts';
import type { BackupRecord } from '../../catalogue/records.ts';
import type { ArchiveRanges, HealedPiece, PackRange, Vault, VaultView } from '../../storage/vault-port.ts';
import { readDigest } from '../stored/digests.ts';
import { copiesOf } from '../stored/readable-copy.ts';
import { openArchiveSource } from '../stored/stored-archive.ts';
import type { StoreSet } from '../stored/stores.ts';
import { proveSegments } from './proof.ts';
import { SegmentDigests } from './segment-digests.ts';

/** Damaged segments by backup, newest first. */
export type Damage = ReadonlyMap<BackupId, readonly StoredSegment[]>;

export interface HealDeps {
  readonly catalogue: Pick<Catalogue, 'backups' | 'copies'>;
  readonly stores: StoreSet;
  readonly log: Log;
}

interface Healing extends HealDeps {
  readonly vault: Vault;
  readonly server: ServerId;
  readonly signal: AbortSignal | undefined;
}

const DOING = 'Cannot take damaged bytes from a copy';
/** Bytes held at a time. */
const MOST_AT_ONCE = 16 * MEBIBYTE;

export interface Healed {
  /** What is damaged still, or not known to be whole. */
  readonly left: Damage;
  /** Why the vault could not be looked at again after bytes were taken: the healing ended there. */
  readonly fault?: Failure;
}

/** @throws Failure `cancelled`. */
export async function healFromCopies(damage: Damage, healing: Healing): Promise<Healed> {
  let left = damage;
  for (const id of damage.keys()) {
    const record = healing.catalogue.backups.find(id);
    if (record?.status !== 'COMPLETED') continue;
    for (const copy of copiesOf(record, healing)) {
      const segments = left.get(id);
      if (segments === undefined) break;
      if (!(await tookFrom(copy, record, segments, healing))) continue;
      try {
        left = await stillDamaged(left, healing);
      } catch (error) {
        const fault = asFailure(error, 'Cannot look at bytes again that were taken from a copy');
        if (fault.code === 'cancelled') throw fault;
        return { left, fault };
      }
    }
  }
  return { left };
}

/** False when the copy cannot give them; that is logged. @throws Failure `cancelled`. */
async function tookFrom(
  copy: string,
  record: BackupRecord,
  segments: readonly StoredSegment[],
  healing: Healing,
): Promise<boolean> {
  const { server, log, stores, vault } = healing;
  try {
    const source = await openArchiveSource(stores.get(copy), record);
    try {
      const view = await vault.view(server);
      try {
        const digests = await requireWhole(source, record, segments, healing.signal);
        await take(source, segments, digests, { view, ranges: view.archives.get(record.id) }, healing);
      } finally {
        await view.close();
      }
    } finally {
      await source.close();
    }
    log.info('Took damaged bytes of a vault from a copy', {
      server,
      backup: record.id,
      copy,
      segments: segments.length,
    });
    return true;
  } catch (error) {
    const failure = asFailure(error, DOING);
    if (failure.code === 'cancelled') throw failure;
    log.warn(DOING, { server, backup: record.id, copy, error: failure });
    return false;
  }
}

/** @returns what the segments are in the copy that was read. @throws Failure `archive_damaged` unless that is the backup's. */
async function requireWhole(
  source: ByteSource,
  { id, sha256 }: BackupRecord,
  segments: readonly StoredSegment[],
  signal?: AbortSignal,
): Promise<SegmentDigests> {
  const digests = new SegmentDigests(segments);
  const found = await readDigest(source, signal, (offset, bytes) => digests.add(offset, bytes));
  if (found === sha256) return digests;
  throw new Failure('archive_damaged', `${DOING}: it has the sha256 ${found}, and the backup had ${sha256 ?? 'none'}`, {
    facts: { backup: id, found, expected: sha256 },
  });
}

async function take(
  source: ByteSource,
  segments: readonly StoredSegment[],
  digests: SegmentDigests,
  { view, ranges }: { readonly view: VaultView; readonly ranges: ArchiveRanges | Failure | undefined },
  { vault, server, signal }: Healing,
): Promise<void> {
  if (ranges === undefined || ranges instanceof Failure) throw ranges ?? new Failure('backup_not_found', DOING);
  let pieces: HealedPiece[] = [];
  let held = 0;
  for (const [index, { offset, length, crc }] of segments.entries()) {
    throwIfAborted(signal, DOING);
    if (held > 0 && held + length > MOST_AT_ONCE) {
      await vault.heal(server, pieces);
      [pieces, held] = [[], 0];
    }
    const bytes = Buffer.from(await source.read(offset, length, signal));
    if (crc32(bytes) !== crc) throw new Failure('archive_damaged', `${DOING}: a part of it has another checksum`);
    if (!digests.has(index, bytes)) {
      throw new Failure('archive_damaged', `${DOING}: a part of it is not what it was when all of it was read`);
    }
    let at = 0;
    for (const range of ranges.find(offset, length)) {
      const part = bytes.subarray(at, at + range.length);
      if (!(await hasAlready(view, range, part))) pieces.push({ range, bytes: part });
      at += range.length;
    }
    held += length;
  }
  if (pieces.length > 0) await vault.heal(server, pieces);
}

/** True when the bytes of a range are as they should be: of a damaged segment, most are. */
async function hasAlready(view: VaultView, range: PackRange, bytes: Buffer): Promise<boolean> {
  try {
    return bytes.equals(await view.read(range));
  } catch {
    return false;
  }
}

/** Looks at those segments again that were damaged. @throws Failure `store_unreachable`, `archive_damaged` of a map, `cancelled`. */
async function stillDamaged(damage: Damage, { vault, server, signal }: Healing): Promise<Damage> {
  const view = await vault.view(server);
  try {
    const archives = Array.from(damage, ([id, segments]) => ({ id, segments, ranges: view.archives.get(id) }));
    const provable = archives.flatMap(({ id, segments, ranges }) =>
      ranges === undefined || ranges instanceof Failure ? [] : [{ id, ranges, segments: () => inOrder(segments) }],
    );
    const { damaged } = await proveSegments(view, provable, signal);
    const left = new Map(damage);
    for (const { id } of provable) {
      const broken = damaged.get(id);
      if (broken === undefined) left.delete(id);
      else left.set(id, broken);
    }
    return left;
  } finally {
    await view.close();
  }
}

async function* inOrder(segments: readonly StoredSegment[]): AsyncGenerator<StoredSegment, void, void> {
  yield* segments;
}
