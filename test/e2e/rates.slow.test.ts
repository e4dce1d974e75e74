/**
 * A real daemon under a write limit, seen from its disk: how far the files grow over half a minute, and after a change
 * of the limit while the job runs. RATE_SECONDS (default 30) makes shorter and longer runs.
 *
 * What a busy machine does to it: a limit that is exceeded is found whatever the load, as the time between two looks
 * is never taken for shorter than it was. That the limit is reached is asked of the best five seconds alone, and they are
 * waited for.
 */
import { randomBytes } from 'node:crypto';
import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { GAME_SERVER, runDaemonOn, type RunningDaemon, scratchHost } from '../support/daemon.ts';

const SECONDS = Number(process.env['RATE_SECONDS'] ?? 30);
const MB = 1_000_000;
/** Megabytes a second; the API and the configuration speak of MiB. */
const [LIMIT, LOWER, HIGHER] = [20, 5, 60];
const mebibytes = (megabytes: number): number => (megabytes * MB) / 2 ** 20;
/** Jobs follow a change within this time; a rate is measured over that long afterwards. */
const [FOLLOWED_MS, AFTERWARDS_MS] = [2000, 6000];
/** A disk that others keep busy holds up a rate for seconds; a limit that is not followed is not reached by waiting. */
const LONGER_MS = 30_000;
/** Threads may hold this much more that was let through and is not written yet. */
const UNDER_WAY = 12 * MB;
const FILES = 10;

const BACKUPS = `/api/servers/${GAME_SERVER}/backups`;
const ASYNC = { prefer: 'respond-async' };

/** A look at the disk, and the moments between which it was taken. */
interface Look {
  readonly before: number;
  readonly bytes: number;
  readonly after: number;
}

/** Bytes that the files below a directory hold: neither what is only reserved for them, nor holes. */
function bytesIn(directory: string): number {
  let bytes = 0;
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const stat = statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false });
    if (stat?.isFile() === true) bytes += Math.min(stat.size, stat.blocks * 512);
  }
  return bytes;
}

function look(directory: string): Look {
  const before = performance.now();
  const bytes = bytesIn(directory);
  return { before, bytes, after: performance.now() };
}

/** Looks again and again for so many milliseconds, and for at most `LONGER_MS` more until `isSeen`. */
async function watch(
  directory: string,
  milliseconds: number,
  isSeen: (looks: readonly Look[]) => boolean = () => true,
): Promise<Look[]> {
  const looks = [look(directory)];
  const began = performance.now();
  for (;;) {
    await delay(200);
    looks.push(look(directory));
    const passed = performance.now() - began;
    if (passed >= milliseconds + LONGER_MS || (passed >= milliseconds && isSeen(looks))) return looks;
  }
}

/** No more than the true rate, in bytes a second. */
function rateAtLeast(first: Look | undefined, last: Look | undefined): number {
  if (first === undefined || last === undefined) return 0;
  return ((last.bytes - first.bytes) * 1000) / (last.after - first.before);
}

/** The rate of the best stretch of so many milliseconds. */
function bestRate(looks: readonly Look[], milliseconds: number): number {
  const rates = looks.map((first) =>
    rateAtLeast(
      first,
      looks.find(({ before }) => before - first.after >= milliseconds),
    ),
  );
  return Math.max(...rates);
}

async function setLimit(daemon: RunningDaemon, kind: string, megabytes: number): Promise<void> {
  const { jobs } = (await daemon.call('/api/jobs')).body as {
    readonly jobs: readonly { readonly id: string; readonly kind: string; readonly state: string }[];
  };
  const running = jobs.find((job) => job.kind === kind && job.state === 'running');
  const body = { writeLimit: mebibytes(megabytes) };
  expect((await daemon.call(`/api/jobs/${running?.id}`, { method: 'PATCH', body })).status).toBe(200);
}

/** Watches a job that has just begun, through a lower limit and a higher one; resolves while it still runs. */
async function expectPaced(daemon: RunningDaemon, kind: string, directory: string): Promise<void> {
  await delay(1000);
  const best = (looks: readonly Look[]): number => bestRate(looks, Math.min(5000, SECONDS * 500));
  const looks = await watch(directory, SECONDS * 1000, (seen) => best(seen) > (LIMIT - 1) * MB);
  expect(rateAtLeast(looks[0], looks.at(-1))).toBeLessThan((LIMIT + 1) * MB);
  expect(best(looks)).toBeGreaterThan((LIMIT - 1) * MB);

  await setLimit(daemon, kind, LOWER);
  await delay(FOLLOWED_MS);
  const slower = await watch(directory, AFTERWARDS_MS);
  const mostBytes = LOWER * MB * ((slower.at(-1)?.after ?? 0) - (slower[0]?.before ?? 0)) * 1e-3 + UNDER_WAY;
  expect((slower.at(-1)?.bytes ?? 0) - (slower[0]?.bytes ?? 0)).toBeLessThan(mostBytes);
  expect(bestRate(slower, 3000)).toBeGreaterThan(0);

  await setLimit(daemon, kind, HIGHER);
  await delay(FOLLOWED_MS);
  const faster = await watch(directory, 2000, (seen) => bestRate(seen, 1000) > (LIMIT + 1) * MB);
  expect(bestRate(faster, 1000)).toBeGreaterThan((LIMIT + 1) * MB);
}

async function ended(daemon: RunningDaemon, kind: string): Promise<string> {
  for (;;) {
    const { jobs } = (await daemon.call('/api/jobs')).body as {
      readonly jobs: readonly { readonly kind: string; readonly state: string }[];
    };
    const state = jobs.find((job) => job.kind === kind)?.state ?? 'none';
    if (state !== 'queued' && state !== 'running') return state;
    await delay(200);
  }
}

test('a write limit holds for a create and a restore, and a change is followed while they run', async () => {
  const host = await scratchHost(`backups: { write_limit: ${mebibytes(LIMIT)} }`);
  // Enough for all of it at full pace, and some that is still to come then.
  const size = LIMIT * (SECONDS + 4) + LOWER * 8 + HIGHER * 5;
  for (let file = 0; file < FILES; file++) {
    for (let at = 0; at < size / FILES; at++) {
      writeFileSync(join(host.server, `${file}.mca`), randomBytes(MB), { flag: 'a' });
    }
  }
  const daemon = await runDaemonOn(host);

  expect((await daemon.call(BACKUPS, { method: 'POST', headers: ASYNC })).status).toBe(202);
  await expectPaced(daemon, 'backup', host.backups);
  expect(await ended(daemon, 'backup')).toBe('done');

  const [backup] = (await daemon.call(BACKUPS)).body as readonly { readonly id: string }[];
  const restore = { body: { truncate: true }, headers: ASYNC };
  expect((await daemon.call(`${BACKUPS}/restore?id=${backup?.id}`, restore)).status).toBe(202);
  await expectPaced(daemon, 'restore', join(host.directory, 'servers'));
  expect(await ended(daemon, 'restore')).toBe('done');
});
