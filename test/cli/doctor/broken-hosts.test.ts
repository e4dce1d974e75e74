/** Twelve hosts with one fault each: the doctor names that fault, and no other. */
import { execFileSync } from 'node:child_process';
import { mkdir, open, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Finding } from '../../../src/base/finding.ts';
import { GAME_SERVER, type Host, type RunningDaemon, runDaemonOn, scratchHost } from '../../support/daemon.ts';
import { judgeVaultDisk } from '../../../src/cli/doctor/stores.ts';
import { inspectVaultDisk } from '../../../src/storage/vault/inspect.ts';
import { freePort } from '../../support/free-port.ts';
import { NIGHTLY_CRON } from '../../support/nightly.ts';
import { run } from '../run.ts';
import { archiveFile } from '../../support/stored-archive.ts';

const NIGHTLY = `schedules: [ { server: "*", cron: "${NIGHTLY_CRON}" } ]\nretention: { keep_last: 7 }\n`;

interface Patient extends Host {
  readonly file: string;
  readonly call: RunningDaemon['call'];
  readonly daemon: RunningDaemon['daemon'];
  /** Changes the catalogue beside the daemon. */
  readonly change: (sql: string) => void;
}

/** @param more sections of the config. @param before runs between the making of the host and the start. */
async function patient(
  more = NIGHTLY,
  edit: (config: string) => string = (config) => config,
  before: (host: Host) => Promise<unknown> = async () => undefined,
): Promise<Patient> {
  const made = await scratchHost(more);
  const port = await freePort();
  const config = edit(made.config.replace('port: 0', `port: ${port}`).replace('level: silent', 'level: error'));
  const host = { ...made, config };
  const file = join(host.directory, 'config.yml');
  await writeFile(file, config, { mode: 0o600 });
  await before(host);
  const { call, daemon } = await runDaemonOn(host);
  const change = (sql: string): void => {
    const database = new DatabaseSync(join(host.directory, 'state', 'catalogue.sqlite'));
    database.exec(sql);
    database.close();
  };
  return { ...host, file, call, daemon, change };
}

async function backUp({ call }: Patient): Promise<string> {
  const { status, body } = await call(`/api/servers/${GAME_SERVER}/backups`, { body: {} });
  expect(status).toBe(201);
  return (body as { readonly id: string }).id;
}

/** What the doctor finds wrong, but for the engine: not every host has ISA-L. */
async function complaints(host: Pick<Patient, 'file'>): Promise<readonly Finding[]> {
  const findings = await findingsOf(host);
  // Which engine is installed, and what the disk of a vault can do, is of the machine that runs the tests.
  return findings.filter((finding) => finding.level !== 'ok' && finding.check !== 'engine' && !isOfDisk(finding));
}

async function findingsOf({ file }: Pick<Patient, 'file'>): Promise<readonly Finding[]> {
  return ((await run(['doctor', '--config', file, '--json'])).json() as { findings: readonly Finding[] }).findings;
}

function isOfDisk({ message }: Finding): boolean {
  return /^The (?:disk of the )?vault "local" (?:lies on a disk|gives space)/.test(message);
}

function only(check: string, level: 'warning' | 'fault', message: string, hint: string): readonly unknown[] {
  return [
    {
      check,
      level,
      message: expect.stringContaining(message) as unknown,
      hint: expect.stringContaining(hint) as unknown,
    },
  ];
}

