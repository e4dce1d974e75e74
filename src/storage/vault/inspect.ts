/** What the disk of a vault means for it: whether space comes back at once, and what reading from many places costs. */
import { readFile, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { freesHoles } from './collection/punch.ts';

export interface VaultDisk {
  /** False where bytes that nothing needs come back by merging alone. */
  readonly freesHoles: boolean;
  /** Undefined where that is not known: no disk of its own, one of the network, or a virtual one. */
  readonly rotates: boolean | undefined;
}

/** Where the kernel shows a virtual disk of virtio, Xen or Hyper-V. */
const VIRTUAL_PLACE = /\/(?:virtio\d+|vbd-\d+|vmbus[^/]*)\//i;
/** Virtual disks that look like real ones. */
const VIRTUAL_MODEL = /qemu|vmware|vbox|virtual/i;

/**
 * Changes nothing.
 *
 * @param sys where sysfs is mounted.
 * @throws system errors when the directory cannot be looked at.
 */
export async function inspectVaultDisk(directory: string, sys = '/sys'): Promise<VaultDisk> {
  return { freesHoles: await freesHoles(directory), rotates: await rotates(directory, sys) };
}

/** As Linux says of the block device (Documentation/ABI/stable/sysfs-block); a partition has it from its disk. */
async function rotates(directory: string, sys: string): Promise<boolean | undefined> {
  const { dev } = await stat(directory, { bigint: true });
  // makedev(3) of glibc: the parts of both numbers lie apart.
  const major = ((dev >> 8n) & 0xfffn) | ((dev >> 32n) & ~0xfffn);
  const minor = (dev & 0xffn) | ((dev >> 12n) & ~0xffn);
  const device = await realpath(`${sys}/dev/block/${major}:${minor}`).catch(() => undefined);
  if (device === undefined) return undefined;
  for (const disk of [device, join(device, '..')]) {
    const text = await textOf(disk, 'queue/rotational');
    if (text === '') continue;
    if (text.trim() !== '1') return false;
    // Most virtual disks say that they rotate, whatever they lie on.
    const model = (await textOf(disk, 'device/vendor')) + (await textOf(disk, 'device/model'));
    return VIRTUAL_PLACE.test(disk) || VIRTUAL_MODEL.test(model) ? undefined : true;
  }
  return undefined;
}

function textOf(disk: string, name: string): Promise<string> {
  return readFile(join(disk, name), 'latin1').catch(() => '');
}
