/** V2: thirty nights of a server in a vault, each fetched over HTTP, whole and in ranges. `VAULT_RANGES` sets how many of each. */
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { GAME_SERVER, type Host, LAYOUT, scratchHost } from '../support/daemon.ts';
import { type DaemonProcess, startDaemon } from '../support/daemon-process.ts';
import { needsProgram } from '../support/programs.ts';
import { seededPicks } from '../support/seeded-picks.ts';

const NIGHTS = 30;
const RANGES = Number(process.env['VAULT_RANGES'] ?? 1000);
/** The longest range; most end within one pack or two. */
const LONGEST = 100_000;
/** Requests under way at a time. */
const LANES = 4;
const SECTOR = 4096;
const REGION = 768 * SECTOR;
const BACKUPS = `/api/servers/${GAME_SERVER}/backups`;

interface Night {
  readonly id: string;
  readonly size: number;
  readonly checksum: string;
  /** Of the region file as it was. */
  readonly region: string;
  /** What the server's directory held, as tar lists it. */
  readonly names: readonly string[];
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Two sectors change, one file comes, and one goes. */
function play({ server }: Host, night: number): void {
  const region = fs.openSync(join(server, 'world', 'region.mca'), 'r+');
  for (const sector of [night * 23, 767 - night * 7])
    fs.writeSync(region, randomBytes(SECTOR), 0, SECTOR, sector * SECTOR);
  fs.closeSync(region);
  fs.writeFileSync(join(server, `night-${night}.log`), `night ${night}\n`);
  fs.rmSync(join(server, `night-${night - 3}.log`), { force: true });
}

async function backUp({ call }: DaemonProcess, { server }: Host): Promise<Night> {
  const entries = fs.readdirSync(server, { recursive: true, withFileTypes: true });
  const names = entries.map((entry) => {
    const path = join(entry.parentPath, entry.name).slice(server.length + 1);
    return entry.isDirectory() ? `${path}/` : path;
  });
  const region = sha256(fs.readFileSync(join(server, 'world', 'region.mca')));
  const { status, body } = await call(BACKUPS, { body: {}, headers: { prefer: 'wait=60' } });
  expect(status).toBe(201);
  return { ...(body as Pick<Night, 'id' | 'size' | 'checksum'>), region, names: names.sort() };
}

async function expectRanges(url: URL, archive: Buffer): Promise<void> {
  const pick = seededPicks(archive.length);
  let left = RANGES;
  const wrong: string[] = [];
  const lane = async (): Promise<void> => {
    while (left-- > 0) {
      const from = pick(archive.length);
      const to = Math.min(archive.length - 1, from + pick(LONGEST));
      const answer = await fetch(url, { headers: { range: `bytes=${from}-${to}` } });
      const bytes = Buffer.from(await answer.arrayBuffer());
      const isRight =
        answer.status === 206 &&
        answer.headers.get('content-range') === `bytes ${from}-${to}/${archive.length}` &&
        bytes.equals(archive.subarray(from, to + 1));
      if (!isRight) wrong.push(`${answer.status} for ${from}-${to}`);
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  expect(wrong).toEqual([]);
}

test('V2: each of thirty nights is downloaded with its size and sha256, unpacks to what was there, and is right in random ranges', async (context) => {
  needsProgram(context, 'gzip');
  needsProgram(context, 'tar');
  const host = await scratchHost();
  const config = host.config.replace(LAYOUT, '').replace('type: local,', 'type: local, layout: vault,');
  fs.writeFileSync(join(host.server, 'world', 'region.mca'), randomBytes(REGION));
  const daemon = await startDaemon({ ...host, config }, { built: true });
  const diskBytes = (): number =>
    Number(execFileSync('du', ['-s', '-B1', host.backups], { encoding: 'utf8' }).split('\t')[0]);
  const nights = [await backUp(daemon, host)];
  const first = diskBytes();
  for (let night = 1; night < NIGHTS; night++) {
    play(host, night);
    nights.push(await backUp(daemon, host));
  }
  expect(diskBytes()).toBeLessThan(first * 2);
  expect(fs.readdirSync(join(host.backups, GAME_SERVER)).filter((name) => name.endsWith('.tar.gz'))).toEqual([]);
  for (const { id, size, checksum, region, names } of nights) {
    const { body } = await daemon.call(`${BACKUPS}/download-token`, { body: { id } });
    const url = new URL((body as { readonly downloadUrl: string }).downloadUrl, daemon.url);
    const archive = Buffer.from(await (await fetch(url)).arrayBuffer());
    expect(archive.length).toBe(size);
    expect(sha256(archive)).toBe(checksum);
    execFileSync('gzip', ['-t'], { input: archive });
    const listed = execFileSync('tar', ['-tzf', '-'], { input: archive, encoding: 'utf8' }).split('\n').slice(0, -1);
    expect(listed.sort()).toEqual(names);
    const unpacked = execFileSync('tar', ['-xzOf', '-', 'world/region.mca'], { input: archive, maxBuffer: 2 * REGION });
    expect(sha256(unpacked)).toBe(region);
    await expectRanges(url, archive);
  }
});
