/**
 * A crowd at once: twenty callers list a backup of 200,000 files, a hundred globs are matched against it, twenty poll a list of
 * 5,000 backups with 1,000 warnings each, and a thousand connections say nothing. No turn of the thread that answers may
 * take long, since /health waits for one, and the daemon's memory must stay within a bound. Turns are counted in CPU;
 * how long /health took is told, and depends on what else this machine does.
 */
import { spawn } from 'node:child_process';
import fs from 'node:fs/promises';
import http from 'node:http';
import os from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { GAME_SERVER, scratchHost, TOKEN } from '../support/daemon.ts';
import { type DaemonProcess, startDaemon } from '../support/daemon-process.ts';
import { inflateCatalogue } from '../support/inflated-catalogue.ts';
import { type Spread, spreadOf, TURNS, turnsIn } from '../support/load/spread.ts';

const BACKUPS = `/api/servers/${GAME_SERVER}/backups`;
const CALLERS = fileURLToPath(new URL('../support/load/callers.ts', import.meta.url));
const MANY = 5000;
const DIRECTORIES = 1000;
const FILES_EACH = 200;
const MEBIBYTE = 1024 * 1024;
/** As in systemd/roost.service. */
const UNIT = { NODE_OPTIONS: `--max-semi-space-size=1 --import ${TURNS}`, MALLOC_ARENA_MAX: '1' };
const PREFERRED = -15;
const PROBES = 700;
const PROBE_EVERY_MS = 15;

type Counts = Readonly<Record<string, Readonly<Record<string, number>>>>;

test('all at once leave /health quick and the memory bounded', { timeout: 600_000 }, async () => {
  const host = await scratchHost('verification: { every_days: 0 }');
  const directories = Array.from({ length: DIRECTORIES }, (_, at) => `d${at}`);
  for (const directory of directories) await makeFiles(join(host.server, directory));
  const quiet = { directory: host.directory, config: host.config.replace('level: silent', 'level: info') };
  const first = await startDaemon(quiet);
  const made = await first.call(BACKUPS, { body: {} });
  expect(made.status).toBe(201);
  const { id } = made.body as { id: string };
  await first.kill();
  inflateCatalogue(host.directory, MANY);
  const turns = join(host.directory, 'turns');
  await fs.writeFile(turns, '');
  const env = { ...UNIT, TURNS_FILE: turns };
  const daemon = await startDaemon(quiet, { built: true, env, through: preferred() });
  const idle = await probe(daemon);
  const globs = Array.from({ length: 100 }, (_, at) => `**/*f*i*l*e*${at}`);
  const crowd = startCrowd({
    url: daemon.url,
    token: TOKEN,
    backups: BACKUPS,
    id,
    directories: ['', ...directories],
    globs,
  });
  await wait(3000);
  const before = (await turnsIn(turns)).length;
  const loaded = await probe(daemon);
  const turn = spreadOf((await turnsIn(turns)).slice(before));
  const memory = await daemonMemory(daemon);
  const counts = await crowd.end();
  console.log(JSON.stringify({ idle, loaded, turn, memory, counts }));
  for (const kind of ['list', 'poll', 'globs']) expect(counts[kind]?.['200'], kind).toBeGreaterThan(0);
  expect(counts['silent']?.['connected']).toBeGreaterThanOrEqual(1000);
  expect(memory.most).toBeLessThan(300);
  expect(turn.p50).toBeGreaterThan(0);
  expect(turn.p99).toBeLessThan(50);
});

/**
 * Runs this thread before others, and the words to start a program so, where that is allowed: what is measured is the daemon, and not
 * what else this machine does.
 */
function preferred(): readonly string[] {
  try {
    os.setPriority(process.pid, PREFERRED);
  } catch {
    return [];
  }
  onTestFinished(() => os.setPriority(process.pid, 0));
  return ['nice', '-n', '0'];
}

async function makeFiles(directory: string): Promise<void> {
  await fs.mkdir(directory);
  await Promise.all(Array.from({ length: FILES_EACH }, (_, at) => fs.writeFile(join(directory, `file-${at}`), '')));
}

function startCrowd(orders: object): { end(): Promise<Counts> } {
  const child = spawn(process.execPath, [CALLERS, JSON.stringify(orders)], { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const told = text(child.stdout);
  return {
    end: async () => {
      child.stdin.end();
      return JSON.parse(await told) as Counts;
    },
  };
}

/** How long /health takes, in ms, of many requests. */
async function probe({ url }: DaemonProcess): Promise<Spread> {
  const times: number[] = [];
  const agent = new http.Agent({ keepAlive: true });
  for (let asked = 0; asked < PROBES; asked++) {
    const before = performance.now();
    await health(url, agent);
    times.push(performance.now() - before);
    await wait(PROBE_EVERY_MS);
  }
  agent.destroy();
  return spreadOf(times);
}

function health(url: string, agent: http.Agent): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = http.get(`${url}/health`, { agent }, (response) => {
      response.resume();
      response.on('end', () => (response.statusCode === 200 ? resolve() : reject(new Error(`${response.statusCode}`))));
    });
    request.on('error', reject);
  });
}

/** Resident MiB now and at most. */
async function daemonMemory({ pid }: DaemonProcess): Promise<{ readonly now: number; readonly most: number }> {
  const status = await fs.readFile(`/proc/${pid}/status`, 'utf8');
  const mebibytes = (name: string): number =>
    Math.round((Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1]) * 1024) / MEBIBYTE);
  return { now: mebibytes('VmRSS'), most: mebibytes('VmHWM') };
}
