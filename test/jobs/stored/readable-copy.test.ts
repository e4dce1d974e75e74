/** A whole daemon whose own store no longer gives an archive that a further store has a copy of. */
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  GAME_SERVER,
  type Host,
  LAYOUT,
  runDaemonOn,
  type RunningDaemon,
  scratchHost,
  TOKEN,
} from '../../support/daemon.ts';
import { archiveFile } from '../../support/stored-archive.ts';

const BACKUPS = `/api/servers/${GAME_SERVER}/backups`;

interface Copied {
  readonly host: Host;
  readonly daemon: RunningDaemon;
  readonly id: string;
  /** Paths of the archive in its own store, and in the further one. */
  readonly own: string;
  readonly copy: string;
}

async function backUpWithCopy(): Promise<Copied> {
  const plain = await scratchHost();
  const offsite = join(plain.directory, 'offsite');
  const stores = `{ local: { type: local, ${LAYOUT}directory: ${plain.backups} }, offsite: { type: local, directory: ${offsite} } }`;
  const config = plain.config.replace(
    /^storage:.*$/m,
    `storage: { default: local, copies: [offsite], stores: ${stores} }`,
  );
  const host = { ...plain, config };
  const daemon = await runDaemonOn(host);
  const { id } = (await daemon.call(BACKUPS, { method: 'POST' })).body as { readonly id: string };
  const copies = async (): Promise<unknown> => (await daemon.call(`${BACKUPS}/${id}`)).body;
  await expect.poll(copies, { timeout: 20_000 }).toMatchObject({ copies: [{ store: 'offsite', state: 'completed' }] });
  const own = archiveFile(host.backups, GAME_SERVER, id);
  return { host, daemon, id, own, copy: join(offsite, GAME_SERVER, `${id}.tar.gz`) };
}

async function bend(path: string): Promise<void> {
  const bytes = await readFile(path);
  bytes.fill(0x55, bytes.length >> 1, (bytes.length >> 1) + 16);
  await writeFile(path, bytes);
}

async function restore({ daemon, id }: Copied) {
  const { status, body } = await daemon.call(`${BACKUPS}/restore?id=${id}`, { body: { truncate: true } });
  return { status, ...(body as { readonly code?: string }) };
}

async function damagedAt({ daemon, id }: Copied): Promise<unknown> {
  return ((await daemon.call(`${BACKUPS}/${id}`)).body as { readonly damagedAt?: string }).damagedAt;
}

async function copyOf({ daemon, id }: Copied) {
  const { copies } = (await daemon.call(`${BACKUPS}/${id}`)).body as {
    readonly copies: readonly { readonly state: string; readonly damagedAt?: string }[];
  };
  return copies[0] ?? { state: 'none' };
}

/** Puts the right archive back into the backup's own store, and has it verified. */
async function writeOwn({ daemon, id, own }: Copied, bytes: Buffer): Promise<void> {
  await writeFile(own, bytes);
  expect((await daemon.call(`${BACKUPS}/${id}/verify`, { method: 'POST' })).status).toBe(200);
}

test('a backup whose archive is gone is restored, downloaded and looked into from its copy', async () => {
  const copied = await backUpWithCopy();
  const { host, daemon, id, own, copy } = copied;
  await rm(own);
  const level = join(host.server, 'world', 'level.dat');
  await rm(level);

  expect(await restore(copied)).toMatchObject({ status: 200 });
  expect(await readFile(level)).toEqual(Buffer.alloc(200_000, 'level'));

  const authorization = `Bearer ${TOKEN}`;
  const { token } = (await daemon.call(`${BACKUPS}/download-token`, { body: { id } })).body as { token: string };
  const download = await fetch(`${daemon.url}${BACKUPS}/download?token=${token}`);
  expect(Buffer.from(await download.arrayBuffer())).toEqual(await readFile(copy));

  const files = (await daemon.call(`${BACKUPS}/${id}/files?path=world`)).body;
  expect(files).toMatchObject({ entries: [{ name: 'level.dat' }] });
  const content = await fetch(`${daemon.url}${BACKUPS}/${id}/files/content?path=eula.txt`, {
    headers: { authorization },
  });
  expect(await content.text()).toBe('eula=true\n');
});

