/**
 * What an operator allows: how many backups a server keeps, how large one may be, how much of a disk stays free.
 * Pure rules over numbers handed in; whoever asks has measured them. Sizes are bytes, 0 means no limit.
 */
import { Failure } from '../base/failure.ts';
import { formatBytes, MEBIBYTE } from '../base/sizes.ts';

/**
 * Share of a tree's bytes that its archive needs when nothing is known about the server. Region files and jars hardly
 * shrink, logs and configs to a tenth; a guess that is too low costs a started backup that the free-space guard stops,
 * one that is too high refuses a backup that would have fitted.
 */
const FIRST_GUESS = 0.7;
/** Room for a server that has become less compressible since its last backup. */
const DRIFT = 1.1;
/** The index, the manifest and the tar headers of very many empty files. */
const OVERHEAD = MEBIBYTE;

/** What one server may take up; bytes, 0 means no limit. */
export interface BackupLimits {
  /** Backups that are kept, failed ones aside. */
  readonly perServer: number;
  /** Bytes of one archive. */
  readonly maxSize: number;
  /** Bytes of all its archives together. */
  readonly serverBytes: number;
}

/** What all of them allow: of each number the smallest that is a limit. */
export function tightest(...limits: readonly BackupLimits[]): BackupLimits {
  const least = (numbers: readonly number[]): number => {
    const set = numbers.filter((number) => number > 0);
    return set.length === 0 ? 0 : Math.min(...set);
  };
  return {
    perServer: least(limits.map(({ perServer }) => perServer)),
    maxSize: least(limits.map(({ maxSize }) => maxSize)),
    serverBytes: least(limits.map(({ serverBytes }) => serverBytes)),
  };
}

/**
 * Bytes that the next archive of a server may have, 0 for no limit.
 *
 * @param used bytes of the archives that it has.
 * @throws Failure `too_large` when its archives fill what it may have already.
 */
export function mostBytes({ maxSize, serverBytes }: BackupLimits, used: number): number {
  if (serverBytes === 0) return maxSize;
  const left = serverBytes - used;
  if (left > 0) return maxSize === 0 ? left : Math.min(maxSize, left);
  throw new Failure(
    'too_large',
    `Cannot create a backup: the server's archives have ${formatBytes(used)} of ${formatBytes(serverBytes)} allowed`,
    { facts: { used, limit: serverBytes }, hint: 'Delete a backup first, or raise limits.server_bytes.' },
  );
}

/** What a server's newest good backup tells about its compressibility. */
export interface PastBackup {
  readonly size: number;
  readonly rawSize: number;
}

/**
 * @param kept backups of the server that count: all but failed ones.
 * @throws Failure `too_many_backups` when one more would exceed the limit.
 */
export function checkBackupCount(kept: number, limit: number): void {
  if (limit === 0 || kept < limit) return;
  throw new Failure('too_many_backups', `Cannot create a backup: the server has ${kept} of ${limit} allowed backups`, {
    facts: { kept, limit },
    hint: 'Delete a backup first, or raise limits.per_server.',
  });
}

/**
 * Bytes that a store may still take.
 *
 * @param free null when the store cannot tell (object storage): then it is without end.
 */
export function spaceLeft(free: number | null, reserve: number): number {
  return free === null ? Number.POSITIVE_INFINITY : free - reserve;
}

/** @throws Failure `insufficient_storage` when nothing is left above the reserve. */
export function checkReserve(free: number | null, reserve: number): void {
  if (spaceLeft(free, reserve) > 0) return;
  throw outOfSpace('Cannot store the archive', free ?? 0, reserve, 1);
}

/**
 * Bytes that the archive of a tree is expected to need.
 *
 * @param raw bytes of the tree's files.
 * @param compressed false when the archive is stored uncompressed.
 */
export function expectedSize(raw: number, past: PastBackup | undefined, compressed: boolean): number {
  if (!compressed) return raw + OVERHEAD;
  const ratio = past === undefined || past.rawSize === 0 ? FIRST_GUESS : (past.size / past.rawSize) * DRIFT;
  return Math.ceil(raw * Math.min(ratio, 1)) + OVERHEAD;
}

/**
 * True when a tree surely fits, so that nobody needs to walk it: it would have to grow to twice its size since the
 * last backup, and not compress at all.
 */
export function surelyFits(free: number | null, reserve: number, past: PastBackup | undefined): boolean {
  const left = spaceLeft(free, reserve);
  return left === Number.POSITIVE_INFINITY || (past !== undefined && past.rawSize * 2 + 2 ** 30 < left);
}

/** @throws Failure `insufficient_storage` when what is expected does not fit above the reserve. */
export function checkRoom(needed: number, free: number | null, reserve: number): void {
  if (needed <= spaceLeft(free, reserve)) return;
  throw outOfSpace('Cannot store the archive', free ?? 0, reserve, needed);
}

/** An archive, its index and manifest, each with a temporary name, and the server's directory; others write too. */
const INODES = 16;

/**
 * @param free null where the store does not count them.
 * @throws Failure `insufficient_storage` when a backup's few files could not be made, however many bytes are free.
 */
export function checkInodes(free: number | null): void {
  if (free === null || free >= INODES) return;
  throw new Failure('insufficient_storage', `Cannot store the archive: ${free} inodes free, ${INODES} needed`, {
    facts: { freeInodes: free, neededInodes: INODES },
    hint: "The store's disk holds too many files: remove some, then try again.",
    retry: true,
  });
}

/** The refusal in the words that every check of free space uses. */
export function outOfSpace(doing: string, free: number, reserve: number, needed: number): Failure {
  const kept = reserve > 0 ? ` of which ${formatBytes(reserve)} are to stay free,` : '';
  return new Failure(
    'insufficient_storage',
    `${doing}: ${formatBytes(free)} free,${kept} ${formatBytes(needed)} needed`,
    {
      facts: { freeBytes: free, reserveBytes: reserve, neededBytes: needed },
      hint: 'Delete old backups or free space on that disk; limits.reserve_free says how much stays free.',
      retry: true,
    },
  );
}
