import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, onTestFinished, test } from 'vitest';
import { checkClock, checkNode } from '../../../src/cli/doctor/host.ts';
import { checkVaults, judgeVaultDisk } from '../../../src/cli/doctor/stores.ts';
import { parseConfig } from '../../../src/config/config.ts';
import type { Finding } from '../../../src/base/finding.ts';
import { GAME_SERVER, runDaemonOn, scratchHost, type Host } from '../../support/daemon.ts';
import { freePort } from '../../support/free-port.ts';
import { NIGHTLY_CRON } from '../../support/nightly.ts';
import { run } from '../run.ts';

interface Examined {
  readonly exitCode: number;
  readonly healthy: boolean;
  readonly findings: readonly Finding[];
}

interface Patient extends Host {
  readonly file: string;
}

const NIGHTLY = `schedules: [ { server: "*", cron: "${NIGHTLY_CRON}" } ]\nretention: { keep_last: 7 }`;

/** A host whose config is a file with a port that is free, and whose directories are its owner's alone. */
async function patient(change: (config: string) => string = (config) => config): Promise<Patient> {
  const host = await scratchHost(NIGHTLY);
  const config = change(
    host.config.replace('port: 0', `port: ${await freePort()}`).replace('level: silent', 'level: error'),
  );
  const file = join(host.directory, 'config.yml');
  await writeFile(file, config, { mode: 0o600 });
  return { ...host, config, file };
}

async function examine({ file }: Pick<Patient, 'file'>): Promise<Examined> {
  const ran = await run(['doctor', '--config', file, '--json']);
  return { exitCode: ran.exitCode, ...(ran.json() as Omit<Examined, 'exitCode'>) };
}

/** What is not well, but for the engine: not every host has ISA-L. */
function complaints({ findings }: Examined): string[] {
  return findings
    .filter(({ level, check }) => level !== 'ok' && check !== 'engine')
    .map(({ check, level }) => `${level} ${check}`);
}

