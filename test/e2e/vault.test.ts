/** A daemon whose store is a vault: everything that a plain store gives, for a fraction of the disk. */
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { directoryManifest } from '../support/directory-manifest.ts';
import { startDaemon } from '../support/daemon-process.ts';
import { GAME_SERVER, type Host, LAYOUT, type RunningDaemon, runDaemonOn, scratchHost } from '../support/daemon.ts';
import { needsProgram } from '../support/programs.ts';

const BACKUPS = `/api/servers/${GAME_SERVER}/backups`;

interface Made {
  readonly id: string;
  readonly size: number;
  readonly checksum: string;
}

async function vaultHost(more = ''): Promise<Host> {
  const host = await scratchHost(more);
  const config = host.config.replace(LAYOUT, '').replace('type: local,', 'type: local, layout: vault,');
  fs.writeFileSync(join(host.server, 'world', 'region.mca'), randomBytes(3 << 20));
  return { ...host, config };
}

async function backUp({ call }: Pick<RunningDaemon, 'call'>): Promise<Made> {
  const { status, body } = await call(BACKUPS, { body: {}, headers: { prefer: 'wait=60' } });
  expect(status).toBe(201);
  return body;
}

/** Changes a sector of the region file, and a small file. */
function play(host: Host, night: number): void {
  const region = fs.openSync(join(host.server, 'world', 'region.mca'), 'r+');
  fs.writeSync(region, randomBytes(4096), 0, 4096, (100 + night * 37) * 4096);
  fs.closeSync(region);
  fs.writeFileSync(join(host.server, 'eula.txt'), `eula=${night}\n`);
}

async function download({ call, url }: RunningDaemon, { id }: Made): Promise<Buffer> {
  const { body } = await call(`${BACKUPS}/download-token`, { body: { id } });
  const { downloadUrl } = body as { downloadUrl: string };
  const answer = await fetch(new URL(downloadUrl, url));
  return Buffer.from(await answer.arrayBuffer());
}

function diskBytes({ backups }: Host): number {
  return Number(execFileSync('du', ['-s', '-B1', backups], { encoding: 'utf8' }).split('\t')[0]);
}

/** Packs that take less than they are long. */
function holes({ backups }: Host): number {
  const packs = fs.readdirSync(backups, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.pack'));
  const facts = packs.map((name) => fs.statSync(join(backups, name)));
  return facts.filter(({ size, blocks }) => blocks * 512 < size).length;
}

describe('a daemon with a vault', () => {
  test('verifies, looks into, restores and removes as a plain store does', async (context) => {
    needsProgram(context, 'tar');
    const host = await vaultHost();
    const daemon = await runDaemonOn(host);
    const first = await backUp(daemon);
    const before = directoryManifest(host.server);
    play(host, 1);
    const second = await backUp(daemon);
    const verified = await daemon.call(`${BACKUPS}/${second.id}/verify`, {
      method: 'POST',
      headers: { prefer: 'wait=60' },
    });
    expect(verified.status).toBe(200);
    const file = await daemon.call(`${BACKUPS}/${second.id}/files?path=world`);
    expect(file.body).toMatchObject({ entries: [{ name: 'level.dat' }, { name: 'region.mca', size: 3 << 20 }] });
    fs.writeFileSync(join(host.server, 'grief.txt'), 'gone\n');
    const restored = await daemon.call(`${BACKUPS}/restore?id=${first.id}`, { body: { truncate: true } });
    expect(restored.status).toBe(200);
    expect(directoryManifest(host.server)).toEqual(before);
    expect((await daemon.call(`${BACKUPS}/delete?id=${first.id}`, { method: 'DELETE' })).status).toBe(200);
    const archive = join(host.directory, 'second.tar.gz');
    fs.writeFileSync(archive, await download(daemon, second));
    expect(execFileSync('tar', ['-xzOf', archive, 'eula.txt'], { encoding: 'utf8' })).toBe('eula=1\n');
  });

  test('gives back what a removed backup took, by the threads of the build', async () => {
    const host = await vaultHost();
    const daemon = await startDaemon(host, { built: true });
    const first = await backUp(daemon);
    const region = fs.openSync(join(host.server, 'world', 'region.mca'), 'r+');
    fs.writeSync(region, randomBytes(1 << 18), 0, 1 << 18, 1 << 20);
    fs.closeSync(region);
    await backUp(daemon);
    const before = diskBytes(host);
    expect((await daemon.call(`${BACKUPS}/delete?id=${first.id}`, { method: 'DELETE' })).status).toBe(200);
    await expect.poll(() => holes(host)).toBeGreaterThan(0);
    expect(before - diskBytes(host)).toBeGreaterThan(200_000);
  });

  test('goes on after a restart, and from the manifests when the catalogue is lost', async () => {
    const host = await vaultHost();
    const daemon = await runDaemonOn(host);
    const made = await backUp(daemon);
    await daemon.daemon.stop();
    fs.rmSync(join(host.directory, 'state'), { recursive: true });
    const again = await runDaemonOn(host);
    expect((await again.call(`${BACKUPS}/${made.id}`)).body).toMatchObject({ status: 'COMPLETED', size: made.size });
    play(host, 2);
    const before = diskBytes(host);
    const next = await backUp(again);
    expect(diskBytes(host) - before).toBeLessThan(made.size / 4);
    expect(
      createHash('sha256')
        .update(await download(again, next))
        .digest('hex'),
    ).toBe(next.checksum);
  });

  test('set back to plain archives, it still reads those of the vault, and the new ones are files', async () => {
    const host = await vaultHost();
    const daemon = await runDaemonOn(host);
    const made = await backUp(daemon);
    await daemon.daemon.stop();
    const plain = await runDaemonOn({ ...host, config: host.config.replace('layout: vault', 'layout: plain') });
    expect(
      createHash('sha256')
        .update(await download(plain, made))
        .digest('hex'),
    ).toBe(made.checksum);
    const next = await backUp(plain);
    expect(fs.statSync(join(host.backups, GAME_SERVER, `${next.id}.tar.gz`)).size).toBe(next.size);
  });
});
