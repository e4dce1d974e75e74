/** What the disk of a vault means for it: whether space comes back at once, and what reading from many places costs. */
import { readFile, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { freesHoles } from './collection/punch.ts';

export interface VaultDisk {
  /** False where bytes that nothing needs come back by merging alone. */
  readonly freesHoles: boolean;
  /** Undefined where that is not known: no disk of its own, or one of the network. */
  readonly rotates: boolean | undefined;
}

/** Changes nothing. @throws system errors when the directory cannot be looked at. */
export async function inspectVaultDisk(directory: string): Promise<VaultDisk> {
  return { freesHoles: await freesHoles(directory), rotates: await rotates(directory) };
}

/** As Linux says of the block device (Documentation/ABI/stable/sysfs-block); a partition has it from its disk. */
async function rotates(directory: string): Promise<boolean | undefined> {
  const { dev } = await stat(directory, { bigint: true });
  // makedev(3) of glibc: the parts of both numbers lie apart.
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn);
  const minor = (dev & 0xffn) | ((dev >> 12n) & ~0xffn);
  const device = await realpath(`/sys/dev/block/${major}:${minor}`).catch(() => undefined);
  if (device === undefined) return undefined;
  for (const place of [device, join(device, '..')]) {
    const text = await readFile(join(place, 'queue/rotational'), 'latin1').catch(() => '');
    if (text !== '') return text.trim() === '1';
  }
  return undefined;
}
