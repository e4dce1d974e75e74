import { execFileSync } from 'node:child_process';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test, type TestContext } from 'vitest';
import type { BackupId, ServerId } from '../../../src/base/ids.ts';
import { objectKey } from '../../../src/storage/key.ts';
import { keysOf, putObject } from '../../contract/store.ts';
import { getObject } from '../../support/store-objects.ts';
import { failureOf } from '../../support/rejection.ts';
import { scratchStore, type ScratchStore } from '../../support/scratch-store.ts';
import { scratchDirectory } from '../../support/scratch.ts';

const SERVER = '11111111-1111-4111-8111-111111111111' as ServerId;
const BACKUP = 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa' as BackupId;
const OLDER = 'bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb' as BackupId;
const KEY = objectKey(SERVER, BACKUP, 'tar.gz');
/** @param program of the host. */
const run = (program: string, words: readonly string[]): void => void execFileSync(program, words, { stdio: 'pipe' });

const BLOCK = Buffer.alloc(64 * 1024, 1);

/** A store on a file system of its own; skips the test where none may be mounted. */
async function smallStore(context: TestContext, options: string): Promise<ScratchStore> {
  const directory = join(await scratchDirectory(), 'store');
  await mkdir(directory);
  try {
    run('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', directory]);
  } catch (error) {
    context.skip(true, `no file system may be mounted here: ${String(error)}`);
  }
  onTestFinished(() => run('umount', ['--lazy', directory]));
  return scratchStore({ directory });
}

async function fillUp({
  store,
}: ScratchStore): Promise<{ writer: Awaited<ReturnType<typeof store.create>>; blocks: number }> {
  const writer = await store.create(KEY);
  for (let blocks = 0; ; blocks++) {
    const { bytes } = await store.freeSpace();
    if (bytes < BLOCK.length) return { writer, blocks };
    await writer.write(BLOCK);
  }
}

test('full at the first byte: refused, and nothing is left', async (context) => {
  const scratch = await smallStore(context, 'size=256k');
  const older = objectKey(SERVER, OLDER, 'tar.gz');
  await putObject(scratch.store, older, Buffer.alloc((await scratch.store.freeSpace()).bytes - 8192));
  const writer = await scratch.store.create(KEY);
  const failure = await failureOf(writer.write(BLOCK), 'insufficient_storage');
  expect(failure.message).toMatch(/^Cannot store \S+: 0 B free, at least \d+\.?\d* KiB more needed after /);
  await writer.abort();
  expect(await readdir(join(scratch.directory, SERVER))).toEqual([`${OLDER}.tar.gz`]);
});

test('full in the middle: told in numbers, nothing is left, and the next one fits', async (context) => {
  const scratch = await smallStore(context, 'size=1m');
  const { writer, blocks } = await fillUp(scratch);
  expect(blocks).toBeGreaterThan(3);
  const failure = await failureOf(writer.write(BLOCK), 'insufficient_storage');
  expect(failure.facts).toMatchObject({ errno: 'ENOSPC', free: 0 });
  expect(failure.retry).toBe(true);
  await writer.abort();
  expect(await keysOf(scratch.store)).toEqual([]);
  await putObject(scratch.store, KEY, BLOCK);
  expect((await getObject(scratch.store, KEY)).byteLength).toBe(BLOCK.length);
});

test('full at the very last block: the object that fits exactly is whole, one byte more is refused', async (context) => {
  const scratch = await smallStore(context, 'size=1m');
  const { writer } = await fillUp(scratch);
  await writer.write(BLOCK.subarray(0, (await scratch.store.freeSpace()).bytes));
  expect((await scratch.store.freeSpace()).bytes).toBe(0);
  const refused = await scratch.store.create(objectKey(SERVER, BACKUP, 'index'));
  await failureOf(refused.write(BLOCK.subarray(0, 1)), 'insufficient_storage');
  await refused.abort();
  await writer.commit();
  expect(await keysOf(scratch.store)).toEqual([KEY]);
});

test('no inode left: refused before the first byte', async (context) => {
  const scratch = await smallStore(context, 'size=1m,nr_inodes=5');
  await putObject(scratch.store, objectKey(SERVER, BACKUP, 'index'));
  await putObject(scratch.store, objectKey(SERVER, BACKUP, 'json'));
  expect(await scratch.store.freeSpace()).toMatchObject({ inodes: 0 });
  await failureOf(scratch.store.create(KEY), 'insufficient_storage');
  expect(await readdir(join(scratch.directory, SERVER))).toEqual([`${BACKUP}.index`, `${BACKUP}.json`]);
});

test('a disk mounted read-only meanwhile is unreachable, not full', async (context) => {
  const scratch = await smallStore(context, 'size=1m');
  await putObject(scratch.store, KEY, BLOCK);
  run('mount', ['-o', 'remount,ro', scratch.directory]);
  const failure = await failureOf(scratch.store.create(KEY), 'store_unreachable');
  expect(failure.message).toContain('EROFS');
  await failureOf(scratch.store.check(), 'store_unreachable');
  expect((await getObject(scratch.store, KEY)).byteLength).toBe(BLOCK.length);
});

test('a disk that is unmounted while Roost runs is never written around', async (context) => {
  const scratch = await smallStore(context, 'size=1m');
  await putObject(scratch.store, KEY, BLOCK);
  run('umount', [scratch.directory]);
  await failureOf(scratch.store.create(KEY), 'store_unreachable');
  await failureOf(scratch.store.stat(KEY), 'store_unreachable');
  expect(await readdir(scratch.directory)).toEqual([]);
  run('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', scratch.directory]);
  // Another disk in its place: empty, and not the one.
  await failureOf(scratch.store.create(KEY), 'store_unreachable');
});
