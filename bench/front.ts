/**
 * `npm run bench -- front --size 1GiB --rounds 3 --rate 1gbit`: what it costs that Roost stands before Wings (check 22 of front
 * mode). The same requests go to a server directly, through a bare socket pipe of this Node, its barest relay and the daemon, without
 * and with TLS, in turns: a large body each way, small requests, console lines; CPU seconds of what stands between per GiB,
 * and its memory, also under much at once; small requests once more while it makes backups. With a rate, the bodies go over a link of that rate as well, from another network
 * namespace: only root can make one.
 */
import { type ChildProcess, fork, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { WebSocket } from 'ws';
import { MEBIBYTE, parseBytes } from '../src/base/sizes.ts';
import { ShapedLink } from './front-link.ts';
import { BackingUp, byTurns } from './front-backup.ts';
import { frontMemory } from './front-memory.ts';
import { asText } from './report.ts';
import { makeServer } from './tree.ts';

const { values: options } = parseArgs({
  args: process.argv.slice(3),
  options: {
    size: { type: 'string', default: '1GiB' },
    rounds: { type: 'string', default: '3' },
    requests: { type: 'string', default: '2000' },
    /** What the daemon backs up while small requests are measured once more. */
    tree: { type: 'string', default: '1GiB' },
    rate: { type: 'string' },
  },
});

const GIBIBYTE = 1024 * MEBIBYTE;
const SERVER = '11111111-1111-4111-8111-111111111111';
const PANEL = 'http://127.0.0.1:9';
const TOKEN = randomBytes(32).toString('hex');
const bytes = parseBytes(options.size);
const rounds = Number(options.rounds);
/** All addresses where a link comes from another one. */
const HOST = options.rate === undefined ? '127.0.0.1' : '0.0.0.0';
const HAS_OPENSSL = spawnSync('openssl', ['version']).status === 0;
const BLOCK = Buffer.alloc(MEBIBYTE, randomBytes(64 * 1024));

/** Something that can be asked, and the process whose cost counts. */
interface Way {
  readonly name: string;
  readonly port: number;
  readonly child: ChildProcess | undefined;
  readonly tls?: true;
  readonly withoutSockets?: true;
}

type Row = Readonly<Record<string, number>>;

const scratch = fs.mkdtempSync(join(tmpdir(), 'roost-bench-front-'));
const children: ChildProcess[] = [];
try {
  const origin = await openRole('origin', '', HOST);
  const { api, ...plain } = await openDaemon('plain', origin.port);
  const ways: Way[] = [
    { name: 'direct', ...origin, child: undefined },
    { name: 'pipe', ...(await openRole('pipe', String(origin.port), HOST)) },
    { name: 'node:http', ...(await openRole('relay', String(origin.port), HOST)), withoutSockets: true },
    { name: 'roost', ...plain },
    ...(HAS_OPENSSL ? [{ name: 'roost, TLS', ...(await openDaemon('tls', origin.port)), tls: true as const }] : []),
  ];
  const rows = new Map<string, Row[]>(ways.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const way of ways) rows.get(way.name)?.push(await measure(way));
  }
  print(rows);
  const roost = ways.find(({ name }) => name === 'roost');
  if (roost?.child?.pid !== undefined) await printMemory(roost, roost.child.pid);
  const [direct] = ways;
  if (direct !== undefined && roost !== undefined) {
    makeServer(join(scratch, 'plain', 'servers', SERVER), parseBytes(options.tree));
    await printDuringBackup(direct, roost, api);
  }
  if (options.rate !== undefined)
    overLink(
      options.rate,
      ways.filter(({ tls }) => tls === undefined),
    );
} finally {
  for (const child of children) child.kill('SIGKILL');
  fs.rmSync(scratch, { recursive: true, force: true });
}

function overLink(rate: string, ways: readonly Way[]): void {
  const file = join(scratch, 'uploaded');
  fs.writeFileSync(file, '');
  fs.truncateSync(file, bytes);
  const link = new ShapedLink(rate);
  try {
    const rows = new Map<string, Row[]>(ways.map(({ name }) => [name, []]));
    for (let round = 0; round < rounds; round++) {
      for (const { name, port } of ways) {
        const [up, down] = [link.up(port, file) / MEBIBYTE, link.down(port, bytes) / MEBIBYTE];
        rows.get(name)?.push({ 'up MiB/s': up, 'down MiB/s': down });
      }
    }
    print(rows, `Over a link of ${rate}`);
  } finally {
    link.close();
  }
}

