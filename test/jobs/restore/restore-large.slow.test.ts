import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { GAME_SERVER, scratchHost } from '../../support/daemon.ts';
import { type DaemonProcess, startDaemon } from '../../support/daemon-process.ts';

const BACKUPS = `/api/servers/${GAME_SERVER}/backups`;
const GIB = 1024 ** 3;

async function backUp({ call }: DaemonProcess): Promise<{ readonly id: string; readonly size: number }> {
  const { status, body } = await call(BACKUPS, { body: { name: 'large' } });
  expect(status).toBe(201);
  return body;
}

/** Bytes that all threads of a process have read, from wherever. */
function bytesRead({ pid }: DaemonProcess): number {
  return Number(/^rchar: (\d+)$/m.exec(fs.readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1]);
}

it('one file comes back out of an archive of a gibibyte by reading its own segments', async ({ annotate }) => {
  const host = await scratchHost();
  // What repeats further apart than deflate looks back is as incompressible as if it did not.
  const region = randomBytes(GIB / 16);
  for (let part = 0; part < 16; part++) fs.writeFileSync(join(host.server, 'world', `r.${part}.mca`), region);
  const daemon = await startDaemon(host);
  const { id, size } = await backUp(daemon);
  expect(size).toBeGreaterThan(GIB);
  fs.writeFileSync(join(host.server, 'eula.txt'), 'eula=false\n');
  const before = bytesRead(daemon);
  const { status } = await daemon.call(`${BACKUPS}/restore?id=${id}`, { body: { paths: ['eula.txt'] } });
  const read = bytesRead(daemon) - before;
  expect(status).toBe(200);
  expect(fs.readFileSync(join(host.server, 'eula.txt'), 'utf8')).toBe('eula=true\n');
  await annotate(`${read} bytes were read of an archive of ${size}`);
  expect(read).toBeLessThan(16 << 20);
  await daemon.kill();
});

it('a file of two gibibytes of zeros is restored, and takes no room', async () => {
  const host = await scratchHost();
  const path = join(host.server, 'world', 'empty.bin');
  fs.writeFileSync(path, '');
  fs.truncateSync(path, 2 * GIB);
  const daemon = await startDaemon(host);
  const { id } = await backUp(daemon);
  fs.writeFileSync(path, 'overwritten');
  const { status, body } = await daemon.call(`${BACKUPS}/restore?id=${id}`, { body: { truncate: true } });
  expect([status, body]).toMatchObject([200, { success: true }]);
  // Blocks that were never written read as zeros.
  expect(fs.statSync(path)).toMatchObject({ size: 2 * GIB });
  expect(fs.statSync(path).blocks).toBeLessThan(2048);
  await daemon.kill();
});
