/**
 * The daemon, killed with SIGKILL while an archive is on its way to the panel's storage or back: what the panel has is
 * what was made, nothing is left behind, and a server is as it was or as it was to be.
 */
import { createHash } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { GAME_SERVER, scratchHost } from '../support/daemon.ts';
import { type DaemonProcess, startDaemon } from '../support/daemon-process.ts';
import { eventually } from '../support/eventually.ts';
import { openLinkHost } from '../support/link-host.ts';
import { openPanel, type PanelBackup } from '../support/panel/panel.ts';
import { keyOf } from '../support/panel/call.ts';
import { memoryUploads } from '../support/panel/uploads.ts';
import { randomBytes } from '../support/random-bytes.ts';

const MEBIBYTE = 1024 ** 2;
const REGION = randomBytes(4 * MEBIBYTE, 9);

async function scene() {
  const uploads = await memoryUploads();
  const panel = await openPanel({ flavour: 'pterodactyl', uploads, partSize: MEBIBYTE, commitAfter: 100 });
  const server = panel.addServer(GAME_SERVER);
  const { tokenId, token } = panel.node;
  const host = await scratchHost(
    `panel: { flavour: pterodactyl, url: "${panel.url}", token_id: "${tokenId}", token: "${token}", restore_host_allowlist: [127.0.0.1] }`,
  );
  await writeFile(join(host.server, 'r.0.0.mca'), REGION);
  const start = async (): Promise<DaemonProcess> => {
    const daemon = await startDaemon(host);
    panel.daemon.url = daemon.url;
    return daemon;
  };
  /** Of the object that the panel has, which has to be the one that it was told of; nothing else is anywhere. */
  const requireThere = async (row: PanelBackup, daemon: DaemonProcess): Promise<void> => {
    await eventually(() => panel.rows.backups.get(row.uuid)?.completedAt);
    const object = uploads.objects.get(keyOf(row)) ?? Buffer.alloc(0);
    const sha256 = createHash('sha256').update(object).digest('hex');
    expect(panel.rows.backups.get(row.uuid)).toMatchObject({ successful: true, checksum: `sha256:${sha256}` });
    expect(panel.effective(new RegExp(`/backups/${row.uuid}$`))).toBe(1);
    await eventually(async () => {
      const { body } = await daemon.call(`/api/servers/${GAME_SERVER}/backups`);
      return JSON.stringify(body) === '[]';
    });
    expect(readdirSync(host.backups, { recursive: true }).filter((name) => String(name).includes(row.uuid))).toEqual(
      [],
    );
  };
  return { uploads, panel, server, host, start, requireThere };
}

test('killed in the middle of an upload: the next start uploads it anew', async () => {
  const { uploads, panel, server, start, requireThere } = await scene();
  const stuck = Promise.withResolvers<void>();
  uploads.fault = ({ partNumber, attempt }) => {
    if (partNumber !== 3) return undefined;
    if (attempt === 3) stuck.resolve();
    return 'half';
  };
  const first = await start();
  const row = await panel.daemon.create(server, { disk: 's3' });
  await stuck.promise;
  await first.kill();
  uploads.fault = () => undefined;
  const second = await start();
  await requireThere(row, second);
  await second.kill();
});

test('killed between the upload and the report: the next start reports the parts of before', async () => {
  const { uploads, panel, server, start, requireThere } = await scene();
  uploads.fault = () => {
    // URLs were given by now; the report will find the panel away.
    void panel.setOutage('hang');
    return undefined;
  };
  const first = await start();
  const row = await panel.daemon.create(server, { disk: 's3' });
  await panel.untilCalls(1, 'POST', /\/backups\/[^/]+$/);
  const sent = uploads.requests.length;
  await first.kill();
  await panel.setOutage(undefined);
  const second = await start();
  await requireThere(row, second);
  expect(uploads.requests).toHaveLength(sent);
  await second.kill();
});

test('killed while it fetches: the server is as it was, the spool is empty, and the panel may ask again', async () => {
  const { uploads, panel, server, host, start, requireThere } = await scene();
  const first = await start();
  const row = await panel.daemon.create(server, { disk: 's3' });
  await requireThere(row, first);
  await writeFile(join(host.server, 'since.txt'), 'made since');
  const object = uploads.objects.get(keyOf(row)) ?? Buffer.alloc(0);
  const slow = await openLinkHost((_, response) => {
    response.writeHead(200, { 'Content-Length': object.byteLength }).write(object.subarray(0, 2 * MEBIBYTE));
  });
  const good = uploads.downloadUrl.bind(uploads);
  uploads.downloadUrl = () => `http://127.0.0.1:${slow.port}/x?X-Amz-Signature=0123`;
  await panel.daemon.restore(row, { truncate: true });
  const spool = join(host.directory, 'state', 'spool');
  await eventually(() => slow.seen.length > 0 && readdirSync(spool).length > 0);
  await first.kill();
  expect(readdirSync(spool)).toHaveLength(1);

  const second = await start();
  expect(readdirSync(spool)).toEqual([]);
  const [report] = await panel.untilCalls(1, 'POST', /\/restore$/);
  expect(report?.body).toMatchObject({ successful: false });
  expect(await readFile(join(host.server, 'since.txt'), 'utf8')).toBe('made since');
  await eventually(() => server.status === null);
  uploads.downloadUrl = good;
  await panel.daemon.restore(row, { truncate: true });
  // Reports of one backup go out in order: this one waits until the first need not be told again.
  const [, again] = await panel.untilCalls(2, 'POST', /\/restore$/);
  expect(again?.body).toMatchObject({ successful: true });
  expect((await readFile(join(host.server, 'r.0.0.mca'))).equals(REGION)).toBe(true);
  expect(readdirSync(host.server)).not.toContain('since.txt');
  await second.kill();
});
