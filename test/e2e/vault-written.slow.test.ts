/** V3: what a backup into a vault writes to the disk, as the kernel counts it of the daemon's process. */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { GAME_SERVER, LAYOUT, scratchHost } from '../support/daemon.ts';
import { type DaemonProcess, startDaemon } from '../support/daemon-process.ts';

const MEBIBYTE = 2 ** 20;
/** So many that what each backup writes into the catalogue and its log, up to 240 KB, is less than a thousandth of them. */
const REGIONS = 48;
const REGION = 8 * MEBIBYTE;
const SECTOR = 4096;
const CHANGED = 1500;

/** Bytes that a backup writes, and the backup. */
async function writtenBy(daemon: DaemonProcess): Promise<{ readonly written: number; readonly size: number }> {
  // proc(5): bytes that it caused to be sent to the disk, or that wait in memory for that.
  const io = (): number =>
    Number(/^write_bytes: (\d+)$/m.exec(fs.readFileSync(`/proc/${daemon.pid}/io`, 'latin1'))?.[1]);
  const before = io();
  const { status, body } = await daemon.call(`/api/servers/${GAME_SERVER}/backups`, { body: {} });
  expect(status).toBe(201);
  return { written: io() - before, size: (body as { readonly size: number }).size };
}

test('V3: a night writes a fifth more than changed at most, and one that changed nothing a thousandth of the archive', async (context) => {
  const host = await scratchHost();
  const config = host.config.replace(LAYOUT, '').replace('type: local,', 'type: local, layout: vault,');
  const region = (at: number): string => join(host.server, 'world', `r.${at}.0.mca`);
  for (let at = 0; at < REGIONS; at++) fs.writeFileSync(region(at), randomBytes(REGION));
  const daemon = await startDaemon({ ...host, config }, { built: true });
  const first = await writtenBy(daemon);
  if (first.written < first.size) context.skip('skipped: this file system’s writes are not counted');
  for (let change = 0; change < CHANGED; change++) {
    const file = fs.openSync(region(change % REGIONS), 'r+');
    const sector = (change * 7919) % (REGION / SECTOR);
    fs.writeSync(file, randomBytes(SECTOR), 0, SECTOR, sector * SECTOR);
    fs.closeSync(file);
  }
  const night = await writtenBy(daemon);
  expect(night.written).toBeGreaterThan(CHANGED * SECTOR * 0.9);
  expect(night.written).toBeLessThanOrEqual(1.2 * CHANGED * SECTOR + 2 * MEBIBYTE);
  // The files are at rest for the second look only, whose index says so.
  await writtenBy(daemon);
  const idle = await writtenBy(daemon);
  expect(idle.written).toBeLessThanOrEqual(idle.size / 1000);
});