describe('the doctor names the one fault of a host', () => {
  test('that has none: a server with a schedule, rules and a good backup', async () => {
    const host = await patient();
    await backUp(host);
    expect(await complaints(host)).toEqual([]);
  });

  test('of whose vault’s disk it says the same, whether the daemon runs or not', async () => {
    const host = await patient(NIGHTLY, (config) =>
      config.replace(/type: local, (?:layout: vault, )?/, 'type: local, layout: vault, '),
    );
    await backUp(host);
    const ofDisk = async (): Promise<readonly Finding[]> => (await findingsOf(host)).filter(isOfDisk);
    const directory = join(host.directory, 'backups');
    const expected = judgeVaultDisk('local', await inspectVaultDisk(directory));
    expect(await ofDisk()).toEqual(expected);
    await host.daemon.stop();
    expect(await ofDisk()).toEqual(expected);
  });

  test('whose servers are read-only for the daemon', async (context) => {
    const host = await patient(NIGHTLY, undefined, async ({ directory }) => {
      const servers = join(directory, 'servers');
      try {
        execFileSync('mount', ['--bind', servers, servers], { stdio: 'pipe' });
      } catch (error) {
        context.skip(true, `nothing may be mounted here: ${String(error)}`);
      }
      onTestFinished(() => void execFileSync('umount', ['--lazy', servers]));
      execFileSync('mount', ['-o', 'remount,bind,ro', servers]);
    });
    await backUp(host);
    expect(await complaints(host)).toEqual(only('servers', 'fault', 'EROFS', 'ReadWritePaths='));
  });

  test('whose store is full', async () => {
    const host = await patient();
    await backUp(host);
    await host.daemon.stop();
    const full = { ...host, config: host.config.replace('reserve_free: 0', 'reserve_free: 8000TiB') };
    await writeFile(host.file, full.config);
    await runDaemonOn(full);
    expect(await complaints(host)).toEqual(only('space', 'fault', 'not more than its reserve', 'retention'));
  });

  test('without a schedule', async () => {
    const host = await patient('');
    await backUp(host);
    expect(await complaints(host)).toEqual(only('schedule', 'warning', '1 server has no schedule', 'schedules: ['));
  });

  test('whose newest backup is damaged', async () => {
    const host = await patient();
    await backUp(host);
    const damaged = await backUp(host);
    const archive = await open(archiveFile(host.backups, GAME_SERVER, damaged), 'r+');
    await archive.write(Buffer.from('rot!'), 0, 4, Math.floor((await archive.stat()).size / 2));
    await archive.close();
    await host.call(`/api/servers/${GAME_SERVER}/backups/${damaged}/verify`, { method: 'POST' });
    expect(await complaints(host)).toEqual(only('backups', 'fault', `1 backup is damaged: ${damaged}`, 'verify'));
  });

  test('with a server at its limit', async () => {
    const host = await patient(NIGHTLY.replace('keep_last: 7', 'keep_last: 1'), (config) =>
      config.replace('per_server: 0', 'per_server: 2'),
    );
    for (let count = 0; count < 2; count += 1) {
      const id = await backUp(host);
      await host.call(`/api/servers/${GAME_SERVER}/backups/lock?id=${id}`, { method: 'PATCH', body: { locked: true } });
    }
    expect(await complaints(host)).toEqual(only('limits', 'fault', '1 server is at its limit', 'limits.per_server'));
  });

  test('whose config names a token file that is not there', async () => {
    const host = await patient();
    await backUp(host);
    await writeFile(host.file, host.config.replace(/secret: [^,]+/, 'secret: "file:///nowhere/token"'));
    expect(await complaints(host)).toEqual([
      expect.objectContaining({ check: 'config', level: 'fault', message: expect.stringContaining('/nowhere/token') }),
    ]);
  });

  test('whose token file holds another token than the daemon knows', async () => {
    const host = await patient(
      `${NIGHTLY}panel: { flavour: pelican, url: "http://127.0.0.1:1", token_id: id, token: ${'t'.repeat(32)} }\n`,
    );
    await backUp(host);
    await writeFile(host.file, host.config.replace(/secret: [^,]+/, `secret: ${'other'.repeat(5)}`));
    expect(await complaints(host)).toEqual(
      only('daemon', 'warning', 'not to the token of this config', 'systemctl reload roost'),
    );
  });

  test('whose clock has gone back', async () => {
    const host = await patient();
    await backUp(host);
    host.change('UPDATE backups SET updated_at = updated_at + 7200000');
    expect(await complaints(host)).toEqual(only('clock', 'fault', 'The clock has gone back', 'set-ntp'));
  });

  test('whose store is away', async () => {
    const host = await patient();
    await backUp(host);
    await rm(host.backups, { recursive: true });
    await mkdir(host.backups, { mode: 0o700 });
    expect(await complaints(host)).toEqual(only('store', 'fault', 'cannot use the store "local"', 'mount'));
  });

  test('whose panel is away, with nothing to be told yet', async () => {
    const closed = await freePort();
    const host = await patient(
      `${NIGHTLY}panel: { flavour: pelican, url: "http://127.0.0.1:${closed}", token_id: id, token: ${'t'.repeat(32)} }\n`,
    );
    await backUp(host);
    await expect
      .poll(() => complaints(host))
      .toEqual(only('panel', 'warning', 'The panel took nothing when it was asked last', 'panel.url'));
  });

  test('whose panel is away and owed a report', async () => {
    const closed = await freePort();
    const host = await patient(
      `${NIGHTLY}panel: { flavour: pelican, url: "http://127.0.0.1:${closed}", token_id: id, token: ${'t'.repeat(32)} }\n`,
    );
    await backUp(host);
    const id = '44444444-4444-4444-8444-444444444444';
    host.change(`INSERT INTO deliveries
      (job, kind, server, backup, successful, step, asked_at, created_at, due_at, give_up_at)
      VALUES ('${id}', 'restore', '${GAME_SERVER}', '${id}', 1, 'report', 1, 1, ${2 ** 50}, ${2 ** 50})`);
    expect(await complaints(host)).toEqual(only('panel', 'warning', 'The panel is owed a report', 'panel.url'));
  });

  test('with a stage that a restore left', async () => {
    const host = await patient();
    await backUp(host);
    await mkdir(join(host.directory, 'servers', '.roost-stage-33333333-3333-4333-8333-333333333333'), { mode: 0o700 });
    expect(await complaints(host)).toEqual(only('stages', 'warning', 'A restore left its stage behind', 'lsattr'));
  });

  test('whose store another node has taken', async () => {
    const host = await patient();
    await backUp(host);
    await writeFile(join(host.backups, '.roost-store'), '55555555-5555-4555-8555-555555555555\n');
    expect(await complaints(host)).toEqual(only('store', 'fault', 'cannot use the store "local"', 'disk'));
  });

  test('whose hook before a backup fails', async () => {
    const host = await patient(`${NIGHTLY}power: { driver: command, prepare: ["false"], resume: ["true"] }\n`);
    await backUp(host);
    expect(await complaints(host)).toEqual(
      only(
        'power',
        'warning',
        '1 server could not be kept still',
        'power.prepare or power.resume failed, or it was started',
      ),
    );
  });
});