async function measure(way: Way): Promise<Row> {
  const up = await cost(way, () => upload(way));
  const down = await cost(way, () => download(way));
  const [one, many] = [await small(way, 1), await small(way, 32)];
  const lines = way.withoutSockets === true ? { p50: Number.NaN, p99: Number.NaN } : await consoleLines(way);
  return {
    'up MiB/s': bytes / MEBIBYTE / up.seconds,
    'up CPU s/GiB': (up.cpu * GIBIBYTE) / bytes,
    'down MiB/s': bytes / MEBIBYTE / down.seconds,
    'down CPU s/GiB': (down.cpu * GIBIBYTE) / bytes,
    'request p50 ms': one.p50,
    'request p99 ms': one.p99,
    '32 at once p50 ms': many.p50,
    '32 at once p99 ms': many.p99,
    'console p50 ms': lines.p50,
    'console p99 ms': lines.p99,
    'memory MiB': way.child?.pid === undefined ? 0 : memoryOf(way.child.pid),
  };
}

async function cost(
  { child }: Way,
  work: () => Promise<void>,
): Promise<{ readonly seconds: number; readonly cpu: number }> {
  const before = child?.pid === undefined ? 0 : cpuOf(child.pid);
  const began = performance.now();
  await work();
  const seconds = (performance.now() - began) / 1000;
  return { seconds, cpu: child?.pid === undefined ? 0 : cpuOf(child.pid) - before };
}

async function upload(way: Way): Promise<void> {
  const request = clientOf(way).request({
    ...to(way),
    method: 'POST',
    path: '/upload/file',
    headers: { 'Content-Length': bytes },
  });
  const answered = new Promise<void>((resolve, reject) => {
    request.on('error', reject);
    request.on('response', (response) => response.on('end', resolve).resume());
  });
  for (let sent = 0; sent < bytes; sent += BLOCK.length) {
    if (!request.write(BLOCK)) await new Promise((resolve) => request.once('drain', resolve));
  }
  request.end();
  await answered;
}

async function download(way: Way): Promise<void> {
  const response = await get(way, `/download/file?bytes=${bytes}`);
  await new Promise((resolve, reject) => response.on('end', resolve).on('error', reject).resume());
}

async function small(way: Way, atOnce: number): Promise<Spread> {
  const agent = new (clientOf(way).Agent)({ keepAlive: true, maxSockets: atOnce });
  const times: number[] = [];
  const count = Number(options.requests);
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (let done = 0; done < count / atOnce; done++) {
        const began = performance.now();
        const response = await get(way, '/api/system', agent);
        await new Promise((resolve) => response.on('end', resolve).resume());
        times.push(performance.now() - began);
      }
    }),
  );
  agent.destroy();
  return spreadOf(times);
}

async function consoleLines(way: Way): Promise<Spread> {
  const { rejectUnauthorized } = to(way);
  const socket = new WebSocket(socketUrl(way), { origin: PANEL, perMessageDeflate: false, rejectUnauthorized });
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  const times: number[] = [];
  for (let count = 0; count < Number(options.requests); count++) {
    const began = performance.now();
    const answered = new Promise((resolve) => socket.once('message', resolve));
    socket.send('{"event":"send command","args":["say something of a usual length"]}');
    await answered;
    times.push(performance.now() - began);
  }
  socket.terminate();
  return spreadOf(times);
}

interface Spread {
  readonly p50: number;
  readonly p99: number;
}

function spreadOf(times: number[]): Spread {
  times.sort((left, right) => left - right);
  const at = (share: number): number => times[Math.floor(times.length * share)] ?? 0;
  return { p50: at(0.5), p99: at(0.99) };
}

/** The certificate is made for the run, so nothing vouches for it. */
function to({ port }: Way) {
  return { host: '127.0.0.1', port, rejectUnauthorized: false };
}

function socketUrl({ port, tls }: Way, server = SERVER): string {
  return `${tls === true ? 'wss' : 'ws'}://127.0.0.1:${port}/api/servers/${server}/ws`;
}

function clientOf({ tls }: Way): typeof http | typeof https {
  return tls === true ? https : http;
}

function get(way: Way, path: string, agent: http.Agent | false = false): Promise<http.IncomingMessage> {
  return new Promise((resolve, reject) => {
    clientOf(way)
      .get({ ...to(way), path, agent }, resolve)
      .on('error', reject);
  });
}

async function printMemory(way: Way, pid: number): Promise<void> {
  const front = {
    pid,
    get: (path: string) => get(way, path),
    socketUrl: (server: string) => socketUrl(way, server),
    origin: PANEL,
    // As many as a large node has: the pages of one are bounded.
    servers: Array.from({ length: 50 }, (_, at) => `22222222-2222-4222-8222-${String(at).padStart(12, '0')}`),
  };
  const headings = ['through roost', 'MiB before', 'MiB at most', 'more'];
  const rows = (await frontMemory(front, bytes)).map(({ name, before, most }) => {
    return [name, before.toFixed(1), most.toFixed(1), (most - before).toFixed(1)];
  });
  console.log(asText({ title: '\nMemory', headings, rows }));
}

