/** Panels and the daemon that is their node, in lock-step over real connections: a backup from its button to its end. */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { GAME_SERVER } from '../support/daemon.ts';
import { directoryManifest } from '../support/directory-manifest.ts';
import { eventually } from '../support/eventually.ts';
import { openPanelSite } from '../support/panel/site.ts';
import type { PanelFlavour } from '../support/panel/panel.ts';
import { randomBytes } from '../support/random-bytes.ts';
import { isStored, storedArchive } from '../support/stored-archive.ts';

const FLAVOURS: readonly PanelFlavour[] = ['pterodactyl', 'pelican', 'calagopus'];

interface Frame {
  readonly event: string;
  readonly args?: readonly string[];
}

/** A page of the panel that is open on the server. */
async function openPage({ token, socket, origin }: { token: string; socket: string; origin: string }) {
  const page = new WebSocket(socket, { origin });
  const frames: Frame[] = [];
  page.on('message', (data: Buffer) => frames.push(JSON.parse(data.toString('utf8')) as Frame));
  onTestFinished(() => page.terminate());
  await new Promise((resolve, reject) => {
    page.once('open', resolve);
    page.once('error', reject);
  });
  page.send(JSON.stringify({ event: 'auth', args: [token] }));
  const heard = (event: string): Promise<Frame> => eventually(() => frames.find((frame) => frame.event === event));
  await heard('auth success');
  return { frames, heard };
}

