/** A whole daemon with a vault, and a plain store that has copies of its backups: damaged bytes are taken from there. */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { run } from '../../cli/run.ts';
import { GAME_SERVER, LAYOUT, runDaemonOn, type RunningDaemon, scratchHost, TOKEN } from '../../support/daemon.ts';
import { archiveFile, storedArchive } from '../../support/stored-archive.ts';

const BACKUPS = `/api/servers/${GAME_SERVER}/backups`;

interface Made {
  readonly id: string;
  readonly checksum: string;
  readonly damagedAt?: string;
}

interface Told {
  readonly type: string;
  readonly backup?: string;
  readonly data: { readonly ok?: boolean; readonly backups?: readonly string[] };
}

/** Two backups that share all but a sector, and the directory of their copies. */
async function vaultWithCopies() {
  const plain = await scratchHost();
  const region = join(plain.server, 'world', 'region.mca');
  fs.writeFileSync(region, randomBytes(3 << 20));
  const offsite = join(plain.directory, 'offsite');
  const local = `local: { type: local, layout: vault, directory: ${plain.backups} }`;
  const stores = `{ ${local}, offsite: { type: local, directory: ${offsite} } }`;
  const storage = `storage: { default: local, copies: [offsite], stores: ${stores} }`;
  const daemon = await runDaemonOn({
    ...plain,
    config: plain.config.replace(LAYOUT, '').replace(/^storage:.*$/m, storage),
  });
  const make = async (): Promise<Made> => {
    const made = (await daemon.call(BACKUPS, { body: {} })).body as Made;
    const shown = async (): Promise<unknown> => (await daemon.call(`${BACKUPS}/${made.id}`)).body;
    await expect.poll(shown).toMatchObject({ copies: [{ store: 'offsite', state: 'completed' }] });
    return made;
  };
  const first = await make();
  const file = fs.openSync(region, 'r+');
  fs.writeSync(file, randomBytes(4096), 0, 4096, 40 * 4096);
  fs.closeSync(file);
  return { ...plain, daemon, first, second: await make(), offsite: join(offsite, GAME_SERVER) };
}

/** Zeroes bytes in the middle of the archive's file, which the second backup shares. */
function damage(path: string): void {
  const file = fs.openSync(path, 'r+');
  fs.writeSync(file, Buffer.alloc(700), 0, 700, Math.floor(fs.fstatSync(file).size / 2));
  fs.closeSync(file);
}

async function verify({ url }: RunningDaemon) {
  return run(['vault', 'verify'], { env: { ROOST_URL: url, ROOST_TOKEN: TOKEN } });
}

async function listen({ url }: RunningDaemon): Promise<readonly Told[]> {
  const told: Told[] = [];
  const socket = new WebSocket(`${url.replace('http', 'ws')}/api/events`, {
    headers: { authorization: `Bearer ${TOKEN}` },
  });
  onTestFinished(() => socket.terminate());
  socket.on('message', (frame: Buffer) => told.push(JSON.parse(frame.toString('utf8')) as Told));
  await once(socket, 'open');
  return told;
}

function sha256Of(store: string, { id }: Made): string {
  return createHash('sha256')
    .update(storedArchive(store, GAME_SERVER, id))
    .digest('hex');
}

async function damagedAt({ call }: RunningDaemon, { id }: Made): Promise<unknown> {
  return ((await call(`${BACKUPS}/${id}`)).body as Made).damagedAt;
}

test('V12: damaged bytes are taken from a copy, for all backups that share them; each is marked until it is proven', async () => {
  const { daemon, backups, first, second } = await vaultWithCopies();
  const told = await listen(daemon);
  damage(archiveFile(backups, GAME_SERVER, first.id));
  expect(sha256Of(backups, second)).not.toBe(second.checksum);
  const verified = await verify(daemon);
  expect(verified.exitCode).toBe(3);
  for (const { id } of [first, second]) expect(verified.stdout).toContain(`${id} was damaged; its bytes were taken`);
  for (const each of [first, second]) {
    expect(sha256Of(backups, each)).toBe(each.checksum);
    await expect.poll(() => damagedAt(daemon, each)).toBeUndefined();
  }
  const all = [first.id, second.id];
  const verdicts = (ok: boolean): ReadonlySet<unknown> =>
    new Set(told.filter(({ type, data }) => type === 'backup.verified' && data.ok === ok).map(({ backup }) => backup));
  await expect.poll(() => verdicts(false)).toEqual(new Set(all));
  await expect.poll(() => verdicts(true)).toEqual(new Set(all));
  const [damaged, ...more] = told.filter(({ type }) => type === 'vault.damaged');
  expect(new Set(damaged?.data.backups)).toEqual(new Set(all));
  expect(more).toEqual([]);
  expect((await verify(daemon)).exitCode).toBe(0);
});

test('V12: a missing pack comes back from the copy of one backup that has its bytes', async () => {
  const { daemon, backups, first, second, offsite } = await vaultWithCopies();
  // Of the first backup there is no copy any more; the second has the same bytes.
  fs.rmSync(join(offsite, `${first.id}.tar.gz`));
  fs.rmSync(archiveFile(backups, GAME_SERVER, first.id));
  const verified = await verify(daemon);
  expect(verified.stdout).toContain(`${second.id} was damaged; its bytes were taken from a copy`);
  await expect.poll(() => damagedAt(daemon, second)).toBeUndefined();
  expect(sha256Of(backups, second)).toBe(second.checksum);
  // What only the first had is gone.
  expect(verified.stdout).toContain(`${first.id} is damaged`);
  expect(verified.exitCode).toBe(1);
});

test('a copy that is not the archive of the backup heals nothing', async () => {
  const { daemon, backups, first, second, offsite } = await vaultWithCopies();
  for (const { id } of [first, second]) damage(join(offsite, `${id}.tar.gz`));
  // Elsewhere, where the copies are whole: each of their parts there has its checksum.
  const pack = archiveFile(backups, GAME_SERVER, first.id);
  const file = fs.openSync(pack, 'r+');
  fs.writeSync(file, Buffer.alloc(700), 0, 700, 30_000);
  fs.closeSync(file);
  const before = fs.readdirSync(join(backups, GAME_SERVER));
  const verified = await verify(daemon);
  expect(verified.exitCode).toBe(1);
  for (const each of [first, second]) {
    expect(verified.stdout).toContain(`${each.id} is damaged`);
    expect(await damagedAt(daemon, each)).toEqual(expect.any(String));
  }
  expect(fs.readdirSync(join(backups, GAME_SERVER))).toEqual(before);
});
