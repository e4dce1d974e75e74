/**
 * One test for each kind of attack or fault that 0.1.0 fell to and that a whole program shows from the outside, by its API
 * alone. `ROOST_TEST_AUDITED` may name the `dist/main.js` of another version: on 0.1.0 each of them fails. What needs a
 * power cut, a failing disk, a moved clock or minutes of flood is tested elsewhere; docs/security.md says where.
 */
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import { GAME_SERVER, type Host, scratchHost, TOKEN } from '../support/daemon.ts';
import { type DaemonProcess, startDaemon } from '../support/daemon-process.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { knownSecret } from '../support/secret-shapes.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { MAIN } from './roost-process.ts';

const PROGRAM = process.env['ROOST_TEST_AUDITED'] ?? MAIN;
const BACKUPS = `/api/servers/${GAME_SERVER}/backups`;
const CUSTOMER = knownSecret('a-token-of-one-server-alone');

interface Made {
  readonly id: string;
  readonly [field: string]: unknown;
}

async function started(host: Host, options: Parameters<typeof startDaemon>[1] = {}): Promise<DaemonProcess> {
  const daemon = await startDaemon(host, { main: PROGRAM, ...options });
  onTestFinished(() => daemon.kill());
  return daemon;
}

async function backedUp({ call }: DaemonProcess, body: object = {}): Promise<Made> {
  const { status, body: made } = await call(BACKUPS, { body });
  expect(status).toBe(201);
  return made;
}

const textOf = async (url: string, path: string, token = TOKEN): Promise<string> =>
  (await fetch(url + path, { headers: { authorization: `Bearer ${token}` } })).text();

/** What the API answers to raw bytes, up to the end of the connection. */
async function raw(url: string, request: string): Promise<string> {
  const socket = net.connect(Number(new URL(url).port), '127.0.0.1');
  socket.end(request);
  let answer = '';
  socket.on('data', (chunk: Buffer) => (answer += chunk.toString('latin1')));
  await once(socket, 'close');
  return answer;
}

/** Ticks of CPU that a process has used; there are a hundred in a second. */
function cpuTicks(pid: number): number {
  const fields = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return Number(fields[11]) + Number(fields[12]);
}

const bytesRead = (pid: number): number => Number(/rchar: (\d+)/.exec(fs.readFileSync(`/proc/${pid}/io`, 'utf8'))?.[1]);

test('C1: a restore in place of everything leaves a store that lies in the server', async () => {
  const host = await scratchHost();
  const inside = join(host.server, 'backups');
  const moved = { ...host, config: host.config.replace(`directory: ${host.backups}`, `directory: ${inside}`) };
  // Refused, unless an operator says that it is meant.
  const daemon = await started(moved).catch(() =>
    started({ ...moved, config: moved.config.replace('type: local,', 'type: local, allow_inside: true,') }),
  );
  const { id } = await backedUp(daemon);
  await daemon.call(`${BACKUPS}/restore?id=${id}`, { body: { truncate: true } });
  expect(fs.existsSync(join(inside, GAME_SERVER, `${id}.json`))).toBe(true);
});

