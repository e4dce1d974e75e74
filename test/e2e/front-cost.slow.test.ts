/**
 * What it costs that Roost stands before Wings, by what can be counted: every byte and line in its order, seconds of CPU
 * beside those of a bare socket pipe and of the barest relay of this Node in the same run, memory. Wall times are those
 * of `npm run bench -- front`.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { frontMemory } from '../../bench/front-memory.ts';
import { GAME_SERVER } from '../support/daemon.ts';
import { startDaemon } from '../support/daemon-process.ts';
import { signToken, socketClaims } from '../support/panel/jwt.ts';
import { randomBytes } from '../support/random-bytes.ts';
import { frontHost } from '../support/wings/front-host.ts';
import { type Wings, WINGS_TOKEN } from '../support/wings/wings.ts';

const MIB = 1024 * 1024;
const PANEL = 'http://127.0.0.1:9';
/** As in systemd/roost.service. */
const UNIT = { NODE_OPTIONS: '--max-semi-space-size=1', MALLOC_ARENA_MAX: '1' };
const ROLES = fileURLToPath(new URL('../../bench/front-roles.ts', import.meta.url));
const BLOCK = Buffer.from(randomBytes(MIB, 7));
const BLOCKS = 96;
const ROUNDS = 3;
const REQUESTS = 1000;
const LINES = 3000;
const SERVERS = Array.from({ length: 50 }, (_, at) => `22222222-2222-4222-8222-${String(at).padStart(12, '0')}`);

/** Something that can be asked, and the process whose CPU counts. */
interface Way {
  readonly port: number;
  readonly pid: number | undefined;
}

/** Direct, through Roost, and through the barest that this Node can do. */
async function ways(role: 'pipe' | 'relay') {
  const { host, wings, url, authorized } = await frontHost(PANEL);
  const daemon = await startDaemon(
    { ...host, config: host.config.replace('level: silent', 'level: info') },
    { built: true, env: UNIT },
  );
  const bare = await openRole(role, wings.port);
  const direct: Way = { port: wings.port, pid: undefined };
  const roost: Way = { port: Number(new URL(url).port), pid: daemon.pid };
  return { wings, direct, bare, roost, authorized };
}

async function openRole(role: string, target: number): Promise<Way> {
  const child: ChildProcess = fork(ROLES, [role, String(target)]);
  onTestFinished(() => void child.kill('SIGKILL'));
  const [port] = (await once(child, 'message')) as [number];
  return { port, pid: child.pid };
}

/** Seconds of CPU that its process has used, threads included. */
function cpuOf({ pid }: Way): number {
  if (pid === undefined) return 0;
  const [, fields = ''] = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ');
  const [user = 0, system = 0] = fields.split(' ').slice(11, 13).map(Number);
  return (user + system) / 100;
}

async function costOf(way: Way, work: () => Promise<void>): Promise<number> {
  const before = cpuOf(way);
  await work();
  return cpuOf(way) - before;
}

async function upload({ port }: Way): Promise<void> {
  const headers = { 'Content-Length': BLOCKS * MIB };
  const request = http.request({ port, host: '127.0.0.1', method: 'POST', path: '/upload/file?token=x', headers });
  const answered = once(request, 'response') as Promise<[http.IncomingMessage]>;
  for (let sent = 0; sent < BLOCKS; sent++) if (!request.write(BLOCK)) await once(request, 'drain');
  request.end();
  const [response] = await answered;
  response.resume();
}

/** sha256 of what came. */
async function download({ port }: Way): Promise<string> {
  const response = await get(port, '/download/file?token=x');
  const hash = createHash('sha256');
  for await (const chunk of response as AsyncIterable<Buffer>) hash.update(chunk);
  return hash.digest('hex');
}

function get(port: number, path: string, agent: http.Agent | false = false): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    http.get({ port, host: '127.0.0.1', path, agent }, resolve).on('error', reject);
  });
}

function sending(wings: Wings, blocks: number): void {
  wings.script = ({ url = '' }, outgoing) => {
    if (!url.startsWith('/download/file')) return false;
    const send = async (): Promise<void> => {
      for (let sent = 0; sent < blocks; sent++) if (!outgoing.write(BLOCK)) await once(outgoing, 'drain');
      outgoing.end();
    };
    void send();
    return true;
  };
}

test('check 22: large bodies pass each way whole, for little more CPU than a bare pipe takes', async () => {
  const { wings, direct, bare, roost } = await ways('pipe');
  sending(wings, BLOCKS);
  const hash = createHash('sha256');
  for (let count = 0; count < BLOCKS; count++) hash.update(BLOCK);
  const whole = hash.digest('hex');
  const up = new Map<Way, number>();
  const down = new Map<Way, number>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const way of [direct, bare, roost]) {
      up.set(way, (up.get(way) ?? 0) + (await costOf(way, () => upload(way))));
      expect(wings.received.at(-1)?.body).toMatchObject({ sha256: whole, bytes: BLOCKS * MIB });
      const cost = await costOf(way, async () => expect(await download(way)).toBe(whole));
      down.set(way, (down.get(way) ?? 0) + cost);
    }
  }
  const told = (costs: ReadonlyMap<Way, number>) => [costs.get(bare) ?? 0, costs.get(roost) ?? 0] as const;
  console.log('CPU seconds of a pipe and of Roost', { up: told(up), down: told(down) });
  for (const [pipe, passed] of [told(up), told(down)]) {
    expect(pipe).toBeGreaterThan(0.05);
    expect(passed).toBeLessThan(3 * pipe);
  }
});

