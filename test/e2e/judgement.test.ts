/** One test for each kind of wrong judgement that 0.1.0 was known for, through the API and the commands alone. */
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { gzipSync, crc32 } from 'node:zlib';
import { expect, test } from 'vitest';
import { run } from '../cli/run.ts';
import { GAME_SERVER, type Host, runDaemonOn, scratchHost, TOKEN } from '../support/daemon.ts';
import { scratchDirectory } from '../support/scratch.ts';

const BACKUPS = `/api/servers/${GAME_SERVER}/backups`;
const restoreOf = (id: string): string => `${BACKUPS}/restore?id=${id}`;

interface Made {
  readonly id: string;
  readonly warnings?: readonly { readonly code: string; readonly path: string }[];
}

async function configFile(host: Host): Promise<string> {
  const file = join(host.directory, 'config.yml');
  await fs.promises.writeFile(file, host.config, { mode: 0o600 });
  return file;
}

test('a path of a restore that looks like a pattern is a name', async () => {
  const host = await scratchHost();
  fs.writeFileSync(join(host.server, '!config.yml'), 'good');
  const { call } = await runDaemonOn(host);
  const { id } = (await call(BACKUPS, { body: {} })).body as Made;
  fs.writeFileSync(join(host.server, '!config.yml'), 'bad');
  fs.writeFileSync(join(host.server, 'eula.txt'), 'changed since');
  const { status } = await call(restoreOf(id), { body: { paths: ['!config.yml'], truncate: true } });
  expect(status).toBe(200);
  expect(fs.readFileSync(join(host.server, '!config.yml'), 'utf8')).toBe('good');
  expect(fs.readFileSync(join(host.server, 'eula.txt'), 'utf8')).toBe('changed since');
});

test('nights of an empty folder push no good backup out', async () => {
  const host = await scratchHost('retention: { keep_last: 2 }');
  const { call } = await runDaemonOn(host);
  const { id } = (await call(BACKUPS, { body: {} })).body as Made;
  for (const name of fs.readdirSync(host.server)) fs.rmSync(join(host.server, name), { recursive: true });
  for (let night = 0; night < 3; night++) await call(BACKUPS, { body: {} });
  const listed = (await call(BACKUPS)).body as readonly Made[];
  expect(listed.map((backup) => backup.id)).toContain(id);
});

test('a date in the future does not remove what was just made', async () => {
  const host = await scratchHost('retention: { keep_daily: 1 }');
  const first = await runDaemonOn(host);
  expect((await first.call(BACKUPS, { body: {} })).status).toBe(201);
  await first.daemon.stop();
  const catalogue = new DatabaseSync(join(host.directory, 'state', 'catalogue.sqlite'));
  catalogue.exec('UPDATE backups SET created_at = created_at + 400 * 86400000');
  catalogue.close();
  const { call } = await runDaemonOn(host);
  const { id } = (await call(BACKUPS, { body: {} })).body as Made;
  // What is removed is removed after the answer; the plan says what that is.
  const { backups } = (await call(`/api/servers/${GAME_SERVER}/retention`)).body as {
    readonly backups: readonly { readonly backup: Made; readonly reasons: readonly string[] }[];
  };
  expect(backups.find(({ backup }) => backup.id === id)?.reasons).toContain('daily');
});

test('a truncating restore of an archive of nothing is refused, and the server stays', async () => {
  const host = await scratchHost();
  const file = await configFile(host);
  const directory = await scratchDirectory();
  const archive = join(directory, `${randomUUID()}.tar.gz`);
  fs.writeFileSync(archive, gzipSync(Buffer.alloc(10_240)));
  const adopted = await run(['adopt', directory, '--config', file, '--server', GAME_SERVER]);
  expect(adopted.exitCode).toBe(0);
  const { call } = await runDaemonOn(host);
  const [{ id } = { id: '' }] = (await call(BACKUPS)).body as readonly Made[];
  expect((await call(restoreOf(id), { body: { truncate: true } })).status).toBeGreaterThanOrEqual(400);
  expect(fs.existsSync(join(host.server, 'eula.txt'))).toBe(true);
});

