import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { Terminal } from '../../../src/cli/terminal/terminal.ts';
import { GAME_SERVER, runDaemonOn, scratchHost, TOKEN } from '../../support/daemon.ts';
import { run } from '../run.ts';
import { NIGHTLY_CRON } from '../../support/nightly.ts';
import { storedArchive } from '../../support/stored-archive.ts';

async function node(more = '') {
  const host = await scratchHost(more);
  const { call, url } = await runDaemonOn(host);
  const { body } = await call(`/api/servers/${GAME_SERVER}/backups`, { body: { name: 'First' } });
  const { id, checksum } = body as { readonly id: string; readonly checksum: string };
  const roost = (...argv: string[]) => run(argv, { env: { ROOST_URL: url, ROOST_TOKEN: TOKEN } });
  return { ...host, id, checksum, roost };
}

describe('one file of a backup', () => {
  test('goes to stdout as it is, or to a file, and what is not there is an error', async () => {
    const { roost, directory } = await node();
    expect((await roost('backup', 'get', GAME_SERVER, 'latest', 'eula.txt')).stdout).toBe('eula=true\n');
    const to = join(directory, 'level.dat');
    const ran = await roost('backup', 'get', GAME_SERVER, 'latest', 'world/level.dat', '-o', to);
    expect([ran.exitCode, (await readFile(to)).equals(Buffer.alloc(200_000, 'level'))]).toEqual([0, true]);
    const missing = await roost('backup', 'get', GAME_SERVER, 'latest', 'nothing', '-o', join(directory, 'nothing'));
    expect(missing.exitCode).toBe(1);
    expect((await readdir(directory)).filter((name) => name.includes('nothing'))).toEqual([]);
  });
});

describe('a download', () => {
  test('is the archive, checked; a part of an earlier run is gone on with', async () => {
    const { roost, directory, backups, id, checksum } = await node();
    const archive = storedArchive(backups, GAME_SERVER, id);
    const to = join(directory, 'world.tar.gz');
    const partial = `${to}.${checksum.slice(0, 16)}.partial`;
    await writeFile(partial, archive.subarray(0, 100));
    const ran = await roost('backup', 'download', GAME_SERVER, id.slice(0, 8), '-o', to);
    expect(ran.stdout).toContain('100 B of it from an earlier run');
    expect((await readFile(to)).equals(archive)).toBe(true);
    expect((await readdir(directory)).filter((name) => name.endsWith('.partial'))).toEqual([]);
  });

  test('with a part that holds other bytes fails, and is clean the next time', async () => {
    const { roost, directory, id, checksum } = await node();
    const to = join(directory, 'world.tar.gz');
    await writeFile(`${to}.${checksum.slice(0, 16)}.partial`, Buffer.alloc(100, 'x'));
    const ran = await roost('backup', 'download', GAME_SERVER, id, '-o', to);
    expect([ran.exitCode, ran.stderr]).toEqual([1, expect.stringContaining('not what the backup holds')]);
    expect((await roost('backup', 'download', GAME_SERVER, id, '-o', to)).exitCode).toBe(0);
  });
});

test('a restore that keeps what was there names its undo, and undo puts it back', async () => {
  const { roost, server } = await node();
  await writeFile(join(server, 'eula.txt'), 'eula=changed\n');
  const restored = await roost('backup', 'restore', GAME_SERVER, 'latest', '--keep-previous', '2');
  expect(restored.stdout).toContain(`to undo: roost backup undo ${GAME_SERVER}`);
  expect(await readFile(join(server, 'eula.txt'), 'utf8')).toBe('eula=true\n');
  expect((await roost('backup', 'undo', GAME_SERVER, 'latest')).exitCode).toBe(0);
  expect(await readFile(join(server, 'eula.txt'), 'utf8')).toBe('eula=changed\n');
  expect((await roost('backup', 'restore', GAME_SERVER, 'latest', '--keep-previous', 'soon')).exitCode).toBe(2);
});

