/**
 * The daemon, killed with SIGKILL at random points of its work, again and again over the same disk. After each start:
 * no row is unfinished, what is COMPLETED is whole to the last byte, what is not leaves nothing, no stage lies around.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { expect, onTestFinished, test } from 'vitest';
import { caller, GAME_SERVER, type Host, type RunningDaemon, scratchHost } from '../support/daemon.ts';
import { storedArchive, storedNames } from '../support/stored-archive.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const BACKUPS = `/api/servers/${GAME_SERVER}/backups`;
// Over a vault the rounds of its own kills come on top (test/storage/vault).
const KILLS = Number(process.env['DAEMON_KILLS'] ?? (process.env['STORE_LAYOUT'] === 'vault' ? 12 : 40));

interface Backup {
  readonly id: string;
  readonly status: string;
  readonly checksum: string | null;
  readonly size: number;
  readonly error?: { readonly code: string };
}

interface Process {
  readonly child: ChildProcess;
  readonly call: RunningDaemon['call'];
}

async function start(host: Host): Promise<Process> {
  const config = join(host.directory, 'config.yml');
  await writeFile(config, host.config.replace('level: silent', 'level: info'));
  const child = spawn(process.execPath, [MAIN, 'serve', '--config', config], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  for await (const line of createInterface({ input: child.stdout })) {
    const { url } = JSON.parse(line) as { readonly url?: string };
    if (url === undefined) continue;
    child.stdout.resume();
    return { child, call: caller(url) };
  }
  throw new Error('the daemon ended before it served');
}

async function kill({ child }: Process): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

async function backupsOf({ call }: Process): Promise<readonly Backup[]> {
  const { body } = await call(BACKUPS);
  return body;
}

/** Every path of the server with the digest of its content. */
async function manifest(directory: string): Promise<string> {
  const names = await readdir(directory, { recursive: true, withFileTypes: true });
  const lines = names.map(async (entry) => {
    const path = join(entry.parentPath, entry.name);
    const content = entry.isFile() ? digest(await readFile(path)) : 'directory';
    return `${path.slice(directory.length)} ${content}`;
  });
  return (await Promise.all(lines)).sort().join('\n');
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** What a client does at random; nothing here is waited for, the kill comes in the middle. */
async function work({ call }: Process, known: readonly Backup[], round: number): Promise<void> {
  const completed = known.filter(({ status }) => status === 'COMPLETED');
  const [oldest] = completed.toReversed();
  const later = { headers: { prefer: 'respond-async' } };
  if (round % 4 === 3 && oldest !== undefined) {
    await call(`${BACKUPS}/restore?id=${oldest.id}`, { method: 'POST', body: { truncate: true }, ...later });
  } else if (round % 4 === 2 && oldest !== undefined && completed.length > 2) {
    // Not awaited: the answer comes when the backup is gone.
    call(`${BACKUPS}/delete?id=${oldest.id}`, { method: 'DELETE' }).catch(() => undefined);
  } else {
    await call(BACKUPS, { body: { name: `round ${round}` }, ...later });
  }
}

async function expectSound(process: Process, host: Host, what: string): Promise<void> {
  const backups = await backupsOf(process);
  const { jobs } = (await process.call('/api/jobs')).body as { readonly jobs: readonly { readonly state: string }[] };
  expect(
    jobs.filter(({ state }) => state === 'queued' || state === 'running'),
    what,
  ).toEqual([]);
  const expected: string[] = [];
  for (const { id, status, checksum, error } of backups) {
    expect(['COMPLETED', 'FAILED'], what).toContain(status);
    if (status === 'FAILED') expect(error?.code, what).toBe('interrupted');
    if (status !== 'COMPLETED') continue;
    const archive = storedArchive(host.backups, GAME_SERVER, id);
    expect(digest(archive), what).toBe(checksum);
    gunzipSync(archive);
    expected.push(`${id}.index`, `${id}.json`, `${id}.tar.gz`);
  }
  expect(storedNames(host.backups, GAME_SERVER), `${what}: files in the store`).toEqual(expected.sort());
  expect(await readdir(join(host.directory, 'servers')), `${what}: files beside the server`).toEqual([GAME_SERVER]);
}

test('killed again and again, it loses nothing that was completed and leaves nothing half', async () => {
  const host = await scratchHost();
  for (let file = 0; file < 40; file++) {
    const content = file % 2 === 0 ? randomBytes(500_000) : Buffer.alloc(500_000, `line of a log ${file}\n`);
    await mkdir(join(host.server, 'world', `region${file % 5}`), { recursive: true });
    await writeFile(join(host.server, 'world', `region${file % 5}`, `r.${file}.mca`), content);
  }
  const whole = await manifest(host.server);
  let process = await start(host);
  const asked = performance.now();
  expect((await process.call(BACKUPS, { body: { name: 'first' } })).status).toBe(201);
  let span = Math.max(400, 2 * (performance.now() - asked));
  const seen = { completed: 0, interrupted: 0 };
  const hasSeenBoth = (): boolean => seen.completed > 1 && seen.interrupted > 1;
  // As many more as it takes to find how long backups take on a machine that has more, or less, to do by now.
  for (let round = 0; round < KILLS || (!hasSeenBoth() && round < 4 * KILLS); round++) {
    if (round >= KILLS) span *= seen.completed > 1 ? 0.5 : 2;
    const known = await backupsOf(process);
    await work(process, known, round);
    // Spread over what the work takes, so that every phase is hit over the rounds.
    await delay(((round * 37) % 100) * (span / 100));
    await kill(process);
    process = await start(host);
    await expectSound(process, host, `after kill ${round}`);
    expect(await manifest(host.server), `after kill ${round}: the server`).toBe(whole);
    const now = await backupsOf(process);
    seen.completed = Math.max(seen.completed, now.filter(({ status }) => status === 'COMPLETED').length);
    seen.interrupted = Math.max(seen.interrupted, now.filter(({ status }) => status === 'FAILED').length);
  }
  // Otherwise the kills came always too early, or always too late, to have shown anything.
  expect(hasSeenBoth(), JSON.stringify(seen)).toBe(true);
  for (const { id } of await backupsOf(process)) {
    expect((await process.call(`${BACKUPS}/delete?id=${id}`, { method: 'DELETE' })).status).toBe(200);
  }
  expect((await readdir(host.backups)).filter((name) => !name.startsWith('.roost-store'))).toEqual([]);
  await kill(process);
  await rm(host.directory, { recursive: true, force: true });
});