test('a time just before a second is not rounded up to it', async () => {
  const directory = await scratchDirectory();
  const [tree, archive, out] = ['tree', 'a.tar.gz', 'out'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  fs.mkdirSync(tree);
  fs.writeFileSync(join(tree, 'file'), 'x');
  execFileSync('touch', ['-d', '@315360000.999999999', join(tree, 'file')]);
  expect((await run(['archive', 'create', tree, archive])).exitCode).toBe(0);
  fs.mkdirSync(out);
  execFileSync('tar', ['-xzf', archive, '-C', out]);
  const { mtimeNs } = fs.statSync(join(out, 'file'), { bigint: true });
  expect(mtimeNs / 1_000_000_000n).toBe(315_360_000n);
});

test('a world that is a link to another disk is not left out in silence', async () => {
  const host = await scratchHost();
  fs.symlinkSync(await scratchDirectory(), join(host.server, 'linked-world'));
  const { call } = await runDaemonOn(host);
  const { warnings = [] } = (await call(BACKUPS, { body: {} })).body as Made;
  expect(warnings.map(({ path }) => path)).toContain('linked-world');
});

test('the doctor names a stage that a restore could not remove', async () => {
  const host = await scratchHost();
  const stage = join(host.directory, 'servers', `.roost-stage-${randomUUID()}`);
  fs.mkdirSync(stage);
  const { stdout } = await run(['doctor', '--config', await configFile(host), '--json']);
  expect(stdout).toContain(stage);
});

test('a server whose directory is gone is restored into a new one', async () => {
  const host = await scratchHost();
  const { call } = await runDaemonOn(host);
  const { id } = (await call(BACKUPS, { body: {} })).body as Made;
  fs.rmSync(host.server, { recursive: true });
  expect((await call(restoreOf(id), { body: {} })).status).toBe(200);
  expect(fs.readFileSync(join(host.server, 'eula.txt'), 'utf8')).toBe('eula=true\n');
});

test('retention makes room at the limit of a server', async () => {
  const host = await scratchHost('retention: { keep_last: 2 }');
  const limited = { ...host, config: host.config.replace('per_server: 0', 'per_server: 2') };
  const { call } = await runDaemonOn(limited);
  const answers: number[] = [];
  for (let night = 0; night < 4; night++) {
    fs.appendFileSync(join(host.server, 'eula.txt'), `${night}\n`);
    answers.push((await call(BACKUPS, { body: {} })).status);
  }
  expect(answers).toEqual([201, 201, 201, 201]);
});

test('a second node does not take over the store of the first', async () => {
  const host = await scratchHost();
  const first = await runDaemonOn(host);
  expect((await first.call(BACKUPS, { body: {} })).status).toBe(201);
  const state = join(await scratchDirectory(), 'state');
  const second = await runDaemonOn({ ...host, config: host.config.replace(join(host.directory, 'state'), state) });
  expect((await second.call(BACKUPS, { body: {} })).status).toBe(503);
});

test('a health check of HTTP/1.0 without a Host is answered', async () => {
  const { url } = await runDaemonOn(await scratchHost());
  const socket = net.connect(Number(new URL(url).port), '127.0.0.1');
  socket.write(`GET /health HTTP/1.0\r\nAuthorization: Bearer ${TOKEN}\r\n\r\n`);
  let answer = '';
  for await (const chunk of socket) answer += String(chunk);
  expect(answer.split('\r\n')[0]).toMatch(/^HTTP\/1\.\d 200 /);
});

test('one tree has one size, to write and to unpack', async () => {
  const directory = await scratchDirectory();
  const [tree, archive] = [join(directory, 'tree'), join(directory, 'a.tar.gz')];
  fs.mkdirSync(tree);
  for (let at = 0; at < 20; at++) fs.writeFileSync(join(tree, `f${at}`), Buffer.alloc(100, at));
  const created = await run(['archive', 'create', tree, archive]);
  const extracted = await run(['archive', 'extract', archive, join(directory, 'out')]);
  const sizes = [created, extracted].map(({ stdout, stderr }) => /[\d.]+ (?:B|KiB)/.exec(stdout + stderr)?.[0]);
  expect(sizes).toEqual(['2.0 KiB', '2.0 KiB']);
});

test('a restore says that the game was not stopped, when nothing stops it', async () => {
  const { call } = await runDaemonOn(await scratchHost());
  const { id } = (await call(BACKUPS, { body: {} })).body as Made;
  const { body } = await call(restoreOf(id), { body: {} });
  expect(JSON.stringify(body)).toContain('not_stopped');
});

test('a zip behind a prefix is read', async () => {
  const directory = await scratchDirectory();
  const archive = join(directory, 'installer.zip');
  fs.writeFileSync(
    archive,
    Buffer.concat([Buffer.from('#!/bin/sh\nexit 0\n'), zipOf('hello.txt', Buffer.from('hello'))]),
  );
  const extracted = await run(['archive', 'extract', archive, join(directory, 'out')]);
  expect([0, 3]).toContain(extracted.exitCode);
  expect(fs.readFileSync(join(directory, 'out', 'hello.txt'), 'utf8')).toBe('hello');
});

/** A stored member, with offsets that count from the start of the zip, as they do where it was put behind something. */
function zipOf(name: string, content: Buffer): Buffer {
  const fields = (size: number, values: readonly [number, number, number][]): Buffer => {
    const bytes = Buffer.alloc(size);
    for (const [at, length, value] of values) bytes.writeUIntLE(value, at, length);
    return bytes;
  };
  const [sum, size, length] = [crc32(content), content.length, name.length];
  const local = fields(30, [
    [0, 4, 0x04034b50],
    [4, 2, 10],
    [12, 2, 0x21],
    [14, 4, sum],
    [18, 4, size],
    [22, 4, size],
    [26, 2, length],
  ]);
  const central = fields(46, [
    [0, 4, 0x02014b50],
    [4, 2, 10],
    [6, 2, 10],
    [14, 2, 0x21],
    [16, 4, sum],
    [20, 4, size],
    [24, 4, size],
    [28, 2, length],
  ]);
  const end = fields(22, [
    [0, 4, 0x06054b50],
    [8, 2, 1],
    [10, 2, 1],
    [12, 4, 46 + length],
    [16, 4, 30 + length + size],
  ]);
  return Buffer.concat([local, Buffer.from(name), content, central, Buffer.from(name), end]);
}
