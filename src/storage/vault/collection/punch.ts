/**
 * Gives the blocks of a range of a file back to the file system (fallocate(2), FALLOC_FL_PUNCH_HOLE).
 *
 * Which file systems really do is known by name, not by trying: btrfs says yes and frees nothing until a whole extent is
 * dead, ZFS has records of 128 KiB, and a network file system does as it likes.
 */
import { statfs } from 'node:fs/promises';
import { findCFunction } from '../../../base/c-library.ts';

const FALLOC_FL_KEEP_SIZE = 1;
const FALLOC_FL_PUNCH_HOLE = 2;
/** linux/magic.h: ext2 to ext4, XFS, tmpfs. */
const PUNCHES = new Set([0xef53, 0x58465342, 0x01021994]);

type Fallocate = ReturnType<typeof findCFunction>;
let fallocate: Fallocate | null;

/** True when punched holes free their blocks at once in that directory. */
export async function freesHoles(directory: string): Promise<boolean> {
  return PUNCHES.has((await statfs(directory)).type) && systemCall() !== null;
}

/** In another thread: the disk may be busy. False when the system refused; the bytes then stay as they were. */
export async function punchHole(descriptor: number, offset: number, length: number): Promise<boolean> {
  const call = systemCall();
  if (call === null) return false;
  const mode = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE;
  return new Promise((resolve) => {
    call.async(descriptor, mode, offset, length, (error: unknown, result: number) => {
      resolve(error === null && result === 0);
    });
  });
}

function systemCall(): NonNullable<Fallocate> | null {
  return (fallocate ??= findCFunction('int fallocate(int fd, int mode, int64_t offset, int64_t length)') ?? null);
}