test('C2: a pattern that stands for millions of names is answered, and nobody waits for it', async () => {
  const daemon = await started(await scratchHost());
  const { id } = await backedUp(daemon);
  const asked = (body: object): Promise<number> =>
    fetch(`${daemon.url}${BACKUPS}/restore?id=${id}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' },
      body: JSON.stringify({ ...body, dryRun: true }),
      signal: AbortSignal.timeout(20_000),
    }).then(({ status }) => status);
  for (const pattern of ['{9e6..1}', '{0x5f5e10..1}', '{1..1e7}']) {
    const statuses = await Promise.all([
      asked({ paths: [pattern] }),
      asked({ globs: [pattern] }),
      textOf(daemon.url, '/health'),
    ]);
    expect(statuses[0]).toBeGreaterThanOrEqual(400);
    expect(statuses[0]).toBeLessThan(500);
  }
});

test('H3: one link is read by so many connections at a time, and no more', async () => {
  const host = await scratchHost();
  fs.writeFileSync(join(host.server, 'big'), randomBytes(8 << 20));
  const daemon = await started(host);
  const { id } = await backedUp(daemon);
  const link = (await daemon.call(`${BACKUPS}/download-token`, { body: { id } })).body as {
    readonly downloadUrl: string;
  };
  const sockets = Array.from({ length: 40 }, () => net.connect(Number(new URL(daemon.url).port), '127.0.0.1'));
  onTestFinished(() => sockets.forEach((socket) => void socket.destroy()));
  const answers = await Promise.all(
    sockets.map(async (socket) => {
      socket.write(`GET ${link.downloadUrl} HTTP/1.1\r\nHost: x\r\n\r\n`);
      const [start] = (await once(socket, 'data')) as [Buffer];
      socket.pause();
      return start.toString('latin1', 9, 12);
    }),
  );
  expect(answers.filter((status) => status === '200').length).toBeLessThanOrEqual(16);
  expect(answers).toContain('429');
});

test('H4: holes of a file are not read', { timeout: 180_000 }, async () => {
  const host = await scratchHost();
  const huge = join(host.server, 'huge');
  fs.writeFileSync(huge, 'x');
  const { bavail, bsize } = fs.statfsSync(host.directory);
  fs.truncateSync(huge, Math.min(Math.floor(bavail * bsize * 0.8), 48 * 2 ** 30));
  const daemon = await started(host);
  const before = cpuTicks(daemon.pid);
  const { id } = await backedUp(daemon);
  expect((await daemon.call(`${BACKUPS}/restore?id=${id}`, { body: {} })).status).toBe(200);
  // To read or write that many zeros is a minute of a processor.
  expect(cpuTicks(daemon.pid) - before).toBeLessThan(1500);
});

test('H5: a list has the count of warnings, not the warnings', async () => {
  const host = await scratchHost();
  const long = join(host.server, 'x'.repeat(200));
  fs.mkdirSync(long);
  for (let number = 0; number < 30; number++) execFileSync('mkfifo', [join(long, `fifo-${number}`)]);
  const daemon = await started(host);
  await backedUp(daemon);
  expect((await textOf(daemon.url, BACKUPS)).length).toBeLessThan(3000);
});

test('H6: an archive that was taken over is read through once, not for each look', async () => {
  const host = await scratchHost();
  const daemon = await started(host);
  const { pid } = daemon;
  const { id } = await backedUp(daemon);
  await daemon.kill();
  // As an archive of another program: without an index, and with nothing that names one.
  fs.rmSync(join(host.backups, GAME_SERVER, `${id}.index`));
  fs.writeFileSync(join(host.server, 'big'), randomBytes(32 << 20));
  const tar = execFileSync('tar', ['-c', '-C', host.server, '.'], { maxBuffer: 2 ** 30 });
  const foreign = await scratchDirectory();
  const taken = randomUUID();
  fs.writeFileSync(join(foreign, `${taken}.tar.gz`), gzipSync(tar, { level: 1 }));
  execFileSync(process.execPath, [
    PROGRAM,
    'adopt',
    foreign,
    '--config',
    join(host.directory, 'config.yml'),
    '--server',
    GAME_SERVER,
  ]);
  const again = await started(host);
  expect(again.pid).not.toBe(pid);
  await textOf(again.url, `${BACKUPS}/${taken}/files`);
  const before = bytesRead(again.pid);
  for (const path of ['', 'world', 'world']) {
    expect(await textOf(again.url, `${BACKUPS}/${taken}/files?path=${path}`)).toContain('"entries"');
  }
  expect(bytesRead(again.pid) - before).toBeLessThan(8 << 20);
});

test('M4: a file of an archive that was put in another one’s place is not given out', async () => {
  const host = await scratchHost('backups: { compression: none }');
  const victim = join(host.server, 'plugin.jar');
  const daemon = await started(host);
  const make = async (bytes: Buffer): Promise<Made> => {
    fs.writeFileSync(victim, bytes);
    fs.utimesSync(victim, 1_700_000_000, 1_700_000_000);
    return backedUp(daemon);
  };
  const good = await make(Buffer.alloc(60_000, 'good'));
  const evil = await make(Buffer.alloc(60_000, 'evil'));
  for (const kind of ['tar.gz', 'index']) {
    const [from, to] = [evil, good].map(({ id }) => join(host.backups, GAME_SERVER, `${id}.${kind}`)) as [
      string,
      string,
    ];
    fs.copyFileSync(from, to);
  }
  expect(await textOf(daemon.url, `${BACKUPS}/${good.id}/files/content?path=plugin.jar`)).not.toContain('evil');
});

test('M5: the daemon answers though nobody reads its log', async () => {
  const host = await scratchHost();
  const config = join(host.directory, 'config.yml');
  const port = await freePort();
  fs.writeFileSync(config, host.config.replace('port: 0', `port: ${port}`).replace('level: silent', 'level: info'), {
    mode: 0o600,
  });
  const child = spawn(process.execPath, [PROGRAM, 'serve', '--config', config], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    child.stdout.destroy();
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  });
  child.stdout.pause();
  const url = `http://127.0.0.1:${port}`;
  const ask = (): Promise<boolean> =>
    fetch(`${url}/api/system`, {
      headers: { authorization: `Bearer ${TOKEN}` },
      signal: AbortSignal.timeout(20_000),
    }).then(
      (answer) => answer.ok,
      () => false,
    );
  await eventually(ask);
  // Each writes a line of some hundred bytes; a pipe holds 64 KiB.
  for (let number = 0; number < 900; number++) expect(await ask(), `request ${number}`).toBe(true);
});

test('M6: a list is JSON for readers that refuse half a character', async () => {
  const host = await scratchHost();
  fs.writeFileSync(join(host.server, '.pteroignore'), Buffer.from('caf\xe9/\n', 'latin1'));
  const daemon = await started(host);
  await backedUp(daemon);
  expect(await textOf(daemon.url, BACKUPS)).not.toMatch(/\\ud[89a-f]/i);
});

test('low: HTTP/1.0 needs no Host, and two are refused', async () => {
  const { url } = await started(await scratchHost());
  expect(await raw(url, 'GET /health HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.[01] 200/);
  const two = 'GET /health HTTP/1.1\r\nHost: a\r\nHost: b\r\nConnection: close\r\n\r\n';
  expect(await raw(url, two)).toMatch(/^HTTP\/1\.1 400/);
});

test('low: a backup that somebody cancelled is no fault of the server', async () => {
  const host = await scratchHost('backups: { write_limit: 1 }');
  fs.writeFileSync(join(host.server, 'big'), randomBytes(16 << 20));
  const daemon = await started(host);
  const id = randomUUID();
  const made = daemon.call(BACKUPS, { body: { id } });
  await eventually(async () => (await daemon.call(`${BACKUPS}/${id}/cancel`, { method: 'POST' })).status < 300);
  expect((await made).status).toBe(409);
});

test('low: what one scraper sees does not depend on another one’s rights', async () => {
  const other = '22222222-2222-4222-8222-222222222222';
  const host = await scratchHost();
  fs.mkdirSync(join(host.directory, 'servers', other));
  fs.writeFileSync(join(host.directory, 'servers', other, 'file'), 'x');
  const customer = `{ id: one, secret: ${CUSTOMER}, permissions: ["*"], servers: ["${other}"] }`;
  const daemon = await started({ ...host, config: host.config.replace('tokens: [', `tokens: [ ${customer},`) });
  await backedUp(daemon);
  expect((await daemon.call(`/api/servers/${other}/backups`, { body: {} })).status).toBe(201);
  await daemon.kill();
  const { url } = await started({ ...host, config: host.config.replace('tokens: [', `tokens: [ ${customer},`) });
  await textOf(url, '/metrics', CUSTOMER);
  const series = (await textOf(url, '/metrics')).split('\n').filter((line) => /last_success\w*\{/.test(line));
  expect(series.filter((line) => line.includes(GAME_SERVER) && !line.endsWith(' 0'))).toHaveLength(1);
});

test('low: a thousand folders in each other need no thousand descriptors', async () => {
  const host = await scratchHost();
  let at = host.server;
  for (let depth = 0; depth < 400; depth++) fs.mkdirSync((at = join(at, 'd')));
  fs.writeFileSync(join(at, 'deep'), 'x');
  const daemon = await started(host, { through: ['prlimit', '--nofile=256:256'] });
  await backedUp(daemon);
});

test('cost: a backup of one file takes a fifth of a second of CPU at most', async () => {
  const host = await scratchHost();
  const daemon = await started(host);
  for (let warm = 0; warm < 3; warm++) await backedUp(daemon);
  const before = cpuTicks(daemon.pid);
  for (let counted = 0; counted < 5; counted++) await backedUp(daemon);
  expect((cpuTicks(daemon.pid) - before) / 5).toBeLessThan(20);
});
