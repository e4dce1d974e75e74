/**
 * Callers who list, look and hang up, against a daemon in a process of its own. Counted are bytes of answers, the CPU seconds
 * of the daemon and of its turns, never the time of this machine.
 */
import fs from 'node:fs/promises';
import net from 'node:net';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type DaemonProcess, startDaemon } from '../support/daemon-process.ts';
import { GAME_SERVER, scratchHost, TOKEN } from '../support/daemon.ts';
import { inflateCatalogue } from '../support/inflated-catalogue.ts';
import { countTurns, spreadOf, TURNS, turnsIn } from '../support/load/spread.ts';

const BACKUPS = `/api/servers/${GAME_SERVER}/backups`;
const MANY = 5000;

async function cpuSeconds({ pid }: DaemonProcess): Promise<number> {
  const [, fields = ''] = (await fs.readFile(`/proc/${pid}/stat`, 'utf8')).split(') ');
  const [user = 0, system = 0] = fields.split(' ').slice(11, 13).map(Number);
  return (user + system) / 100;
}

async function get({ url }: DaemonProcess, path: string): Promise<{ readonly status: number; readonly bytes: number }> {
  const answer = await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${TOKEN}` } });
  return { status: answer.status, bytes: (await answer.arrayBuffer()).byteLength };
}

/** Sends a request and hangs up once the daemon has it. */
async function hangUp({ url }: DaemonProcess, path: string): Promise<void> {
  const { hostname, port } = new URL(url);
  const socket = net.connect(Number(port), hostname);
  const head = [`POST ${path} HTTP/1.1`, 'Host: x', `Authorization: Bearer ${TOKEN}`, 'Content-Length: 2'];
  socket.on('error', () => undefined);
  socket.write(`${head.join('\r\n')}\r\n\r\n{}`);
  await wait(500);
  socket.destroy();
}

test('a list of 5,000 backups with 1,000 warnings each stays small and cheap for twenty who poll it', async () => {
  const host = await scratchHost('verification: { every_days: 0 }');
  const first = await startDaemon(host);
  expect((await first.call(BACKUPS, { body: {} })).status).toBe(201);
  await first.kill();
  inflateCatalogue(host.directory, MANY);
  const turns = join(host.directory, 'turns');
  await fs.writeFile(turns, '');
  const daemon = await startDaemon(host, { env: { NODE_OPTIONS: `--import ${TURNS}`, TURNS_FILE: turns } });
  const list = await get(daemon, BACKUPS);
  expect([list.status, list.bytes < 1200 * MANY]).toEqual([200, true]);
  const page = await get(daemon, `/api/client/servers/${GAME_SERVER}/backups?page=90`);
  expect([page.status, page.bytes < 40_000]).toEqual([200, true]);
  // Not those of the start, which compiles.
  const turnsBefore = await countTurns(turns);
  const before = await cpuSeconds(daemon);
  for (let round = 0; round < 5; round++) {
    const answers = await Promise.all(Array.from({ length: 20 }, () => get(daemon, BACKUPS)));
    expect(new Set(answers.map(({ bytes }) => bytes))).toEqual(new Set([list.bytes]));
  }
  // A hundred answers of megabytes: what is spent is sending them.
  expect((await cpuSeconds(daemon)) - before).toBeLessThan(5);
  await countTurns(turns);
  const turn = spreadOf((await turnsIn(turns)).slice(turnsBefore));
  console.log(turn);
  expect(turn.p50).toBeGreaterThan(0);
  expect(turn.p99).toBeLessThan(50);
  await daemon.kill();
}, 300_000);

test('two hundred estimates whose callers are gone are not walked for', async () => {
  const host = await scratchHost();
  for (let directory = 0; directory < 20; directory++) {
    await fs.mkdir(join(host.server, `d${directory}`));
    await Promise.all(
      Array.from({ length: 500 }, (_, at) => fs.writeFile(join(host.server, `d${directory}`, `${at}`), '')),
    );
  }
  const daemon = await startDaemon(host);
  const before = await cpuSeconds(daemon);
  expect((await daemon.call(`${BACKUPS}/estimate`, { body: {} })).status).toBe(200);
  const one = (await cpuSeconds(daemon)) - before;
  await Promise.all(Array.from({ length: 200 }, () => hangUp(daemon, `${BACKUPS}/estimate`)));
  // Refused (429) until the daemon has seen that the others are gone.
  await expect.poll(async () => (await daemon.call(`${BACKUPS}/estimate`, { body: {} })).status).toBe(200);
  const all = (await cpuSeconds(daemon)) - before;
  // The walks that were begun and stopped, and two hundred requests; not two hundred walks.
  expect(all).toBeLessThan(10 * one + 3);
  await daemon.kill();
}, 300_000);
