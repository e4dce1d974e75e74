/**
 * Hundreds of jobs over a store on a small disk of its own, while the daemon is killed, jobs are cancelled, the disk
 * fills up and the store goes away, at random from a seed. Afterwards every job that was ever accepted has one final
 * state, was told of at most once and in the words of that state, and nothing is left that belongs to none.
 *
 * CHAOS_JOBS (default 200) is how many jobs are accepted before it ends, CHAOS_SEED the dice.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { statfsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { systemClock } from '../../src/base/clock.ts';
import { openCatalogue } from '../../src/catalogue/catalogue.ts';
import type { JobState } from '../../src/catalogue/records.ts';
import { CATALOGUE_NAME } from '../../src/catalogue/contract.ts';
import { MAIN } from '../e2e/roost-process.ts';
import { caller, type Host, type RunningDaemon, scratchHost, TOKEN } from '../support/daemon.ts';
import { seededPicks } from '../support/seeded-picks.ts';
import { mountTmpfs } from '../support/mounted.ts';
import { storedNames } from '../support/stored-archive.ts';

const JOBS = Number(process.env['CHAOS_JOBS'] ?? 200);
const SEED = Number(process.env['CHAOS_SEED'] ?? 20260318);
const SERVERS = [1, 2, 3, 4].map((number) => `${String(number).repeat(8)}-1111-4111-8111-111111111111`);
const DISK_MIB = 64;
const ASYNC = { prefer: 'respond-async' };
/** A job is about a second of killing, waiting and looking; a machine that does other things besides takes longer. */
const TIMEOUT_MS = Math.max(900_000, JOBS * 5000);

/** What an event says of how its job ended. */
const ENDS: Readonly<Record<string, JobState>> = {
  'backup.completed': 'done',
  'backup.failed': 'failed',
  'backup.cancelled': 'cancelled',
  'backup.deleted': 'done',
  'restore.completed': 'done',
};

interface Life {
  readonly child: ChildProcess;
  readonly call: RunningDaemon['call'];
}

