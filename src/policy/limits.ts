/**
 * Limits of the operator: backups per server, their size, and the free space of a disk. Pure functions of measured
 * numbers. Sizes are bytes; 0 means no limit.
 */
import { Failure } from '../base/failure.ts';
import { formatBytes, MEBIBYTE } from '../base/sizes.ts';

/**
 * Compression ratio assumed for a server without backups. Region files and jars hardly shrink, logs to a tenth. If it is
 * too low, the space guard stops a started backup; if too high, a backup that would fit is refused.
 */
const FIRST_GUESS = 0.7;
/** Allowance for a server that compresses worse than at its last backup. */
const DRIFT = 1.1;
/** Index, manifest and tar headers of many empty files. */
const OVERHEAD = MEBIBYTE;

/** Limits of one server. */
export interface BackupLimits {
  /** Number of kept backups, without failed ones. */
  readonly perServer: number;
  /** Bytes of one archive. */
  readonly maxSize: number;
  /** Bytes of all its archives. */
  readonly serverBytes: number;
}

/** The smallest limit of each kind; 0 is no limit. */
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
 * Limit in bytes for the next archive of a server, 0 for none.
 *
 * @param used bytes of its archives.
 * @throws Failure `too_large` when they use up the limit.
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

/** The failure of an archive that adds more to its store than `server_bytes` leaves. @param left bytes. */
export function passesServerBytes(left: number): Failure {
  return new Failure(
    'too_large',
    `Cannot finish the archive: it adds more than the ${formatBytes(left)} that are left`,
    {
      facts: { left },
      hint: 'Delete a backup first, or raise limits.server_bytes.',
    },
  );
}

/**
 * Expected bytes that the next archive adds to a store whose archives share bytes: twice the most of the last ones.
 *
 * @param added bytes that the last ones added, the first of a server left out; undefined when there are none.
 */
export function expectedAddition(added: readonly number[]): number | undefined {
  return added.length === 0 ? undefined : 2 * Math.max(...added) + OVERHEAD;
}

/** Sizes of the newest good backup, in bytes. */
export interface PastBackup {
  readonly size: number;
  readonly rawSize: number;
}

/**
 * @param kept backups of the server, without failed ones.
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
 * @param free null when the store cannot tell (object storage), which counts as unlimited.
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
 * Expected bytes of the archive of a tree.
 *
 * @param raw bytes of the files.
 * @param compressed false when the archive is stored uncompressed.
 */
export function expectedSize(raw: number, past: PastBackup | undefined, compressed: boolean): number {
  if (!compressed) return raw + OVERHEAD;
  const ratio = past === undefined || past.rawSize === 0 ? FIRST_GUESS : (past.size / past.rawSize) * DRIFT;
  return Math.ceil(raw * Math.min(ratio, 1)) + OVERHEAD;
}

/** True when a tree fits without measuring it: even if it doubled since the last backup and did not compress. */
export function surelyFits(free: number | null, reserve: number, past: PastBackup | undefined): boolean {
  const left = spaceLeft(free, reserve);
  return left === Number.POSITIVE_INFINITY || surelyEnough(past) < left;
}

/** Bytes that a backup surely fits into; infinite where nothing is known of the server. */
export function surelyEnough(past: PastBackup | undefined): number {
  return past === undefined ? Number.POSITIVE_INFINITY : past.rawSize * 2 + 2 ** 30;
}

/** @throws Failure `insufficient_storage` when the expected bytes do not fit above the reserve. */
export function checkRoom(needed: number, free: number | null, reserve: number): void {
  if (needed <= spaceLeft(free, reserve)) return;
  throw outOfSpace('Cannot store the archive', free ?? 0, reserve, needed);
}

/** Inodes for three objects with temporary names, with a margin for other writers. */
const INODES = 16;

/**
 * @param free null where the store does not count inodes.
 * @throws Failure `insufficient_storage` when too few are free for the files of a backup.
 */
export function checkInodes(free: number | null): void {
  if (free === null || free >= INODES) return;
  throw new Failure('insufficient_storage', `Cannot store the archive: ${free} inodes free, ${INODES} needed`, {
    facts: { freeInodes: free, neededInodes: INODES },
    hint: "The store's disk holds too many files: remove some, then try again.",
    retry: true,
  });
}

/** The failure of every check of free space. */
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