describe('roost doctor', () => {
  test('finds nothing wrong with a daemon that runs', async () => {
    const host = await patient();
    const { call } = await runDaemonOn(host);
    await call(`/api/servers/${GAME_SERVER}/backups`, { body: {} });
    const examined = await examine(host);
    expect(complaints(examined)).toEqual([]);
    expect(examined.findings.map(({ check }) => check)).toEqual(
      expect.arrayContaining([
        'node',
        'config',
        'catalogue',
        'daemon',
        'jobs',
        'clock',
        'engine',
        'state_directory',
        'store',
        'servers',
      ]),
    );
  });

  test('warns of a daemon that does not run, with exit 3, and changes nothing on the disk', async () => {
    const host = await patient();
    const examined = await examine(host);
    expect(complaints(examined)).toEqual(['warning daemon']);
    expect([examined.exitCode, examined.healthy]).toEqual([3, false]);
    expect((await readdir(host.directory)).sort()).toEqual(['config.yml', 'servers']);
  });

  test('names every fault of a config, with its place', async () => {
    const host = await patient((config) => `${config}\nlimit: {}\n`);
    const { exitCode, findings } = await examine(host);
    expect(exitCode).toBe(1);
    expect(findings.find(({ check }) => check === 'config')).toMatchObject({
      level: 'fault',
      message: expect.stringContaining('limit'),
    });
  });

  test('names a stage that a restore left, and not the one of a restore that runs', async () => {
    const host = await patient();
    const { daemon } = await runDaemonOn(host);
    await daemon.stop();
    const [left, used] = ['33333333-3333-4333-8333-333333333333', '44444444-4444-4444-8444-444444444444'];
    for (const job of [left, used]) {
      await mkdir(join(host.directory, 'servers', `.roost-stage-${job}`), { mode: 0o700 });
    }
    const database = new DatabaseSync(join(host.directory, 'state', 'catalogue.sqlite'));
    database.exec(`INSERT INTO jobs (id, kind, server, backup, state, phase, request, created_at)
      VALUES ('${used}', 'restore', '${GAME_SERVER}', '${used}', 'running', 'unpacking', '{}', 1)`);
    database.close();
    const { findings } = await examine(host);
    const named = findings.filter(({ check }) => check === 'stages').map(({ message }) => message);
    expect(named).toEqual([expect.stringContaining(left)]);
  });

  test('tells directories of servers that the running daemon cannot write, with the unit’s own remedy', async (context) => {
    const host = await patient();
    try {
      execFileSync('mount', ['--bind', join(host.directory, 'servers'), join(host.directory, 'servers')], {
        stdio: 'pipe',
      });
    } catch (error) {
      context.skip(true, `nothing may be mounted here: ${String(error)}`);
    }
    onTestFinished(() => void execFileSync('umount', ['--lazy', join(host.directory, 'servers')]));
    execFileSync('mount', ['-o', 'remount,bind,ro', join(host.directory, 'servers')]);
    const { call } = await runDaemonOn(host);
    const { body } = await call('/api/system');
    expect(body).toMatchObject({ unwritable: [{ path: join(host.directory, 'servers') }] });
    const { findings } = await examine(host);
    expect(findings).toContainEqual({
      check: 'servers',
      level: 'fault',
      message: expect.stringContaining('EROFS') as string,
      hint: expect.stringContaining(`ReadWritePaths=${join(host.directory, 'servers')}`) as string,
    });
    const created = (await call(`/api/servers/${GAME_SERVER}/backups`, { body: {} })).body as { readonly id: string };
    const path = `/api/servers/${GAME_SERVER}/backups/restore?id=${created.id}`;
    const refused = await call(path, { body: { truncate: true } });
    expect(refused.status).toBe(500);
    expect(JSON.stringify(refused.body)).toContain('systemctl edit roost');
  });

  test('tells copies that could not be made', async () => {
    const host = await patient();
    const { daemon } = await runDaemonOn(host);
    const catalogue = new DatabaseSync(join(host.directory, 'state', 'catalogue.sqlite'));
    const backup = '33333333-3333-4333-8333-333333333333';
    await daemon.stop();
    catalogue.exec('PRAGMA foreign_keys = OFF');
    catalogue.exec(
      `INSERT INTO copies (backup, store, state, error, updated_at) VALUES ('${backup}', 'far', 'failed', '{}', 1)`,
    );
    catalogue.close();
    expect(complaints(await examine(host))).toEqual(['warning daemon', 'warning copies', 'warning protection']);
  });

  test('names a port that another program holds', async () => {
    const host = await patient();
    const port = Number(/port: (\d+)/.exec(host.config)?.[1]);
    const holder = createServer().listen(port, '127.0.0.1');
    onTestFinished(() => void holder.close());
    await once(holder, 'listening');
    const { findings, exitCode } = await examine(host);
    const found = findings.find(({ check }) => check === 'port');
    expect(found?.message).toContain(`its port is taken: 127.0.0.1:${port}`);
    expect(found?.hint).toContain('ss -ltnp');
    expect(exitCode).toBe(1);
  });

  test('tells a daemon that holds the state directory and listens elsewhere', async () => {
    const host = await patient();
    await runDaemonOn({ ...host, config: host.config.replace(/port: \d+/, 'port: 0') });
    const found = (await examine(host)).findings.find(({ check }) => check === 'daemon');
    expect(found).toMatchObject({ level: 'warning', message: expect.stringContaining('the config says port') });
  });

  test('tells a store whose disk is away, whether or not the daemon runs', async () => {
    const host = await patient();
    const { call, daemon } = await runDaemonOn(host);
    await call(`/api/servers/${GAME_SERVER}/backups`, { body: {} });
    await rm(host.backups, { recursive: true });
    await mkdir(host.backups, { mode: 0o700 });
    expect(complaints(await examine(host))).toEqual(['fault store']);
    await daemon.stop();
    const examined = await examine(host);
    expect(complaints(examined)).toEqual(['warning daemon', 'fault store']);
    expect(examined.findings.find(({ check }) => check === 'store')?.hint).toContain('mounted');
  });

  test('tells a store directory that holds other files, and one that others may read', async () => {
    const host = await patient();
    await mkdir(host.backups, { mode: 0o755 });
    await chmod(host.backups, 0o755);
    expect(complaints(await examine(host))).toEqual(['warning daemon', 'warning store']);
    await writeFile(join(host.backups, 'holiday.jpg'), '');
    expect(complaints(await examine(host))).toEqual(['warning daemon', 'fault store']);
  });

  test('tells a disk without room above the reserve', async () => {
    const host = await patient((config) => config.replace('reserve_free: 0', 'reserve_free: 8000TiB'));
    await mkdir(host.backups, { mode: 0o700 });
    expect(complaints(await examine(host))).toEqual(['warning daemon', 'fault space']);
  });

  test('tells a damaged catalogue and how it comes back', async () => {
    const host = await patient();
    await (await runDaemonOn(host)).daemon.stop();
    const file = join(host.directory, 'state', 'catalogue.sqlite');
    await truncate(file, 5000);
    const { findings } = await examine(host);
    const found = findings.find(({ check }) => check === 'catalogue');
    expect(found).toMatchObject({ level: 'fault', message: expect.stringContaining('damaged') });
    expect(found?.hint).toContain('rebuild');
  });

  test('tells servers that are missing, and a state directory that others may read', async () => {
    const host = await patient((config) => config.replace(/servers: \{ root: .* \}/, 'servers: { root: /nowhere }'));
    await mkdir(join(host.directory, 'state'), { mode: 0o755 });
    await chmod(join(host.directory, 'state'), 0o755);
    const found = complaints(await examine(host));
    expect(found).toEqual(['warning daemon', 'warning state_directory', 'fault servers']);
  });

  test('prints one line for each check, and the hint below it', async () => {
    const host = await patient();
    const ran = await run(['doctor', '--config', host.file]);
    expect(ran.stdout).toMatch(/^ok {6}node: Node v/m);
    expect(ran.stdout).toMatch(/^warning daemon: The daemon does not run\n {8}systemctl start roost/m);
  });

  test('says so when no config is to be found', async () => {
    const ran = await run(['doctor', '--config', '/nowhere/config.yml', '--json']);
    expect(ran.exitCode).toBe(1);
    expect(ran.json()).toMatchObject({ findings: [{ check: 'node' }, { check: 'config', level: 'fault' }] });
  });
});

