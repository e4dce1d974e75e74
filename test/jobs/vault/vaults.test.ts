/** A whole daemon with a vault: what an operator sees of it and does with it, by HTTP and by command. */
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import {
  GAME_SERVER,
  type Host,
  LAYOUT,
  runDaemonOn,
  type RunningDaemon,
  scratchHost,
  TOKEN,
} from '../../support/daemon.ts';
import { run } from '../../cli/run.ts';
import { archiveFile, storedArchive } from '../../support/stored-archive.ts';

const DOCS = fileURLToPath(new URL('../../../docs', import.meta.url));
const OTHER = '22222222-2222-4222-8222-222222222222';
const BACKUPS = `/api/servers/${GAME_SERVER}/backups`;

interface Made {
  readonly id: string;
  readonly size: number;
  readonly storedBytes: number;
  readonly checksum: string;
  readonly damagedAt?: string;
}

async function host(layout: 'plain' | 'vault', more = ''): Promise<Host> {
  const made = await scratchHost(more);
  fs.writeFileSync(join(made.server, 'world', 'region.mca'), randomBytes(3 << 20));
  return {
    ...made,
    config: made.config.replace(LAYOUT, '').replace('type: local,', `type: local, layout: ${layout},`),
  };
}

async function backUp({ call }: RunningDaemon): Promise<Made> {
  const { status, body } = await call(BACKUPS, { body: {} });
  expect(status).toBe(201);
  return body;
}

function play({ server }: Host, sector: number): void {
  const region = fs.openSync(join(server, 'world', 'region.mca'), 'r+');
  fs.writeSync(region, randomBytes(4096), 0, 4096, sector * 4096);
  fs.closeSync(region);
}

async function roost({ url }: RunningDaemon, ...argv: readonly string[]) {
  return run(argv, { env: { ROOST_URL: url, ROOST_TOKEN: TOKEN } });
}

function packs({ backups }: Host): string[] {
  return fs.readdirSync(join(backups, GAME_SERVER)).filter((name) => name.endsWith('.pack'));
}

function bend(path: string, at: number): void {
  const file = fs.openSync(path, 'r+');
  const byte = Buffer.alloc(1);
  fs.readSync(file, byte, 0, 1, at);
  fs.writeSync(file, Buffer.from([(byte[0] ?? 0) ^ 0x10]), 0, 1, at);
  fs.closeSync(file);
}

