/** The disk of the state directory is full: room can be made through the daemon, also by one that was started so. */
import fs from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { GAME_SERVER, runDaemonOn, scratchHost } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';
import { mountTmpfs } from '../support/mounted.ts';

const BACKUPS = `/api/servers/${GAME_SERVER}/backups`;

/** Fills a disk to its last byte, and what is there later of room with a second call. */
function fill(directory: string): void {
  const file = fs.openSync(join(directory, 'fill'), 'a');
  try {
    for (;;) fs.writeSync(file, Buffer.alloc(4096, 'x'));
  } catch (error) {
    expect(error).toMatchObject({ code: 'ENOSPC' });
  } finally {
    fs.closeSync(file);
  }
}

test('deletions are begun, and nothing else until there is room', async (context) => {
  const host = await scratchHost();
  const disk = join(host.directory, 'state');
  await mkdir(disk);
  mountTmpfs(context, disk, 'size=16m');
  const first = await runDaemonOn(host);
  const ids: string[] = [];
  for (let made = 0; made < 3; made++) {
    const { body } = await first.call(BACKUPS, { body: {} });
    ids.push((body as { id: string }).id);
  }
  const remove = (id = ''): Promise<number> =>
    first.call(`${BACKUPS}/delete?id=${id}`, { method: 'DELETE' }).then(({ status }) => status);
  expect((await first.call('/api/system')).body).toMatchObject({ stateDisk: { full: false } });
  fill(disk);
  expect(await remove(ids[0])).toBe(200);
  expect(await first.call(BACKUPS, { body: {} })).toMatchObject({
    status: 507,
    body: { code: 'insufficient_storage' },
  });
  const verify = await first.call(`${BACKUPS}/${ids[1] ?? ''}/verify`, { method: 'POST' });
  expect(verify).toMatchObject({ status: 507, body: { code: 'insufficient_storage' } });
  expect((await first.call('/api/system')).body).toMatchObject({ stateDisk: { full: true } });
  const { findings } = (await first.call('/api/doctor')).body as { findings: readonly { check: string }[] };
  expect(findings).toContainEqual(expect.objectContaining({ check: 'state', level: 'fault' }));
  fs.rmSync(join(disk, 'fill'));
  await eventually(async () => (await first.call(BACKUPS, { body: {} })).status === 201 || undefined);
  await first.daemon.stop();

  fill(disk);
  const second = await runDaemonOn(host);
  const list = (await second.call(BACKUPS)).body as readonly { id: string; status: string }[];
  expect(list.map(({ status }) => status)).toEqual(['COMPLETED', 'COMPLETED', 'COMPLETED']);
  expect((await second.call('/api/system')).body).toMatchObject({ stateDisk: { full: true } });
  expect((await second.call(BACKUPS, { body: {} })).status).toBe(507);
  const removed = await second.call(`${BACKUPS}/delete?id=${ids[1] ?? ''}`, { method: 'DELETE' });
  expect(removed.status).toBe(200);
  fs.rmSync(join(disk, 'fill'));
  await eventually(async () => (await second.call(BACKUPS, { body: {} })).status === 201 || undefined);
});
