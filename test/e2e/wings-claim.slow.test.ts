import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { GAME_SERVER } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';
import { openPanelSite } from '../support/panel/site.ts';
import type { PanelCall, PanelFlavour } from '../support/panel/panel.ts';
import { scratchDirectory } from '../support/scratch.ts';

const BACKUP = 'bbbbbbbb-0000-4000-8000-000000000001';
const OTHER_SERVER = '99999999-9999-4999-8999-999999999999';

/** As Go's and Rust's writers make archives: no index, and files alone. */
async function leave(path: string, content = 'as it was'): Promise<Buffer> {
  const tree = await scratchDirectory();
  fs.writeFileSync(join(tree, 'level.dat'), content);
  fs.mkdirSync(join(path, '..'), { recursive: true });
  execFileSync('tar', ['--format=ustar', '-czf', path, '-C', tree, 'level.dat']);
  return fs.readFileSync(path);
}

/** A node whose panel knows a backup that the daemon before has made. */
async function openNode(flavour: PanelFlavour) {
  const former = await scratchDirectory();
  const site = await openPanelSite({ flavour, backupDirectories: [former] });
  const row = site.panel.rows.addBackup({ uuid: BACKUP, server: site.server, successful: true, completedAt: 1 });
  const flat = join(former, `${BACKUP}.tar.gz`);
  const perServer = join(former, GAME_SERVER, `${BACKUP}.tar.gz`);
  const restored = async (truncate = true): Promise<boolean> => {
    const reports = site.panel.callsTo('POST', /restore$/).length;
    await site.panel.daemon.restore(row, { truncate });
    site.panel.commit();
    const [{ body }] = (await site.panel.untilCalls(reports + 1, 'POST', /restore$/)).slice(-1) as [PanelCall];
    return (body as { successful: boolean }).successful;
  };
  const files = () => fs.readdirSync(site.host.server).sort();
  return { ...site, former, row, flat, perServer, restored, files };
}

describe.each([
  ['pterodactyl', 'flat'],
  ['pelican', 'perServer'],
  ['calagopus', 'flat'],
] as const)('for %s, a backup of the daemon before (%s)', (flavour, layout) => {
  test('restores from where it lies, and is deleted under both of its names', async () => {
    const node = await openNode(flavour);
    await leave(node[layout]);
    expect(await node.restored()).toBe(true);
    expect(node.files()).toEqual(['level.dat']);
    // It stays for the daemon that may come back, and is ours from now on.
    expect(fs.existsSync(node[layout])).toBe(true);
    expect(fs.existsSync(join(node.host.backups, GAME_SERVER, `${BACKUP}.tar.gz`))).toBe(true);
    await node.panel.daemon.remove(node.row);
    // Calagopus is answered before the deletion, which it is told of by a report.
    await eventually(() => fs.readdirSync(node.former).length === 0);
    await eventually(() => !fs.existsSync(join(node.host.backups, GAME_SERVER)));
  });

  test('is deleted where it lies, unread', async () => {
    const node = await openNode(flavour);
    fs.mkdirSync(join(node[layout], '..'), { recursive: true });
    fs.writeFileSync(node[layout], 'not even an archive');
    await node.panel.daemon.remove(node.row);
    await eventually(() => fs.readdirSync(node.former).length === 0);
  });
});