describe('a vault', () => {
  test('V14: a removal gives back what it was said to, and status says what a backup added, and what the disk holds', async () => {
    const site = await host('vault');
    const daemon = await runDaemonOn(site);
    const first = await backUp(daemon);
    play(site, 100);
    const second = await backUp(daemon);
    expect(first.storedBytes).toBe(first.size);
    expect(second.storedBytes).toBeLessThan(200_000);
    const places = (await daemon.call(`${BACKUPS}/${second.id}/places`)).body as Record<string, unknown>;
    expect(places).toMatchObject({ storedBytes: second.storedBytes });
    const before = packedBytes(site);
    expect((await daemon.call(`${BACKUPS}/delete?id=${second.id}`, { method: 'DELETE' })).status).toBe(200);
    const collected = await roost(daemon, 'vault', 'collect', '--json');
    expect(collected.exitCode).toBe(0);
    expect(before - packedBytes(site)).toBeGreaterThanOrEqual(0.9 * Number(places['exclusiveBytes']));
    const { vaults } = (await roost(daemon, 'vault', 'status', '--json')).json() as {
      vaults: Record<string, number>[];
    };
    expect(vaults).toMatchObject([{ store: 'local', server: GAME_SERVER, backups: 1, archiveBytes: first.size }]);
    expect(vaults[0]?.['storedBytes']).toBe(packedBytes(site));
    const recipe = await roost(daemon, 'vault', 'recipe', GAME_SERVER, 'latest');
    expect(recipe.stdout).toMatch(/its removal gives back .*\n1 range in 1 pack\n/);
    expect((await daemon.call('/api/system?with=usage')).body).toMatchObject({
      usage: { stores: [{ name: 'local', storedBytes: packedBytes(site) }] },
    });
  });

  test('takes plain archives in without copying them, and says which before', async () => {
    const site = await host('plain');
    const plain = await runDaemonOn(site);
    const made = await backUp(plain);
    await plain.daemon.stop();
    const archive = join(site.backups, GAME_SERVER, `${made.id}.tar.gz`);
    const { ino } = fs.statSync(archive);
    const daemon = await runDaemonOn({ ...site, config: site.config.replace('layout: plain', 'layout: vault') });
    expect((await roost(daemon, 'vault', 'adopt', '--dry-run')).stdout).toContain(made.id);
    expect(fs.existsSync(archive)).toBe(true);
    expect((await roost(daemon, 'vault', 'adopt')).stdout).toContain(made.id);
    expect(fs.existsSync(archive)).toBe(false);
    expect(packs(site).map((name) => fs.statSync(join(site.backups, GAME_SERVER, name)).ino)).toEqual([ino]);
    const kept = storedArchive(site.backups, GAME_SERVER, made.id);
    expect(createHash('sha256').update(kept).digest('hex')).toBe(made.checksum);
    play(site, 5);
    // What was plain is the base of what follows.
    expect((await backUp(daemon)).size).toBeGreaterThan(made.size / 2);
    expect((await roost(daemon, 'vault', 'verify')).exitCode).toBe(0);
  });

  test('V12: a flipped byte marks all backups that share it and no other; the next backup heals them', async () => {
    const plain = await host('vault');
    // A tree that has been at rest, so that a backup takes it over without reading it.
    const list = `list: [ { id: ${OTHER}, path: ${DOCS} } ], root:`;
    const site = { ...plain, config: plain.config.replace('servers: { root:', `servers: { ${list}`) };
    const daemon = await runDaemonOn(site);
    const backups = `/api/servers/${OTHER}/backups`;
    const make = async (): Promise<Made> => (await daemon.call(backups, { body: {} })).body;
    const damagedAt = async (id: string): Promise<unknown> =>
      ((await daemon.call(`${backups}/${id}`)).body as Made).damagedAt;
    const apart = await backUp(daemon);
    const made = [await make(), await make()];
    const [first] = made;
    if (first === undefined) throw new TypeError('there is a first');
    const file = archiveFile(site.backups, OTHER, first.id);
    bend(file, Math.floor(fs.statSync(file).size / 2));
    const verified = await roost(daemon, 'vault', 'verify');
    expect(verified.exitCode).toBe(1);
    for (const { id } of made) {
      expect(verified.stdout).toContain(`${id} is damaged`);
      expect(await damagedAt(id)).toEqual(expect.any(String));
    }
    expect(verified.stdout).not.toContain(`${apart.id} is damaged`);
    const next = await make();
    expect(next.storedBytes).toBeGreaterThan(0);
    expect(next.storedBytes).toBeLessThan(first.size);
    for (const { id } of made) await expect.poll(() => damagedAt(id), { timeout: 20_000 }).toBeUndefined();
    for (const { id, checksum } of [...made, next]) {
      const archive = storedArchive(site.backups, OTHER, id);
      expect(createHash('sha256').update(archive).digest('hex')).toBe(checksum);
    }
    expect((await roost(daemon, 'vault', 'verify')).exitCode).toBe(0);
  });

  test('V12: what lies in files that were written just before the backups is healed as well', async () => {
    // Its files are too young for a backup to take them over without reading them.
    const site = await host('vault');
    const daemon = await runDaemonOn(site);
    const [first] = [await backUp(daemon), await backUp(daemon)];
    const file = archiveFile(site.backups, GAME_SERVER, first.id);
    bend(file, Math.floor(fs.statSync(file).size / 2));
    expect((await roost(daemon, 'vault', 'verify')).exitCode).toBe(1);
    await backUp(daemon);
    const damaged = async (): Promise<unknown[]> =>
      ((await daemon.call(BACKUPS)).body as readonly Made[]).map(({ damagedAt }) => damagedAt);
    await expect.poll(damaged).toEqual([undefined, undefined, undefined]);
    const archive = storedArchive(site.backups, GAME_SERVER, first.id);
    expect(createHash('sha256').update(archive).digest('hex')).toBe(first.checksum);
  });

  test('a verification names what it cannot read, and goes on with the rest', async () => {
    const plain = await host('vault');
    const list = `list: [ { id: ${OTHER}, path: ${DOCS} } ], root:`;
    const site = { ...plain, config: plain.config.replace('servers: { root:', `servers: { ${list}`) };
    const daemon = await runDaemonOn(site);
    const make = async (): Promise<Made> => (await daemon.call(`/api/servers/${OTHER}/backups`, { body: {} })).body;
    await backUp(daemon);
    const [first, second, third] = [await make(), await make(), await make()];
    const [pack = ''] = packs(site);
    fs.writeFileSync(join(site.backups, GAME_SERVER, pack.replace('.pack', '.map')), 'no map');
    fs.writeFileSync(join(site.backups, OTHER, `${first.id}.recipe`), 'no recipe');
    bend(join(site.backups, OTHER, `${second.id}.index`), 40);
    const { exitCode, stdout } = await roost(daemon, 'vault', 'verify');
    expect(exitCode).toBe(1);
    expect(stdout).toContain(`local ${GAME_SERVER}: 1 backup whole`);
    expect(stdout).toMatch(/ {2}not all of it could be verified: Cannot use .*\.map: it is no map/);
    expect(stdout).toContain(`local ${OTHER}: 1 backup whole`);
    expect(stdout).toContain(`${first.id} is damaged`);
    expect(stdout).toContain(`${second.id} has a file of its own, or no index that proves it`);
    expect(stdout).not.toContain(third.id);
  });
});

test('a server that cannot be collected or adopted fails the command, which says what was done of the others', async () => {
  const plain = await host('vault');
  const list = `list: [ { id: ${OTHER}, path: ${DOCS} } ], root:`;
  const site = { ...plain, config: plain.config.replace('servers: { root:', `servers: { ${list}`) };
  const daemon = await runDaemonOn(site);
  await backUp(daemon);
  const { id } = (await daemon.call(`/api/servers/${OTHER}/backups`, { body: {} })).body as Made;
  fs.writeFileSync(join(site.backups, OTHER, `${id}.recipe`), 'no recipe');
  const collected = await roost(daemon, 'vault', 'collect');
  expect([collected.exitCode, collected.stdout]).toEqual([
    1,
    `local ${GAME_SERVER}: 0 B given back, 0 packs removed\n`,
  ]);
  expect(collected.stderr).toMatch(new RegExp(`^roost: local ${OTHER}: .*\\[archive_damaged\\]$`, 'm'));
  const adopted = await roost(daemon, 'vault', 'adopt', '--json');
  expect([adopted.exitCode, adopted.json()]).toMatchObject([
    1,
    { code: 'archive_damaged', adoptions: [], failures: [{ server: OTHER, backup: id }], failureCount: 1 },
  ]);
});

function packedBytes(site: Host): number {
  const directory = join(site.backups, GAME_SERVER);
  return packs(site).reduce((sum, name) => sum + fs.statSync(join(directory, name)).blocks * 512, 0);
}
