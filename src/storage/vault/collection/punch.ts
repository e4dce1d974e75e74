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

type Fallocate = (descriptor: number, mode: number, offset: number, length: number) => number;
let fallocate: Fallocate | null | undefined;

/** True when punched holes free their blocks at once in that directory. */
export async function freesHoles(directory: string): Promise<boolean> {
  return PUNCHES.has((await statfs(directory)).type) && systemCall() !== null;
}

/** Waits for the disk: not for the main thread. False when the system refused; the bytes then stay as they were. */
export function punchHole(descriptor: number, offset: number, length: number): boolean {
  return systemCall()?.(descriptor, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, offset, length) === 0;
}

function systemCall(): Fallocate | null {
  const declaration = 'int fallocate(int fd, int mode, int64_t offset, int64_t length)';
  return (fallocate ??= (findCFunction(declaration) as Fallocate | undefined) ?? null);
}