async function start(host: Host, told: Map<string, string[]>): Promise<Life> {
  const config = join(host.directory, 'config.yml');
  const child = spawn(process.execPath, [MAIN, 'serve', '--config', config], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  for await (const line of createInterface({ input: child.stdout })) {
    const { url } = JSON.parse(line) as { readonly url?: string };
    if (url === undefined) continue;
    child.stdout.resume();
    await listen(url, told);
    return { child, call: caller(url) };
  }
  throw new Error('the daemon ended before it served');
}

/** Notes every event that ends a job, by job. */
async function listen(url: string, told: Map<string, string[]>): Promise<void> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/api/events`, {
    headers: { authorization: `Bearer ${TOKEN}` },
  });
  socket.on('error', () => undefined);
  socket.on('message', (frame: Buffer) => {
    const { type, job } = JSON.parse(frame.toString('utf8')) as { readonly type: string; readonly job?: string };
    const end = ENDS[type];
    if (end !== undefined && job !== undefined) told.set(job, [...(told.get(job) ?? []), end]);
  });
  await once(socket, 'open');
}

async function kill({ child }: Life): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

interface Backup {
  readonly id: string;
  readonly status: string;
}

/** One request at random; true when a job was accepted. A refusal is as good an end as any. */
async function ask({ call }: Life, pick: (below: number) => number): Promise<boolean> {
  const server = SERVERS[pick(SERVERS.length)] ?? '';
  const backups = `/api/servers/${server}/backups`;
  const headers = ASYNC;
  const known = ((await call(backups)).body as readonly Backup[]).filter(({ status }) => status === 'COMPLETED');
  const some = known[pick(Math.max(1, known.length))];
  const what = pick(10);
  if (some === undefined || what < 4) return (await call(backups, { method: 'POST', headers })).status === 202;
  if (what < 6) {
    const body = { truncate: pick(2) === 0 };
    return (await call(`${backups}/restore?id=${some.id}`, { body, headers })).status === 202;
  }
  if (what < 8) return (await call(`${backups}/${some.id}/verify`, { method: 'POST', headers })).status === 202;
  // The answer comes when it is gone, or never: the kill may be faster.
  call(`${backups}/delete?id=${some.id}`, { method: 'DELETE' }).catch(() => undefined);
  return true;
}

/** Waits until nothing is queued or runs, but not for ever: what hangs is for the end to find. */
async function settled({ call }: Life): Promise<void> {
  for (let look = 0; look < 100; look++) {
    const { jobs } = (await call('/api/system')).body as { readonly jobs: Readonly<Record<string, number>> };
    if (jobs['running'] === 0 && jobs['queued'] === 0) return;
    await delay(50);
  }
}

/** Leaves half a megabyte free in the store. */
async function fill(host: Host): Promise<void> {
  const { bavail, bsize } = statfsSync(host.backups);
  await writeFile(fillerIn(host), Buffer.alloc(Math.max(0, bavail * bsize - 500_000))).catch(() => undefined);
}

function fillerIn(host: Host): string {
  return join(host.backups, 'filler');
}

interface Job {
  readonly server: string;
  readonly backup: string;
  readonly state: JobState;
}

async function jobsOf({ call }: Life): Promise<readonly Job[]> {
  return ((await call('/api/jobs')).body as { readonly jobs: readonly Job[] }).jobs;
}

/**
 * Sees to it that there is a job of each end, however the dice fall and however fast this machine is: without them a run
 * in which all succeeded would show nothing.
 */
async function endOneOfEachWay(life: Life, host: Host): Promise<void> {
  await fill(host);
  const full = await life.call(`/api/servers/${SERVERS[0]}/backups`, { method: 'POST' });
  expect(full.status).toBeGreaterThanOrEqual(400);
  await rm(fillerIn(host), { force: true });
  const has = async (end: JobState): Promise<boolean> => (await jobsOf(life)).some(({ state }) => state === end);
  expect(await has('failed')).toBe(true);
  // A backup may be faster than what cancels it; the last one of many waits for the others first.
  for (let tried = 0; tried < 50 && !(await has('cancelled')); tried++) {
    for (const server of SERVERS) await life.call(`/api/servers/${server}/backups`, { method: 'POST', headers: ASYNC });
    for (const job of (await jobsOf(life)).filter(isOpen)) await cancel(life, job);
    await settled(life);
  }
  expect(await has('cancelled')).toBe(true);
}

function isOpen({ state }: Job): boolean {
  return state === 'running' || state === 'queued';
}

async function cancel({ call }: Life, { server, backup }: Job): Promise<void> {
  await call(`/api/servers/${server}/backups/${backup}/cancel`, { method: 'POST' });
}

async function disturb(life: Life, host: Host, pick: (below: number) => number): Promise<void> {
  const away = `${host.backups}/away`;
  const what = pick(16);
  if (what < 2) {
    const open = (await jobsOf(life)).filter(isOpen);
    const one = open[pick(Math.max(1, open.length))];
    if (one !== undefined) await cancel(life, one);
  } else if (what === 2) {
    await fill(host);
  } else if (what < 7) {
    await rm(fillerIn(host), { force: true });
  } else if (what === 7) {
    // Without its marker a directory is not the store: a disk that is not mounted.
    await rename(join(host.backups, '.roost-store'), away).catch(() => undefined);
  } else if (what < 12) {
    await rename(away, join(host.backups, '.roost-store')).catch(() => undefined);
  }
}

const TITLE = 'every job ends in one state and is told once; nothing is left after the last start';
test(TITLE, { timeout: TIMEOUT_MS }, async (context) => {
  const plain = await scratchHost('jobs: { rerun_interrupted: false }');
  const host: Host = { ...plain, config: plain.config.replace('level: silent', 'level: info') };
  await mkdir(host.backups);
  mountTmpfs(context, host.backups, `size=${DISK_MIB}m`);
  await rm(join(host.directory, 'servers'), { recursive: true });
  for (const server of SERVERS) {
    const directory = join(host.directory, 'servers', server, 'world');
    await mkdir(directory, { recursive: true });
    for (let file = 0; file < 6; file++) await writeFile(join(directory, `${file}.mca`), randomBytes(300_000));
  }
  await writeFile(join(host.directory, 'config.yml'), host.config);

  const pick = seededPicks(SEED);
  const told = new Map<string, string[]>();
  let life = await start(host, told);
  for (const server of SERVERS) {
    expect((await life.call(`/api/servers/${server}/backups`, { method: 'POST' })).status).toBe(201);
  }
  await endOneOfEachWay(life, host);
  let accepted = 0;
  let kills = 0;
  for (let step = 0; accepted < JOBS && step < JOBS * 10; step++) {
    if (await ask(life, pick)) accepted++;
    await disturb(life, host, pick);
    // Some get to their end, others are met in the middle.
    if (pick(3) === 0) await settled(life);
    else await delay(pick(150));
    if (pick(20) !== 0) continue;
    await kill(life);
    kills++;
    life = await start(host, told);
  }
  expect(accepted).toBeGreaterThanOrEqual(JOBS);
  expect(kills).toBeGreaterThan(0);

  await kill(life);
  await rm(fillerIn(host), { force: true });
  await rename(join(host.backups, 'away'), join(host.backups, '.roost-store')).catch(() => undefined);
  life = await start(host, told);
  const completed: string[] = [];
  for (const server of SERVERS) {
    const rows = (await life.call(`/api/servers/${server}/backups`)).body as readonly Backup[];
    expect(rows.map(({ status }) => status).filter((status) => status !== 'FAILED' && status !== 'COMPLETED')).toEqual(
      [],
    );
    completed.push(...rows.filter(({ status }) => status === 'COMPLETED').map(({ id }) => id));
  }
  const stopped = once(life.child, 'exit');
  life.child.kill('SIGTERM');
  await stopped;

  expectEachEndedOnce(host, told);
  await expectNothingLeft(host, completed);
});

function expectEachEndedOnce(host: Host, told: ReadonlyMap<string, readonly string[]>): void {
  const catalogue = openCatalogue(join(host.directory, 'state', CATALOGUE_NAME), systemClock);
  try {
    expect(catalogue.jobs.active()).toEqual([]);
    expect(catalogue.plans.list()).toEqual([]);
    const states = new Map<string, string>(catalogue.jobs.list().map(({ id, state }) => [id, state]));
    expect(states.size).toBeGreaterThanOrEqual(JOBS / 2);
    // Otherwise nothing but one kind of end was seen, and nothing shown.
    expect(new Set(states.values())).toEqual(new Set(['done', 'failed', 'cancelled']));
    const wrong = Array.from(told).filter(([job, ends]) => ends.length !== 1 || ends[0] !== states.get(job));
    expect(wrong).toEqual([]);
    expect(told.size).toBeGreaterThan(0);
  } finally {
    catalogue.close();
  }
}

async function expectNothingLeft(host: Host, completed: readonly string[]): Promise<void> {
  const names = (await readdir(host.backups)).flatMap((server) =>
    SERVERS.includes(server) ? storedNames(host.backups, server) : [server],
  );
  const expected = completed.flatMap((id) => [`${id}.index`, `${id}.json`, `${id}.tar.gz`]);
  expect(names.filter((name) => !name.startsWith('.roost-store')).sort()).toEqual(expected.sort());
  expect((await readdir(join(host.directory, 'servers'))).sort()).toEqual(SERVERS);
  for (const server of SERVERS) {
    expect((await readdir(join(host.directory, 'servers', server))).filter((name) => name !== 'world')).toEqual([]);
  }
}
