/** Recipes of docs/disaster.md from beginning to end, by the commands that they name. */
import { execFileSync } from 'node:child_process';
import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { run } from '../cli/run.ts';
import { GAME_SERVER, runDaemonOn, scratchHost, TOKEN } from '../support/daemon.ts';
import { eventually } from '../support/eventually.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { storedArchive } from '../support/stored-archive.ts';

const LEVEL = Buffer.alloc(200_000, 'level');

function commandsOf(url: string) {
  return (...argv: string[]) => run(argv, { env: { ROOST_URL: url, ROOST_TOKEN: TOKEN } });
}

test('the host is lost: a copy of its store, adopted by a new host, brings back a server without a directory', async () => {
  const host = await scratchHost();
  const first = await runDaemonOn(host);
  expect((await commandsOf(first.url)('backup', 'create', GAME_SERVER)).exitCode).toBe(0);
  await first.daemon.stop();

  const directory = await scratchDirectory();
  await cp(host.backups, join(directory, 'backups'), { recursive: true });
  await mkdir(join(directory, 'servers'));
  const config = host.config.replaceAll(host.directory, directory);
  const refusing = await runDaemonOn({ ...host, config });
  const file = join(directory, 'config.yml');
  await writeFile(file, config, { mode: 0o600 });
  const examined = await run(['doctor', '--config', file, '--json']);
  const adopt = /adopt: ([0-9a-f-]{36})/.exec(examined.stdout)?.[1] ?? '';
  await refusing.daemon.stop();

  const next = await runDaemonOn({ ...host, config: config.replace('type: local,', `type: local, adopt: ${adopt},`) });
  const roost = commandsOf(next.url);
  expect((await roost('servers')).stdout).toContain('no_directory');
  expect(await roost('backup', 'restore', GAME_SERVER, 'latest')).toMatchObject({ exitCode: 0 });
  expect(await readFile(join(directory, 'servers', GAME_SERVER, 'world', 'level.dat'))).toEqual(LEVEL);
});

test("the store's disk is lost: a backup is restored from its copy, and new ones are refused, not written beside", async () => {
  const host = await scratchHost();
  const copies = join(host.directory, 'copies');
  const config = host.config
    .replace('default: local,', 'default: local, copies: [second],')
    .replace('stores: {', `stores: { second: { type: local, directory: ${copies} },`);
  const { url } = await runDaemonOn({ ...host, config });
  const roost = commandsOf(url);
  expect((await roost('backup', 'create', GAME_SERVER)).exitCode).toBe(0);
  await eventually(async () =>
    (await readdir(join(copies, GAME_SERVER)).catch(() => [])).some((name) => name.endsWith('.json')),
  );
  await rename(host.backups, `${host.backups}.lost`);
  await mkdir(host.backups);
  await rm(join(host.server, 'world'), { recursive: true });

  expect(await roost('backup', 'restore', GAME_SERVER, 'latest')).toMatchObject({ exitCode: 0 });
  expect(await readFile(join(host.server, 'world', 'level.dat'))).toEqual(LEVEL);
  const refused = await roost('backup', 'create', GAME_SERVER, '--json');
  expect([refused.exitCode, refused.stdout]).toEqual([1, expect.stringContaining('store_unreachable')]);
  expect(await readdir(host.backups)).toEqual([]);
});

test('without Roost: the manifest says which archive is whole and its sha256, and tar unpacks it', async () => {
  const host = await scratchHost();
  const { url, daemon } = await runDaemonOn(host);
  await commandsOf(url)('backup', 'create', GAME_SERVER);
  await daemon.stop();
  const below = join(host.backups, GAME_SERVER);
  const manifest = (await readdir(below)).find((name) => name.endsWith('.json')) ?? '';
  const text = await readFile(join(below, manifest), 'utf8');
  const archive = storedArchive(host.backups, GAME_SERVER, manifest.replace('.json', ''));
  expect(text).toContain(createHash('sha256').update(archive).digest('hex'));
  const out = join(host.directory, 'out');
  await mkdir(out);
  execFileSync('tar', ['-xzp', '-C', out], { input: archive });
  expect(await readFile(join(out, 'world', 'level.dat'))).toEqual(LEVEL);
  expect(await readFile(join(out, 'eula.txt'), 'utf8')).toBe('eula=true\n');
});