/** Small requests directly and through Roost by turns, while Roost makes backups of a large tree. */
async function printDuringBackup(direct: Way, roost: Way, api: number): Promise<void> {
  const ask = async (way: Way): Promise<number> => {
    const agent = agents.get(way) ?? new http.Agent({ keepAlive: true });
    agents.set(way, agent);
    const began = performance.now();
    const response = await get(way, '/api/system', agent);
    await new Promise((resolve) => response.on('end', resolve).resume());
    return performance.now() - began;
  };
  const agents = new Map<Way, http.Agent>();
  const node = new BackingUp(`http://127.0.0.1:${api}`, TOKEN, SERVER);
  const idle = await byTurns([direct, roost], ask, Number(options.requests));
  const [busy, backups] = await node.during((isBusy) =>
    byTurns([direct, roost], ask, Number(options.requests), isBusy),
  );
  for (const agent of agents.values()) agent.destroy();
  const rows = [idle, busy].flatMap((times, at) =>
    [direct, roost].map(({ name }, way) => {
      const { p50, p99 } = spreadOf(times[way] ?? []);
      return [at === 0 ? 'idle' : 'during a backup', name, p50.toFixed(2), p99.toFixed(2)];
    }),
  );
  const title = `\nSmall requests by turns, ${options.requests} at least, ${backups} backups of ${options.tree}`;
  console.log(asText({ title, headings: ['Roost', 'way', 'p50 ms', 'p99 ms'], rows }));
}

async function openRole(...role: string[]): Promise<{ readonly port: number; readonly child: ChildProcess }> {
  const child = fork(fileURLToPath(new URL('front-roles.ts', import.meta.url)), role);
  children.push(child);
  const port = await new Promise<number>((resolve) => child.once('message', (message) => resolve(Number(message))));
  return { port, child };
}

async function openDaemon(
  name: 'plain' | 'tls',
  wings: number,
): Promise<{ readonly port: number; readonly api: number; readonly child: ChildProcess }> {
  const home = join(scratch, name);
  fs.mkdirSync(home);
  const tls = name === 'plain' ? 'null' : certificate(home);
  const [port, api] = [await freePort(), await freePort()];
  const file = join(home, 'wings.yml');
  fs.writeFileSync(
    file,
    `token_id: bench\ntoken: ${randomBytes(32).toString('hex')}\nremote: ${PANEL}\napi: { host: 127.0.0.1, port: ${wings} }\n`,
  );
  fs.mkdirSync(join(home, 'servers', SERVER), { recursive: true });
  fs.writeFileSync(
    join(home, 'config.yml'),
    `
api: { port: ${api} }
state_directory: ${join(home, 'state')}
servers: { root: ${join(home, 'servers')} }
tokens: [ { id: bench, secret: ${TOKEN}, permissions: ["*"], servers: ["*"] } ]
limits: { per_server: 0, max_size: 0, reserve_free: 0 }
storage: { stores: { local: { type: local, directory: ${join(home, 'store')} } } }
panel: { flavour: pterodactyl }
front: { listen: { host: ${HOST}, port: ${port}, tls: ${tls} }, wings: "http://127.0.0.1:${wings}", wings_config: ${file} }
log: { level: error }
`,
    { mode: 0o600 },
  );
  const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
  const args = ['--max-semi-space-size=1', main, 'serve', '--config', join(home, 'config.yml')];
  const child = spawn(process.execPath, args, { stdio: 'inherit', env: { ...process.env, MALLOC_ARENA_MAX: '1' } });
  children.push(child);
  for (;;) {
    const way = { name, port, child, ...(name === 'tls' ? { tls: true as const } : {}) };
    const answer = await get(way, '/api/system').catch(() => undefined);
    answer?.resume();
    if (answer !== undefined) return { port, api, child };
    if (child.exitCode !== null) throw new Error(`the daemon ended with ${child.exitCode}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** For the run. @returns where it is, as YAML. */
function certificate(home: string): string {
  const [key, cert] = [join(home, 'key.pem'), join(home, 'cert.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const made = [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-days',
    '2',
    '-keyout',
    key,
    '-out',
    cert,
    ...subject,
  ];
  const { status, stderr } = spawnSync('openssl', made, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`openssl ended with ${status}: ${stderr}`);
  return `{ cert: ${cert}, key: ${key} }`;
}

async function freePort(): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Seconds of CPU that a process has used, threads included. */
function cpuOf(pid: number): number {
  const text = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function memoryOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
}

function print(rows: ReadonlyMap<string, readonly Row[]>, title = 'Before Wings'): void {
  const [first] = rows.values();
  const headings = ['way', ...Object.keys(first?.[0] ?? {})];
  const median = (all: readonly Row[], heading: string): number =>
    all.map((row) => row[heading] ?? 0).sort((left, right) => left - right)[Math.floor(all.length / 2)] ?? 0;
  const table = [...rows].map(([name, all]) =>
    headings.map((heading, at) => (at === 0 ? name : median(all, heading).toFixed(2))),
  );
  console.log(
    asText({ title: `${title}: medians of ${rounds} rounds, ${options.size} each way`, headings, rows: table }),
  );
}