test('an estimate says what a backup would hold and what is left out', async () => {
  const { roost } = await node();
  const { stdout } = await roost('backup', 'estimate', GAME_SERVER, '--ignore', 'world/');
  expect(stdout).toMatch(/^1 file in \d director/);
  expect(stdout).toContain('1 file ignored');
});

describe('the list of backups', () => {
  test('has short ids that are taken back, times of this host, and fits 80 columns', async () => {
    const { roost, id } = await node();
    const { stdout } = await roost('backup', 'list', GAME_SERVER);
    expect(stdout).toMatch(
      new RegExp(`^${id.slice(0, 8)}  COMPLETED .* \\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d  no +First$`, 'm'),
    );
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
    expect((await roost('backup', 'show', GAME_SERVER, id.slice(0, 8))).exitCode).toBe(0);
  });
});

test('roost alone shows servers, their last and next backup and space, with exit 3 for a problem', async () => {
  const { roost } = await node(`schedules: [ { server: "*", cron: "${NIGHTLY_CRON}" } ]`);
  const shown = await roost();
  expect(shown.stdout).toMatch(/^11111111 +11111111 +1 +\S+ \S+ +0 minutes ago +\d{4}-\d\d-\d\d \d\d:00 +ok$/m);
  expect(shown.stdout).toMatch(/^store local: .* of archives, .* free$/m);
  expect(shown.exitCode).toBe(0);
  // Other programs use the disk, too.
  const withoutFree = (text: string): string => text.replace(/, [^,\n]* free$/m, '');
  expect(withoutFree((await roost('status')).stdout)).toBe(withoutFree(shown.stdout));
  const { stdout, exitCode } = await roost('servers', '--json');
  expect([exitCode, (JSON.parse(stdout) as { servers: unknown[] }).servers.length]).toEqual([0, 1]);
});

test('output that a full disk does not take is known, and a reader that left is not an error', async () => {
  const failing = (code: string): Writable =>
    new Writable({ write: (_chunk, _encoding, done) => done(Object.assign(new Error(code), { code })) });
  for (const [code, isError] of [
    ['ENOSPC', true],
    ['EPIPE', false],
  ] as const) {
    const terminal = new Terminal(failing(code), failing('EPIPE'), true);
    await terminal.result('text');
    await new Promise((resolve) => setImmediate(resolve));
    expect([terminal.outputClosed, terminal.outputError !== undefined]).toEqual([true, isError]);
  }
});

describe('a restore to another directory', () => {
  test('unpacks there, leaves the server as it is and no archive behind', async () => {
    const { roost, server, directory } = await node();
    await writeFile(join(server, 'eula.txt'), 'eula=changed\n');
    const to = join(directory, 'elsewhere');
    const ran = await roost('backup', 'restore', GAME_SERVER, 'latest', '--to', to, '--path', 'eula.txt');
    expect([ran.exitCode, ran.stderr]).toEqual([0, '']);
    expect(await readdir(to)).toEqual(['eula.txt']);
    expect(await readFile(join(to, 'eula.txt'), 'utf8')).toBe('eula=true\n');
    expect(await readFile(join(server, 'eula.txt'), 'utf8')).toBe('eula=changed\n');
    expect((await readdir(directory)).filter((name) => name.startsWith('elsewhere'))).toEqual(['elsewhere']);
  });

  test('is refused for a directory that holds something, and with what only a server has', async () => {
    const { roost, server, directory } = await node();
    const taken = await roost('backup', 'restore', GAME_SERVER, 'latest', '--to', server);
    expect([taken.exitCode, taken.stderr]).toEqual([1, expect.stringContaining('not empty')]);
    const truncated = await roost('backup', 'restore', GAME_SERVER, 'latest', '--to', directory, '--truncate');
    expect([truncated.exitCode, truncated.stderr]).toEqual([1, expect.stringContaining('--to goes with')]);
  });
});