describe('what the doctor makes of', () => {
  test('an old Node', () => {
    expect(checkNode('v18.20.0')).toMatchObject({ level: 'fault', hint: expect.stringContaining('npm ci') });
    expect(checkNode('v26.1.0').level).toBe('ok');
  });

  test('the disk of a vault that gives no holes back, or rotates', () => {
    expect(judgeVaultDisk('local', { freesHoles: true, rotates: undefined })).toEqual([]);
    expect(judgeVaultDisk('local', { freesHoles: true, rotates: false })).toEqual([]);
    expect(judgeVaultDisk('local', { freesHoles: false, rotates: false })).toMatchObject([
      { check: 'store', level: 'warning', message: expect.stringContaining('by moving bytes alone') },
    ]);
    expect(judgeVaultDisk('local', { freesHoles: true, rotates: true })).toMatchObject([
      { check: 'store', level: 'warning', hint: expect.stringContaining('shortest_range: 64KiB') },
    ]);
  });

  test.each([
    ['vault', 'redirect', 1],
    ['vault', 'agent', 0],
    ['plain', 'redirect', 0],
  ])('a default store with layout: %s beside a bucket with download: %s', async (layout, download, count) => {
    const config = parseConfig(
      'config.yml',
      `storage:
  stores:
    local: { type: local, directory: /nowhere/backups, layout: ${layout} }
    offsite: { type: s3, bucket: backups, download: ${download} }
  copies: [ offsite ]`,
      {},
    );
    const findings = await checkVaults(config);
    expect(findings).toHaveLength(count);
    for (const { message } of findings) expect(message).toMatch(/"local" are served by the daemon.*"offsite"/);
  });

  test('a clock that was never set, or has gone back', () => {
    const at = (now: number) => ({ now: () => now, monotonic: () => 0 });
    const catalogue = {
      backups: 1,
      newest: Date.UTC(2026, 5, 1),
      openJobs: 0,
      swapping: 0,
      servers: [],
      failedCopies: 0,
      restoring: new Set<string>(),
      deliveries: { pending: 0, parked: 0, oldest: null, reason: null },
      markers: new Map(),
      histories: new Map(),
      unquiesced: [],
    };
    expect(checkClock(at(Date.UTC(1970, 0, 3)), undefined).level).toBe('fault');
    expect(checkClock(at(Date.UTC(2026, 4, 1)), catalogue)).toMatchObject({
      level: 'fault',
      message: expect.stringContaining('gone back'),
    });
    expect(checkClock(at(Date.UTC(2026, 5, 2)), catalogue).level).toBe('ok');
  });
});
