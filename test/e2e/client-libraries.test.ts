/** Client libraries that others wrote for the Pterodactyl panel, pointed at a whole daemon. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PteroClient } from '@devnote-dev/pterojs';
import { Client as JsPteroClient } from 'jspteroapi';
import { expect, onTestFinished, test } from 'vitest';
import { GAME_SERVER, runDaemonOn, scratchHost, TOKEN, type Host } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';

const SHORT_ID = GAME_SERVER.slice(0, 8);

test('jspteroapi lists, creates, polls, locks, downloads, restores and deletes backups', async () => {
  const host = await scratchHost();
  const { url } = await runDaemonOn(host);
  const client = new JsPteroClient(url, TOKEN);
  expect(await client.getAllServers()).toMatchObject([{ attributes: { uuid: GAME_SERVER } }]);
  expect(await client.getServerInfo(SHORT_ID)).toMatchObject({ uuid: GAME_SERVER, identifier: SHORT_ID });
  expect(await client.getAllBackups(SHORT_ID)).toEqual([]);

  const begun = await client.createBackup(SHORT_ID, 'By jspteroapi', ['*.log'], true);
  expect(begun).toMatchObject({ name: 'By jspteroapi', is_locked: true, ignored_files: ['*.log'] });
  await eventually(async () => (await client.getBackupInfo(SHORT_ID, begun.uuid)).completed_at !== null);
  expect(await client.getAllBackups(SHORT_ID)).toMatchObject([
    { attributes: { uuid: begun.uuid, is_successful: true, is_locked: true } },
  ]);

  await expect(client.deleteBackup(SHORT_ID, begun.uuid)).rejects.toMatchObject({
    ERRORS: [expect.stringContaining('This backup is locked and cannot be deleted.')],
  });
  await client.toggleLockBackup(SHORT_ID, begun.uuid);
  expect(await client.getBackupInfo(SHORT_ID, begun.uuid)).toMatchObject({ is_locked: false });

  await expectArchive(await client.getBackupDownloadLink(SHORT_ID, begun.uuid));

  await damage(host);
  expect(await client.restoreBackup(SHORT_ID, begun.uuid, true)).toBe('Sucessfully restored backup');
  await expectRestored(host, async () => (await client.getServerInfo(SHORT_ID)) as unknown as { status: unknown });

  expect(await client.deleteBackup(SHORT_ID, begun.uuid)).toBe('Backup successfully deleted!');
  expect(await client.getAllBackups(SHORT_ID)).toEqual([]);
});

test('pterojs lists, creates, polls, locks, downloads, restores and deletes backups', async () => {
  const host = await scratchHost();
  const { url } = await runDaemonOn(host);
  const client = new PteroClient(url, TOKEN);
  const server = await client.servers.fetch(SHORT_ID);
  expect(server).toMatchObject({ uuid: GAME_SERVER, identifier: SHORT_ID, suspended: false });
  const { backups } = server;
  expect((await backups.fetch({ perPage: 10 })).size).toBe(0);

  const begun = await backups.create({ name: 'By pterojs', ignored: '*.log' });
  expect(begun).toMatchObject({ name: 'By pterojs', ignoredFiles: ['*.log'], locked: false });
  const fresh = () => backups.fetch(begun.uuid, { force: true });
  await eventually(async () => (await fresh()).completedAt !== null);
  expect((await backups.fetch()).get(begun.uuid)).toMatchObject({ successful: true, locked: false });

  // This library reads an object out of the answer, as the live panel sends one; the documented answer is empty, and
  // the lock is turned nevertheless.
  for (const locked of [true, false]) {
    await backups.toggleLock(begun.uuid).catch(() => undefined);
    expect(await fresh()).toMatchObject({ locked });
  }

  await expectArchive(await backups.getDownloadURL(begun.uuid));

  await damage(host);
  await backups.restore(begun.uuid);
  await expectRestored(host, async () => client.servers.fetch(SHORT_ID, { force: true }));

  await backups.delete(begun.uuid);
  expect((await backups.fetch()).size).toBe(0);
});

test.each([true, false])('pterojs hears of a backup on its socket, with an origin: %s', async (useOrigin) => {
  const { url } = await runDaemonOn(await scratchHost());
  const client = new PteroClient(url, TOKEN);
  client.ws.useOrigin = useOrigin;
  const shard = client.ws.createShard(SHORT_ID);
  const [events, completed] = [Array.from<string>([]), Array.from<object>([])];
  shard.on('rawPayload', ({ event }: { event: string }) => events.push(event));
  shard.on('backupComplete', (backup: object) => completed.push(backup));
  // It takes every event that it has no name for as an error; this one is meant for the panel's own page.
  shard.on('error', () => undefined);
  await shard.connect();
  onTestFinished(() => shard.disconnect());
  await eventually(() => events.includes('stats'));
  expect(events.slice(0, 3)).toEqual(['auth success', 'status', 'stats']);
  await shard.refresh();
  await eventually(() => events.filter((event) => event === 'auth success').length === 2);
  const { uuid } = await (await client.servers.fetch(SHORT_ID)).backups.create();
  await eventually(() => completed.length > 0);
  expect(completed).toEqual([
    { uuid, isSuccessful: true, checksum: expect.any(String), checksumType: 'sha256', fileSize: expect.any(Number) },
  ]);
});

test('jspteroapi hears of a backup and its restore on its socket', async () => {
  const { url } = await runDaemonOn(await scratchHost());
  const client = new JsPteroClient(url, TOKEN);
  const socket = await client.startConsoleConnection(SHORT_ID);
  onTestFinished(() => socket.close());
  const success = once(socket, 'auth success');
  const stats = once(socket, 'stats');
  await success;
  expect(JSON.parse(String((await stats)[0]))).toMatchObject({ state: 'offline' });
  const completed = once(socket, 'backup completed');
  const { uuid } = await client.createBackup(SHORT_ID);
  expect(JSON.parse(String((await completed)[0]))).toMatchObject({
    uuid,
    is_successful: true,
    checksum_type: 'sha256',
  });
  const [restored, message] = [once(socket, 'backup restore completed'), once(socket, 'daemon message')];
  await eventually(async () => (await client.getBackupInfo(SHORT_ID, uuid)).completed_at !== null);
  await client.restoreBackup(SHORT_ID, uuid, true);
  expect(await restored).toEqual(['']);
  expect(await message).toEqual(['Completed server restoration from local backup.']);
});

/** The link works by itself: no header is sent with it. */
async function expectArchive(link: string): Promise<void> {
  const answer = await fetch(link);
  expect(answer.status).toBe(200);
  const names = execFileSync('tar', ['-tzf', '-'], {
    input: Buffer.from(await answer.arrayBuffer()),
    encoding: 'utf8',
  });
  expect(names.split('\n')).toEqual(expect.arrayContaining(['eula.txt', 'world/level.dat']));
}

async function damage(host: Host): Promise<void> {
  await writeFile(join(host.server, 'eula.txt'), 'eula=false\n');
  await writeFile(join(host.server, 'griefed.txt'), 'boo');
  await rm(join(host.server, 'world'), { recursive: true });
}

async function expectRestored(host: Host, server: () => Promise<{ readonly status?: unknown }>): Promise<void> {
  await eventually(async () => ((await server()).status ?? null) === null);
  expect(await readFile(join(host.server, 'eula.txt'), 'utf8')).toBe('eula=true\n');
  expect((await readdir(host.server)).sort()).toEqual(['eula.txt', 'world']);
  expect(await readdir(join(host.server, 'world'))).toEqual(['level.dat']);
}