describe('a backup of the daemon before', () => {
  test('that was cut off is refused in words, and changes nothing', async () => {
    const node = await openNode('pterodactyl');
    const whole = await leave(node.flat);
    fs.writeFileSync(node.flat, whole.subarray(0, whole.length - 12));
    const before = node.files();
    expect(await node.restored()).toBe(false);
    expect(node.files()).toEqual(before);
    const jobs = (await node.call('/api/jobs')).body as { jobs: { error?: { code: string } }[] };
    expect(jobs.jobs[0]?.error?.code).toBe('archive_damaged');
    expect(fs.existsSync(node.flat)).toBe(true);
  });

  test.each(['pterodactyl', 'pelican'] as const)('is downloaded byte for byte (%s)', async (flavour) => {
    const node = await openNode(flavour);
    const bytes = await leave(flavour === 'pelican' ? node.perServer : node.flat);
    const response = await fetch(node.panel.downloadUrl(node.row));
    expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true);
    expect(response.headers.get('etag')).not.toBeNull();
  });

  test('that was cut off is not downloaded, and the answer says why', async () => {
    const node = await openNode('pterodactyl');
    await leave(node.flat);
    // A whole gzip around half of a tar: what an agent leaves that ignores its errors.
    fs.writeFileSync(node.flat, gzipSync(Buffer.alloc(512, 'x')));
    const response = await fetch(node.panel.downloadUrl(node.row));
    expect(response.status).toBe(500);
    expect(((await response.json()) as { error: string }).error).toMatch(/archive/);
  });

  test('is found in the store’s own directory, in both layouts', async () => {
    const node = await openNode('pelican');
    await leave(join(node.host.backups, GAME_SERVER, `${BACKUP}.tar.gz`));
    expect(await node.restored()).toBe(true);
    const second = node.panel.rows.addBackup({
      uuid: BACKUP.replace(/1$/, '2'),
      server: node.server,
      successful: true,
    });
    const bytes = await leave(join(node.host.backups, `${second.uuid}.tar.gz`));
    const response = await fetch(node.panel.downloadUrl(second));
    expect(Buffer.from(await response.arrayBuffer()).equals(bytes)).toBe(true);
  });

  test('is no other server’s when it lies in a server’s directory', async () => {
    const node = await openNode('pelican');
    await leave(join(node.former, OTHER_SERVER, `${BACKUP}.tar.gz`));
    await expect(node.panel.daemon.restore(node.row)).rejects.toThrow('404');
    expect((await fetch(node.panel.downloadUrl(node.row))).status).toBe(404);
    // The panel takes that for deleted; what is another server's stays.
    await node.panel.daemon.remove(node.row);
    expect(fs.existsSync(join(node.former, OTHER_SERVER, `${BACKUP}.tar.gz`))).toBe(true);
  });

  test('stays the server’s that it was taken over for', async () => {
    const node = await openNode('pterodactyl');
    await leave(node.flat);
    await node.restored();
    fs.mkdirSync(join(node.host.directory, 'servers', OTHER_SERVER));
    const other = node.panel.addServer(OTHER_SERVER);
    const row = node.panel.rows.addBackup({ uuid: BACKUP, server: other, successful: true });
    await expect(node.panel.daemon.restore(row)).rejects.toThrow('404');
    expect((await fetch(node.panel.downloadUrl(row))).status).toBe(404);
  });

  test.each(['the archive', 'the server’s directory'])('is not looked for behind a link (%s)', async (what) => {
    const node = await openNode('pterodactyl');
    const secret = await scratchDirectory();
    await leave(join(secret, `${BACKUP}.tar.gz`));
    if (what === 'the archive') fs.symlinkSync(join(secret, `${BACKUP}.tar.gz`), node.flat);
    else fs.symlinkSync(secret, join(node.former, GAME_SERVER));
    await expect(node.panel.daemon.restore(node.row)).rejects.toThrow('404');
    expect((await fetch(node.panel.downloadUrl(node.row))).status).toBe(404);
    await node.panel.daemon.remove(node.row);
    expect(fs.readdirSync(secret)).toEqual([`${BACKUP}.tar.gz`]);
  });

  test.each(['all backups', 'the server'])('goes with %s where a panel relies on that', async (what) => {
    const node = await openNode('pelican');
    await leave(node.perServer);
    await leave(node.flat.replace(BACKUP, OTHER_SERVER));
    await leave(join(node.former, OTHER_SERVER, `${BACKUP}.tar.gz`));
    const path = `/api/servers/${GAME_SERVER}${what === 'the server' ? '' : '/deleteAllBackups'}`;
    expect((await node.panel.daemon.call('DELETE', path)).status).toBe(204);
    // What lies in no directory of the server's may be any server's.
    expect(fs.readdirSync(node.former).sort()).toEqual([OTHER_SERVER, `${OTHER_SERVER}.tar.gz`]);
    expect(fs.readdirSync(join(node.former, OTHER_SERVER))).toHaveLength(1);
  });

  test('is nobody’s by Roost’s own API: only the panel knows whose it is', async () => {
    const node = await openNode('pterodactyl');
    await leave(node.flat);
    const path = `/api/servers/${GAME_SERVER}/backups`;
    const { status } = await node.call(`${path}/restore?id=${BACKUP}`, { body: { truncate: true } });
    expect(status).toBe(404);
    expect((await node.call(`${path}/delete?id=${BACKUP}`, { method: 'DELETE' })).status).toBe(404);
    expect(fs.existsSync(node.flat)).toBe(true);
  });
});