test.each([1, 32])(
  'check 22: small requests, %i at a time, are answered alike, for little more CPU than a bare relay takes',
  async (atOnce) => {
    const { direct, bare, roost } = await ways('relay');
    const answers = new Set<string>();
    const ask = async ({ port }: Way, requests: number): Promise<void> => {
      const agent = new http.Agent({ keepAlive: true, maxSockets: atOnce });
      const one = async (): Promise<void> => {
        for (let done = 0; done < requests / atOnce; done++) {
          const response = await get(port, '/nowhere', agent);
          const text = (await response.setEncoding('utf8').toArray()).join('');
          answers.add(`${response.statusCode} ${text}`);
        }
      };
      await Promise.all(Array.from({ length: atOnce }, one));
      agent.destroy();
    };
    const costs = new Map<Way, number>();
    for (let round = 0; round <= ROUNDS; round++) {
      for (const way of [direct, bare, roost]) {
        const cost = await costOf(way, () => ask(way, REQUESTS));
        // The first time compiles.
        if (round > 0) costs.set(way, (costs.get(way) ?? 0) + cost);
      }
    }
    expect(answers).toEqual(new Set(['404 404 page not found']));
    const [relay = 0, passed = 0] = [costs.get(bare), costs.get(roost)];
    console.log(`CPU seconds of a relay and of Roost for ${ROUNDS * REQUESTS} requests`, [relay, passed]);
    expect(relay).toBeGreaterThan(0.05);
    expect(passed).toBeLessThan(4 * relay);
  },
);

test('check 22: lines of a console pass in their order, for little more CPU than a bare pipe takes', async () => {
  const { wings, direct, bare, roost } = await ways('pipe');
  const subject = { flavour: 'pterodactyl', panelUrl: PANEL, daemonUrl: 'x', server: GAME_SERVER } as const;
  const user = { id: 7, uuid: '5b5b8c0e-0f3a-4b57-9a2c-6f0f3c1f7a11' };
  const claims = socketClaims({ ...subject, user, now: Date.now(), scoped: false }, ['*']);
  const heard: string[][] = [];
  const costs: number[] = [];
  for (const way of [direct, bare, roost]) {
    const page = new WebSocket(`ws://127.0.0.1:${way.port}/api/servers/${GAME_SERVER}/ws`, { origin: PANEL });
    onTestFinished(() => page.terminate());
    await once(page, 'open');
    page.send(JSON.stringify({ event: 'auth', args: [signToken(claims, WINGS_TOKEN)] }));
    await new Promise<void>((resolve) => {
      page.on('message', (data: Buffer) => {
        if (data.toString('utf8').includes('"stats"')) resolve();
      });
    });
    const lines: string[] = [];
    const all = Promise.withResolvers<void>();
    page.on('message', (data: Buffer) => {
      if (lines.push(data.toString('utf8')) === LINES) all.resolve();
    });
    const cost = await costOf(way, async () => {
      for (let line = 0; line < LINES; line++) {
        wings.sockets.at(-1)?.publish('console output', `line ${line} of a usual length, äöü`);
        // One after the other, as a console says them, and not in one piece.
        while (lines.length < line) await new Promise((resolve) => setImmediate(resolve));
      }
      await all.promise;
    });
    page.terminate();
    heard.push(lines);
    costs.push(cost);
  }
  expect(heard[0]).toHaveLength(LINES);
  expect(heard[2]).toEqual(heard[0]);
  const [, pipe = 0, passed = 0] = costs;
  console.log(`CPU seconds of a pipe and of Roost for ${LINES} lines`, [pipe, passed]);
  expect(pipe).toBeGreaterThan(0);
  expect(passed).toBeLessThan(8 * pipe + 0.5);
});

test('check 22: eight downloads and 500 sockets at once take little memory, and many requests none', async () => {
  const { wings, roost, authorized } = await ways('pipe');
  for (const uuid of SERVERS)
    await fetch(`${wings.url}/api/servers`, { method: 'POST', headers: authorized, body: JSON.stringify({ uuid }) });
  sending(wings, BLOCKS);
  const front = {
    pid: roost.pid ?? 0,
    get: (path: string) => get(roost.port, path),
    socketUrl: (server: string) => `ws://127.0.0.1:${roost.port}/api/servers/${server}/ws`,
    origin: PANEL,
    servers: SERVERS,
  };
  const rows = await frontMemory(front, 0);
  const more = rows.map(({ before, most }) => Math.round(most - before));
  console.log('MiB more', Object.fromEntries(rows.map(({ name }, at) => [name, more[at]])));
  const [downloads = NaN, sockets = NaN, first = NaN, second = NaN] = more;
  expect(downloads).toBeLessThan(48);
  expect(sockets).toBeLessThan(32);
  expect(first).toBeLessThan(32);
  expect(second).toBeLessThan(4);
});
