import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { ByteSource } from '../../../src/base/source.ts';
import { digestOf, provenSource } from '../../../src/jobs/stored/digests.ts';
import { openLocalSource } from '../../../src/storage/local/source.ts';
import { objectKey } from '../../../src/storage/key.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { backUp, backupId, SERVER, testNode } from '../../support/node.ts';
import { failureOf } from '../../support/rejection.ts';
import { scratchDirectory } from '../../support/scratch.ts';

const ID = backupId(1);
const never = (): AbortSignal => new AbortController().signal;
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

async function swapped() {
  const node = await testNode();
  await backUp(node, SERVER, ID);
  const { objects } = node.memory;
  const [archive, index] = (['tar.gz', 'index'] as const).map((kind) => objectKey(SERVER, ID, kind));
  if (archive === undefined || index === undefined) throw new TypeError('two keys');
  const swap = (key: typeof archive): void => void objects.set(key, randomBytes(objects.get(key)?.byteLength ?? 0));
  return { node, objects, swapArchive: () => swap(archive), swapIndex: () => swap(index), index };
}

test('the record and the manifest hold the digest of the index', async () => {
  const { node, objects, index } = await swapped();
  const { indexSha256 } = node.catalogue.backups.get(ID);
  expect(indexSha256).toBe(sha256(objects.get(index) ?? new Uint8Array()));
  const manifest = Buffer.from(objects.get(objectKey(SERVER, ID, 'json')) ?? []).toString();
  expect(manifest).toContain(`"indexSha256":"${indexSha256}"`);
});

test('another archive with another index of the same lengths gives nothing away', async () => {
  const { node, swapArchive, swapIndex } = await swapped();
  swapIndex();
  swapArchive();
  let opened = 0;
  const open = node.archive.open;
  node.archive.open = async (request) => (opened++, open(request));
  await failureOf(node.service.files(SERVER, ID, '', undefined, never()), 'archive_damaged');
  await failureOf(node.service.content(SERVER, ID, 'a', never()), 'archive_damaged');
  expect(opened).toBe(0);
  const { source } = await node.service.download(SERVER, ID);
  await failureOf(source.read(0, source.size), 'archive_damaged');
  await source.close();
});

test('a lost or foreign index beside the right archive is no damage', async () => {
  const { node, objects, index, swapIndex } = await swapped();
  const given: unknown[] = [];
  const page = { entries: [] };
  node.archive.open = async (request) => {
    given.push(request.index);
    const none = async function* () {};
    return {
      format: 'tar',
      list: async () => page,
      entries: none,
      selected: none,
      content: () => Promise.reject(new Error()),
      close: async () => {},
    };
  };
  await node.service.files(SERVER, ID, '', undefined, never());
  swapIndex();
  await node.service.files(SERVER, ID, '', undefined, never());
  objects.delete(index);
  await node.service.files(SERVER, ID, '', undefined, never());
  expect(given.map((source) => source !== undefined)).toEqual([true, false, false]);
});

test('a download holds back its last piece until the digest fits; a part of a small archive is proven before', async () => {
  const bytes = randomBytes(5000);
  const good = { ...(await someRecord()), size: 5000, sha256: sha256(bytes) };
  const store = new MemoryStore();
  const source = (): ByteSource => ({
    size: 5000,
    read: async (at, length) => bytes.subarray(at, at + length),
    close: async () => {},
  });
  const whole = provenSource(store, good, source());
  expect(Buffer.concat([await whole.read(0, 4000), await whole.read(4000, 1000)])).toEqual(bytes);
  expect(Buffer.from(await provenSource(store, good, source()).read(100, 10))).toEqual(bytes.subarray(100, 110));
  const bad = { ...good, sha256: 'ab'.repeat(32) };
  const wrong = provenSource(store, bad, source());
  await wrong.read(0, 4000);
  await failureOf(wrong.read(4000, 1000), 'archive_damaged');
  await failureOf(provenSource(store, bad, source()).read(100, 10), 'archive_damaged');
});

test('a file is read once, and again after it changed in its place with its old times', async () => {
  const directory = await scratchDirectory();
  const path = join(directory, 'x');
  const store = new MemoryStore();
  const digest = async () => {
    const source = await openLocalSource(path, objectKey(SERVER, ID, 'index'), directory);
    let reads = 0;
    const counted: ByteSource = {
      size: source.size,
      identity: source.identity,
      read: (at, length) => (reads++, source.read(at, length)),
      close: () => source.close(),
    };
    const found = await digestOf(store, counted);
    await source.close();
    return [found, reads] as const;
  };
  await fs.writeFile(path, 'good');
  const { atime, mtime } = await fs.stat(path);
  expect([await digest(), await digest()]).toEqual([
    [sha256(Buffer.from('good')), 1],
    [sha256(Buffer.from('good')), 0],
  ]);
  await untilLaterThan(path);
  await fs.writeFile(path, 'evil');
  await fs.utimes(path, atime, mtime);
  expect(await digest()).toEqual([sha256(Buffer.from('evil')), 1]);
});

/** What changes from now on has another time: the clock of file systems ticks every few milliseconds. */
async function untilLaterThan(path: string): Promise<void> {
  const changedAt = async (file: string): Promise<bigint> => (await fs.stat(file, { bigint: true })).ctimeNs;
  const [probe, before] = [`${path}.probe`, await changedAt(path)];
  do await fs.writeFile(probe, '');
  while ((await changedAt(probe)) <= before);
}

async function someRecord() {
  const node = await testNode();
  await backUp(node, SERVER, ID);
  return node.catalogue.backups.get(ID);
}
