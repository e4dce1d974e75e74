import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { silentLog } from '../../src/base/log/log.ts';
import { composeDaemon } from '../../src/compose/daemon.ts';
import { parseConfig } from '../../src/config/config.ts';
import { GAME_SERVER, runDaemonOn, scratchHost } from '../support/daemon.ts';
import { failureOf } from '../support/rejection.ts';
import { storedArchive, storedNames } from '../support/stored-archive.ts';

const BACKUPS = `/api/servers/${GAME_SERVER}/backups`;

interface BackupObject {
  readonly id: string;
  readonly status: string;
  readonly checksum: string;
  readonly error?: { readonly code: string };
}

describe('a daemon', () => {
  test('backs a server up into an archive that any tar reads, and restores it', async () => {
    const host = await scratchHost();
    const { call } = await runDaemonOn(host);
    const created = await call(BACKUPS, { body: { name: 'first' } });
    expect(created.status).toBe(201);
    const { id, checksum } = created.body as BackupObject;
    const archive = storedArchive(host.backups, GAME_SERVER, id);
    expect(createHash('sha256').update(archive).digest('hex')).toBe(checksum);
    const names = execFileSync('tar', ['-tz'], { encoding: 'utf8', input: archive });
    expect(names.split('\n')).toEqual(expect.arrayContaining(['eula.txt', 'world/level.dat']));
    await writeFile(join(host.server, 'eula.txt'), 'eula=false\n');
    await rm(join(host.server, 'world'), { recursive: true });
    expect((await call(`${BACKUPS}/restore?id=${id}`, { method: 'POST', body: { truncate: true } })).status).toBe(200);
    expect(await readFile(join(host.server, 'eula.txt'), 'utf8')).toBe('eula=true\n');
    expect(await readdir(join(host.server, 'world'))).toEqual(['level.dat']);
    expect(await readdir(join(host.directory, 'servers'))).toEqual([GAME_SERVER]);
  });

  test('never archives its own directories, although they lie in the server’s', async () => {
    const host = await scratchHost();
    const inside = { ...host, backups: join(host.server, 'backups') };
    const config = host.config
      .replaceAll(host.backups, inside.backups)
      .replace(join(host.directory, 'state'), join(host.server, 'state'));
    const { call } = await runDaemonOn({ ...inside, config });
    for (const name of ['one', 'two']) expect((await call(BACKUPS, { body: { name } })).status).toBe(201);
    for (const file of storedNames(inside.backups, GAME_SERVER)) {
      if (!file.endsWith('.tar.gz')) continue;
      const archive = storedArchive(inside.backups, GAME_SERVER, file.slice(0, -'.tar.gz'.length));
      const names = execFileSync('tar', ['-tz'], { encoding: 'utf8', input: archive });
      expect(names).not.toMatch(/^(backups|state)\//m);
    }
  });

  test('keeps what it knows over a restart, and a lost catalogue comes back from the store', async () => {
    const host = await scratchHost();
    const first = await runDaemonOn(host);
    const { id } = (await first.call(BACKUPS, { body: { name: 'kept', locked: true } })).body as BackupObject;
    await first.daemon.stop();
    const second = await runDaemonOn(host);
    const before = (await second.call(BACKUPS)).body as BackupObject[];
    expect(before).toMatchObject([{ id, status: 'COMPLETED' }]);
    await second.daemon.stop();
    await rm(join(host.directory, 'state'), { recursive: true });
    const third = await runDaemonOn(host);
    expect((await third.call(BACKUPS)).body).toMatchObject([{ id, name: 'kept', status: 'COMPLETED', isLocked: true }]);
  });

  test('starts and answers with its store away, says so, and uses it when it is back', async () => {
    const host = await scratchHost();
    await (await runDaemonOn(host)).daemon.stop();
    await rename(host.backups, `${host.backups}.away`);
    await mkdir(host.backups);
    const { call, url } = await runDaemonOn(host);
    expect((await fetch(`${url}/health`)).status).toBe(200);
    expect((await call('/api/system')).body).toMatchObject({ stores: [{ name: 'local', freeBytes: null }] });
    const refused = await call(BACKUPS, { body: { name: 'x' } });
    expect([refused.status, (refused.body as { code: string }).code]).toEqual([503, 'store_unreachable']);
    expect(await readdir(host.backups)).toEqual([]);
    await rm(host.backups, { recursive: true });
    await rename(`${host.backups}.away`, host.backups);
    expect((await call(BACKUPS, { body: { name: 'x' } })).status).toBe(201);
  });
});

describe('cancelling', () => {
  test('stops a backup that reads slowly, and leaves no byte', async () => {
    const host = await scratchHost('backups: { read_limit: 1 }');
    await writeFile(join(host.server, 'large.bin'), Buffer.alloc(50_000_000, 'x'));
    const { call } = await runDaemonOn(host);
    const id = '22222222-2222-4222-8222-222222222222';
    const accepted = await call(BACKUPS, { body: { id }, headers: { prefer: 'respond-async' } });
    expect(accepted.status).toBe(202);
    expect((await call(`${BACKUPS}/${id}/cancel`, { method: 'POST' })).status).toBe(202);
    await vi.waitFor(async () => expect((await call(BACKUPS)).body).toMatchObject([{ status: 'FAILED' }]), 20_000);
    expect((await call(BACKUPS)).body).toMatchObject([{ id, error: { code: 'cancelled' } }]);
    expect((await readdir(host.backups)).filter((name) => !name.startsWith('.'))).toEqual([]);
  });
});

describe('one state directory', () => {
  test('has one daemon: a second is refused with the reason, and may start when the first has stopped', async () => {
    const host = await scratchHost();
    const first = await runDaemonOn(host);
    const failure = await failureOf(runDaemonOn(host));
    expect(failure.message).toContain('another Roost');
    await first.daemon.stop();
    await runDaemonOn(host);
  });

  test('is free again after a start that failed on a taken port', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void taken.close());
    await once(taken, 'listening');
    const { port } = taken.address() as { port: number };
    const host = await scratchHost();
    const config = parseConfig('config.yml', host.config.replace('port: 0', `port: ${port}`), {});
    const daemon = await composeDaemon(config, { log: silentLog() });
    await failureOf(daemon.start(), 'config_invalid');
    await daemon.stop();
    await runDaemonOn(host);
  });
});