/** How each panel's pages hear that a backup is done: the event's name, and what it says. */
function completion(flavour: PanelFlavour, uuid: string, checksum: string, size: number) {
  if (flavour === 'calagopus') {
    return {
      event: 'backup completed',
      id: uuid,
      facts: { successful: true, checksum_type: 'sha256', checksum, size },
    };
  }
  const facts = { uuid, is_successful: true, checksum_type: 'sha256', checksum, file_size: size };
  return { event: `backup completed:${uuid}`, id: undefined, facts };
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

describe.each(FLAVOURS)('%s', (flavour) => {
  test('makes a backup, downloads it, restores it and deletes it, while its page looks on', async () => {
    // The panel commits a second after it has asked: the first report comes too early for it.
    const { panel, server, host } = await openPanelSite({ flavour, commitAfter: 1000 });
    expect(await panel.daemon.system()).toMatchObject({ os: 'linux' });
    const { frames, heard } = await openPage(panel.socketAccess(GAME_SERVER));

    const row = await panel.daemon.create(server, { ignored: '*.log\n' });
    await eventually(() => row.successful);
    const bytes = storedArchive(host.backups, GAME_SERVER, row.uuid);
    expect(row).toMatchObject({ checksum: `sha256:${sha256(bytes)}`, bytes: bytes.length });
    const { event, id, facts } = completion(flavour, row.uuid, sha256(bytes), bytes.length);
    const { args = [] } = await heard(event);
    expect(args[0] === id || id === undefined).toBe(true);
    expect(JSON.parse(args.at(-1) ?? '')).toMatchObject(facts);
    // Others listen to the plain name, as the daemons send it.
    await heard('backup completed');

    const link = panel.downloadUrl(row);
    const whole = await fetch(link);
    expect(sha256(Buffer.from(await whole.arrayBuffer()))).toBe(sha256(bytes));
    const rest = await fetch(link, { headers: { range: `bytes=${bytes.length - 10}-` } });
    expect(rest.status).toBe(206);
    expect(Buffer.from(await rest.arrayBuffer()).equals(bytes.subarray(-10))).toBe(true);

    const before = directoryManifest(host.server);
    fs.rmSync(join(host.server, 'world'), { recursive: true });
    fs.writeFileSync(join(host.server, 'griefed.txt'), 'since then');
    await panel.daemon.restore(row, { truncate: true });
    await eventually(() => panel.effective(/\/restore$/) === 1);
    expect(server.status).toBeNull();
    expect(directoryManifest(host.server)).toEqual(before);
    await heard('backup restore completed');
    const done = /^Completed server restoration from (?:local|wings) backup\.$/;
    await eventually(() =>
      frames.some(({ event, args: [said = ''] = [] }) => event === 'daemon message' && done.test(said)),
    );

    await panel.daemon.remove(row);
    await eventually(() => !isStored(host.backups, GAME_SERVER, row.uuid));
    expect((await fetch(panel.downloadUrl(row))).status).toBe(404);
    // Calagopus asks for no second deletion before the report of the first.
    await eventually(() => !row.deleting);
    // Gone is gone, and panels take that for done.
    await panel.daemon.remove(row);
    expect(panel.effective(/\/backups\/[^/]+$/)).toBe(1);
  });

  test('deletes a backup that is being made, and is told of its end', async () => {
    const { panel, server, host, call } = await openPanelSite({
      flavour,
      // Half a minute of it, unless it is cancelled.
      more: 'backups: { write_limit: 0.01, workers: 1 }',
    });
    fs.writeFileSync(join(host.server, 'noise'), randomBytes(400_000, 1));
    const row = await panel.daemon.create(server);
    const jobState = async () => {
      const { jobs } = (await call('/api/jobs')).body as { jobs: { kind: string; state: string }[] };
      return jobs.find(({ kind }) => kind === 'backup')?.state;
    };
    await eventually(async () => (await jobState()) === 'running');
    await panel.daemon.remove(row);
    await eventually(async () => (await jobState()) === 'cancelled');
    await eventually(() => !fs.existsSync(join(host.backups, GAME_SERVER)));
  });
});

test('a panel asks for two backups and a restore at once, and gets all of them', async () => {
  const { panel, server } = await openPanelSite({ flavour: 'pelican' });
  const first = await panel.daemon.create(server);
  const second = await panel.daemon.create(server);
  await eventually(() => first.successful);
  await panel.daemon.restore(first);
  await eventually(() => second.successful && panel.effective(/\/restore$/) === 1);
  expect(panel.effective(/\/backups\/[^/]+$/)).toBe(2);
});

test('a rotated token counts at once, for calls, links, sockets and reports, and the old one for nothing', async () => {
  const { panel, server, call } = await openPanelSite({ flavour: 'pterodactyl' });
  const row = await panel.daemon.create(server);
  await eventually(() => row.successful);
  const stale = panel.downloadUrl(row);
  const { token: old } = panel.node;
  const pushed = panel.daemon;
  const before = panel.rotate();
  // Pushed with the token of before, as panels do.
  const { token, tokenId } = panel.node;
  panel.node.token = before.token;
  const { status } = await pushed.call('POST', '/api/update', {
    ...panel.nodeConfiguration(),
    token_id: tokenId,
    token,
  });
  panel.node.token = token;
  expect(status).toBe(200);
  expect((await fetch(stale)).status).toBe(500);
  expect((await fetch(panel.downloadUrl(row))).status).toBe(200);
  await openPage(panel.socketAccess(GAME_SERVER));
  const response = await fetch(`${pushed.url}/api/servers/${GAME_SERVER}/backup`, {
    method: 'POST',
    headers: { authorization: `Bearer ${old}`, 'content-type': 'application/json' },
    body: JSON.stringify({ adapter: 'wings', uuid: row.uuid, ignore: '' }),
  });
  expect(response.status).toBe(403);
  const next = await panel.daemon.create(server);
  await eventually(() => next.successful);
  expect((await call('/api/system')).status).toBe(200);
});

test('a backup that was locked here is not deleted, and the panel is told why', async () => {
  const { panel, server, call, host } = await openPanelSite({ flavour: 'pterodactyl' });
  const row = await panel.daemon.create(server);
  await eventually(() => row.successful);
  const lock = { method: 'PATCH', body: { locked: true } };
  await call(`/api/servers/${GAME_SERVER}/backups/lock?id=${row.uuid}`, lock);
  await expect(panel.daemon.remove(row)).rejects.toThrow(/403.*locked/);
  expect(isStored(host.backups, GAME_SERVER, row.uuid)).toBe(true);
});
