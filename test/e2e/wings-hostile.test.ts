/** Whole daemons whose panel, or whoever speaks in its name, means harm or is broken: over real connections. */
import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { GAME_SERVER } from '../support/daemon.ts';
import { directoryManifest } from '../support/directory-manifest.ts';
import { eventually } from '../support/eventually.ts';
import type { PanelFlavour } from '../support/panel/panel.ts';
import { openPanelSite } from '../support/panel/site.ts';
import { randomBytes } from '../support/random-bytes.ts';
import { isStored } from '../support/stored-archive.ts';

const FLAVOURS: readonly PanelFlavour[] = ['pterodactyl', 'pelican', 'calagopus'];
const OTHER = '22222222-2222-4222-8222-222222222222';
const NEW = '33333333-3333-4333-8333-333333333333';

/** No URL parser tidies the path before it is sent. */
function send(url: string, method: string, path: string, token: string, body: string | Buffer = ''): Promise<number> {
  const { hostname, port } = new URL(url);
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  return new Promise((resolve, reject) => {
    const request = http.request({ hostname, port, method, path, headers }, (response) => {
      response.resume().once('end', () => resolve(response.statusCode ?? 0));
    });
    request.once('error', reject);
    request.end(body);
  });
}

function jobs(call: Awaited<ReturnType<typeof openPanelSite>>['call']) {
  return call('/api/jobs').then(({ body }) => (body as { jobs: { state: string; kind: string }[] }).jobs);
}

describe.each(FLAVOURS)('%s', (flavour) => {
  test('ids that lead elsewhere, bodies without an end and links to this host do nothing', async () => {
    const { panel, server, host, url, call } = await openPanelSite({ flavour });
    const row = await panel.daemon.create(server);
    await eventually(() => row.successful);
    const trees = (): string[][] =>
      [host.backups, join(host.directory, 'servers')].map((tree) => directoryManifest(tree));
    const before = trees();
    const { token } = panel.node;
    const create = JSON.stringify({ adapter: 'wings', uuid: NEW, ignore: '' });
    const restore = JSON.stringify({ adapter: 'wings', truncate_directory: true, download_url: '' });
    for (const id of ['..', '%2e%2e', '..%2f..%2fetc', `${GAME_SERVER}%2f..%2f${OTHER}`, '%00', '%zz', '%c0%ae', '*']) {
      const backups = `/api/servers/${GAME_SERVER}/backup`;
      const statuses = [
        await send(url, 'POST', `/api/servers/${id}/backup`, token, create),
        await send(url, 'DELETE', `${backups}/${id}`, token),
        await send(url, 'POST', `${backups}/${id}/restore`, token, restore),
      ];
      for (const status of statuses) expect([400, 404]).toContain(status);
    }
    for (const body of [Buffer.alloc(3_000_000, 32), '['.repeat(200_000), '{"__proto__":{"adapter":"wings"}}']) {
      const status = await send(url, 'POST', `/api/servers/${GAME_SERVER}/backup`, token, body);
      expect([400, 413, 422]).toContain(status);
    }
    for (const link of [
      'http://127.0.0.2/',
      'http://0/',
      'http://[::1]/',
      'http://169.254.169.254/',
      'file:///etc/passwd',
    ]) {
      const body = JSON.stringify({ adapter: 's3', truncate_directory: true, download_url: link });
      const path = `/api/servers/${GAME_SERVER}/backup/${NEW}/restore`;
      expect(await send(url, 'POST', path, token, body)).toBe(400);
    }
    expect((await jobs(call)).map(({ kind }) => kind)).toEqual(['backup']);
    expect(trees()).toEqual(before);
  });

  test('a backup that is deleted while it is made is never told as a success', async () => {
    const { panel, server, host, call } = await openPanelSite({
      flavour,
      // Half a minute of it, unless it is cancelled.
      more: 'backups: { write_limit: 0.01, workers: 1 }',
    });
    fs.writeFileSync(join(host.server, 'noise'), randomBytes(400_000, 1));
    const row = await panel.daemon.create(server);
    await eventually(async () => (await jobs(call)).some(({ state }) => state === 'running'));
    await panel.daemon.call('DELETE', `/api/servers/${GAME_SERVER}/backup/${row.uuid}`);
    const [told] = await panel.untilCalls(1, 'POST', new RegExp(`${row.uuid}$`));
    expect(told?.body).toMatchObject({ successful: false, size: 0, checksum: '' });
    expect(isStored(host.backups, GAME_SERVER, row.uuid)).toBe(false);
  });
});

test('a panel that sends on to another place never has its node show the token there', async () => {
  const seen: string[] = [];
  const elsewhere = http.createServer((request, response) => {
    seen.push(request.url ?? '');
    response.end('{}');
  });
  await new Promise<void>((resolve) => elsewhere.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void elsewhere.close());
  const { panel, server } = await openPanelSite({ flavour: 'pterodactyl' });
  const location = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}/`;
  let status = 301;
  panel.script = ({ method }) => {
    if (method !== 'POST') return undefined;
    status = status === 301 ? 307 : 301;
    return { status, headers: { location }, body: '' };
  };
  const row = await panel.daemon.create(server);
  await panel.untilCalls(2, 'POST', /backups/);
  expect([seen, row.successful]).toEqual([[], false]);
  panel.script = () => undefined;
  await eventually(() => row.successful);
});
