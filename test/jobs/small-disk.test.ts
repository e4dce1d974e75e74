import { randomBytes } from 'node:crypto';
import { statfsSync, writeFileSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, type TestContext } from 'vitest';
import { caller, GAME_SERVER, runDaemonOn, scratchHost } from '../support/daemon.ts';
import { mountTmpfs } from '../support/mounted.ts';

const MIB = 2 ** 20;
const BACKUPS = `/api/servers/${GAME_SERVER}/backups`;

/** A whole daemon whose store is a disk of that size. */
async function daemonOnDisk(context: TestContext, options: string, reserve: string) {
  const plain = await scratchHost();
  const host = { ...plain, config: plain.config.replace('reserve_free: 0', `reserve_free: ${reserve}`) };
  await mkdir(host.backups);
  mountTmpfs(context, host.backups, options);
  const { url } = await runDaemonOn(host);
  const free = (): number => {
    const { bavail, bsize } = statfsSync(host.backups);
    return bavail * bsize;
  };
  const stored = async () => (await readdir(host.backups, { recursive: true })).filter((name) => !name.startsWith('.'));
  return { ...host, call: caller(url), free, stored };
}

test('a server of 150 MB is refused by a disk of 100 MB before a byte is written', async (context) => {
  const node = await daemonOnDisk(context, 'size=100m', '1MiB');
  // Zeros that are stored, not holes: those take no room.
  writeFileSync(join(node.server, 'world.dat'), Buffer.alloc(150e6));
  const before = node.free();
  const answer = await node.call(BACKUPS, { method: 'POST' });
  expect(answer).toMatchObject({ status: 507, body: { code: 'insufficient_storage' } });
  expect(node.free()).toBe(before);
  expect(await node.stored()).toEqual([]);
});

test('one that compresses worse than was guessed stops above the reserve, and leaves nothing', async (context) => {
  const node = await daemonOnDisk(context, 'size=20m', '2MiB');
  // Guessed at 0.7 of this, which fits into 18 MiB; random bytes do not get smaller.
  writeFileSync(join(node.server, 'world.dat'), randomBytes(23 * MIB));
  const before = node.free();
  let least = before;
  const watching = setInterval(() => (least = Math.min(least, node.free())), 2);
  const answer = await node.call(BACKUPS, { method: 'POST' });
  clearInterval(watching);
  expect(answer).toMatchObject({ status: 507, body: { code: 'insufficient_storage' } });
  expect(least).toBeLessThan(before);
  expect(least).toBeGreaterThanOrEqual(2 * MIB);
  expect(await node.stored()).toEqual([]);
});

test('a disk with bytes and no inodes left refuses', async (context) => {
  const node = await daemonOnDisk(context, 'size=20m,nr_inodes=40', '0');
  await mkdir(join(node.backups, 'others'));
  for (let number = 0; number < 25; number++) writeFileSync(join(node.backups, 'others', `${number}`), '');
  const answer = await node.call(BACKUPS, { method: 'POST' });
  expect(answer).toMatchObject({ status: 507, body: { code: 'insufficient_storage' } });
});