describe('stopping', () => {
  test('lets a running backup end and answers its caller; stopping twice is no fault', async () => {
    const host = await scratchHost();
    const { daemon, call } = await runDaemonOn(host);
    const accepted = await call(BACKUPS, { body: { name: 'x' }, headers: { prefer: 'respond-async' } });
    expect(accepted.status).toBe(202);
    await Promise.all([daemon.stop(), daemon.stop()]);
    const next = await runDaemonOn(host);
    expect((await next.call(BACKUPS)).body).toMatchObject([{ status: 'COMPLETED' }]);
  });

  test('interrupts what goes on past the deadline, and leaves nothing of it', async () => {
    const host = await scratchHost('backups: { read_limit: 1 }');
    await writeFile(join(host.server, 'large.bin'), Buffer.alloc(30_000_000, 'x'));
    const { daemon, call } = await runDaemonOn(host, 0);
    const accepted = await call(BACKUPS, { body: { name: 'x' }, headers: { prefer: 'respond-async' } });
    expect(accepted.status).toBe(202);
    await daemon.stop();
    expect((await readdir(host.backups)).filter((name) => !name.startsWith('.'))).toEqual([]);
    const next = await runDaemonOn(host);
    expect((await next.call(BACKUPS)).body).toMatchObject([{ status: 'FAILED', error: { code: 'interrupted' } }]);
  });
});