test('a backup that was found damaged is restored from its copy, and stays marked', async () => {
  const copied = await backUpWithCopy();
  await bend(copied.own);
  expect(await restore(copied)).toMatchObject({ status: 422, code: 'archive_damaged' });
  expect(await damagedAt(copied)).toEqual(expect.any(String));
  await rm(join(copied.host.server, 'eula.txt'));

  expect(await restore(copied)).toMatchObject({ status: 200 });
  expect(await readFile(join(copied.host.server, 'eula.txt'), 'utf8')).toBe('eula=true\n');
  expect(await damagedAt(copied)).toEqual(expect.any(String));
});

test('a copy that is damaged is not restored, and says nothing about the archive in its own store', async () => {
  const copied = await backUpWithCopy();
  const aside = `${copied.own}.aside`;
  await rename(copied.own, aside);
  await bend(copied.copy);
  const whole = await readFile(aside);
  expect(await restore(copied)).toMatchObject({ status: 422, code: 'archive_damaged' });
  expect(await damagedAt(copied)).toBeUndefined();
  expect(await copyOf(copied)).toMatchObject({ damagedAt: expect.any(String) as string });
  await rename(aside, copied.own);
  expect(await restore(copied)).toMatchObject({ status: 200 });
  // What is made anew comes from the archive in its own store.
  expect(whole.byteLength).toBe((await readFile(copied.own)).byteLength);
});

test('a copy that a restore found damaged is made anew from the archive in its own store', async () => {
  const copied = await backUpWithCopy();
  const whole = await readFile(copied.copy);
  await bend(copied.own);
  expect(await restore(copied)).toMatchObject({ status: 422, code: 'archive_damaged' });
  await bend(copied.copy);
  expect(await restore(copied)).toMatchObject({ status: 422, code: 'archive_damaged' });
  expect(await copyOf(copied)).toMatchObject({ damagedAt: expect.any(String) as string });
  await writeOwn(copied, whole);
  await expect.poll(() => copyOf(copied), { timeout: 20_000 }).toMatchObject({ state: 'completed' });
  expect((await copyOf(copied)).damagedAt).toBeUndefined();
  expect(whole.equals(await readFile(copied.copy))).toBe(true);
});

test('a copy that a download found damaged is verified, and made anew', async () => {
  const copied = await backUpWithCopy();
  const { daemon, id } = copied;
  const whole = await readFile(copied.copy);
  await bend(copied.own);
  expect(await restore(copied)).toMatchObject({ status: 422, code: 'archive_damaged' });
  await bend(copied.copy);
  const { token } = (await daemon.call(`${BACKUPS}/download-token`, { body: { id } })).body as { token: string };
  const download = await fetch(`${daemon.url}${BACKUPS}/download?token=${token}`);
  expect(await download.json()).toMatchObject({ code: 'archive_damaged' });
  await expect
    .poll(() => copyOf(copied), { timeout: 20_000 })
    .toMatchObject({ state: 'failed', damagedAt: expect.any(String) as string });
  const { jobs } = (await daemon.call('/api/jobs?kind=verify')).body as { readonly jobs: readonly unknown[] };
  expect(jobs).toMatchObject([{ copy: 'offsite', state: 'failed', caller: { by: 'verification' } }]);
  await writeOwn(copied, whole);
  await expect.poll(() => copyOf(copied), { timeout: 20_000 }).toMatchObject({ state: 'completed' });
  expect(whole.equals(await readFile(copied.copy))).toBe(true);
});

test('a backup that is in no store any more is refused with the reason of its own store', async () => {
  const copied = await backUpWithCopy();
  await rm(copied.own);
  await rm(copied.copy);
  expect(await restore(copied)).toMatchObject({ status: 422, code: 'archive_damaged' });
});
