/** What is told of a vault's disk, from a made-up sysfs. */
import fs from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { inspectVaultDisk } from '../../../src/storage/vault/inspect.ts';
import { scratchDirectory } from '../../support/scratch.ts';

/** @param block where the disk or partition is, which the directory lies on. @param files what is there besides, by path. */
async function rotates(block: string, files: Readonly<Record<string, string>>): Promise<boolean | undefined> {
  const directory = await scratchDirectory();
  const sys = join(directory, 'sys');
  for (const [path, text] of Object.entries(files)) {
    fs.mkdirSync(join(sys, dirname(path)), { recursive: true });
    fs.writeFileSync(join(sys, path), `${text}\n`);
  }
  fs.mkdirSync(join(sys, block), { recursive: true });
  fs.mkdirSync(join(sys, 'dev/block'), { recursive: true });
  fs.symlinkSync(join('../..', block), join(sys, 'dev/block', numbersOf(directory)));
  return (await inspectVaultDisk(directory, sys)).rotates;
}

/** Major and minor number of the file system (makedev(3): the low bits of the minor come first). */
function numbersOf(directory: string): string {
  const { dev } = fs.statSync(directory, { bigint: true });
  const major = (dev >> 8n) % 4096n;
  const minor = (dev % 256n) + ((dev >> 20n) << 8n);
  return `${major}:${minor}`;
}

const SDA = 'devices/pci0000:00/0000:00:17.0/ata1/host0/target0:0:0/0:0:0:0/block/sda';

test('a disk says whether it rotates, also of a partition', async () => {
  const model = { [`${SDA}/device/vendor`]: 'ATA', [`${SDA}/device/model`]: 'ST4000DM004-2CV1' };
  expect(await rotates(SDA, { ...model, [`${SDA}/queue/rotational`]: '1' })).toBe(true);
  expect(await rotates(`${SDA}/sda1`, { ...model, [`${SDA}/queue/rotational`]: '1' })).toBe(true);
  expect(await rotates(SDA, { ...model, [`${SDA}/queue/rotational`]: '0' })).toBe(false);
});

test('a virtual disk is not known to rotate, although most say so', async () => {
  const places = [
    'devices/pci0000:00/0000:00:02.0/virtio1/block/vda',
    'devices/vbd-51712/block/xvda',
    'devices/LNXSYSTM:00/VMBUS:00/f8b3781a/host0/target0:0:0/0:0:0:0/block/sda',
  ];
  for (const disk of places) expect(await rotates(disk, { [`${disk}/queue/rotational`]: '1' })).toBeUndefined();
  for (const model of ['QEMU HARDDISK', 'VBOX HARDDISK', 'Virtual disk']) {
    const files = { [`${SDA}/queue/rotational`]: '1', [`${SDA}/device/model`]: model };
    expect(await rotates(SDA, files)).toBeUndefined();
  }
});

test('nothing is known of a directory without a disk of its own', async () => {
  expect(await rotates('devices/virtual/bdi/0:42', {})).toBeUndefined();
});
