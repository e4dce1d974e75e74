/** A map that cannot be read: what was moved there is lost until it comes back, and nothing else is. */
import { randomBytes, randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { expect, test, type TestContext } from 'vitest';
import type { BackupId, ServerId } from '../../../src/base/ids.ts';
import type { SameBytes } from '../../../src/base/source.ts';
import { objectKey, type ObjectKey } from '../../../src/storage/key.ts';
import type { ArchiveRanges } from '../../../src/storage/vault-port.ts';
import { freesHoles } from '../../../src/storage/vault/collection/punch.ts';
import { failureOf } from '../../support/rejection.ts';
import { scratchVault, type ScratchVault } from '../../support/scratch-vault.ts';
import { getObject } from '../../support/store-objects.ts';

const SERVER = '11111111-1111-4111-8111-111111111111' as ServerId;
const LENGTH = 200_000;
const MOVED = 150_000;

async function put({ vault }: ScratchVault, bytes: Buffer, base?: ObjectKey, same: readonly SameBytes[] = []) {
  const key = objectKey(SERVER, randomUUID() as BackupId, 'tar.gz');
  const writer = await vault.create(key, { base });
  await writer.write(bytes, same);
  await writer.commit();
  return key;
}

function idOf(key: ObjectKey): BackupId {
  return key.slice(SERVER.length + 1, -'.tar.gz'.length) as BackupId;
}

/** The only map of the server. */
function mapOf({ directory }: ScratchVault): string {
  const [map = '', ...more] = fs.readdirSync(join(directory, SERVER)).filter((name) => name.endsWith('.map'));
  expect(more).toEqual([]);
  return join(directory, SERVER, map);
}

function bend(path: string): void {
  const bytes = fs.readFileSync(path);
  bytes.writeUInt8(bytes.readUInt8(30) ^ 1, 30);
  // Another file, as what was seen of the directory is remembered.
  fs.rmSync(path);
  fs.writeFileSync(path, bytes);
}

/** An archive whose bytes were all moved, beside one whose bytes lie where they were written; the map is bent. */
async function withBentMap() {
  const scratch = await scratchVault({ mergeAt: 0.1 });
  const bytes = randomBytes(LENGTH);
  const first = await put(scratch, bytes);
  const moved = await put(scratch, bytes.subarray(0, MOVED), first, [{ start: 0, length: MOVED, base: 0 }]);
  await scratch.vault.remove(first);
  await scratch.vault.freeSpace();
  const other = randomBytes(LENGTH);
  const still = await put(scratch, other);
  await scratch.vault.freeSpace();
  const map = mapOf(scratch);
  const whole = fs.readFileSync(map);
  bend(map);
  const read = async (key: ObjectKey): Promise<Buffer> => Buffer.from(await getObject(scratch.vault, key));
  return { ...scratch, scratch, bytes: bytes.subarray(0, MOVED), moved, other, still, map, whole, read };
}

test('archives that were not moved are read, and so is a backup that is made meanwhile', async () => {
  const { scratch, vault, bytes, moved, other, still, map, whole, read } = await withBentMap();
  expect((await read(still)).equals(other)).toBe(true);
  const first = await put(scratch, other, still, [{ start: 0, length: LENGTH, base: 0 }]);
  const second = await put(scratch, bytes, moved, [{ start: 0, length: MOVED, base: 0 }]);
  expect((await read(first)).equals(other)).toBe(true);
  expect((await failureOf(read(moved), 'archive_damaged')).message).toContain('.map');
  fs.rmSync(map);
  fs.writeFileSync(map, whole);
  for (const key of [moved, second]) expect((await read(key)).equals(bytes)).toBe(true);
  await vault.freeSpace();
});

test('nothing is collected meanwhile, and it is said why', async () => {
  const { vault, directory, still } = await withBentMap();
  const names = fs.readdirSync(join(directory, SERVER));
  await vault.remove(still);
  expect((await failureOf(vault.collect(SERVER), 'archive_damaged')).message).toContain('.map');
  expect(fs.readdirSync(join(directory, SERVER)).filter((name) => name.endsWith('.pack'))).toHaveLength(
    names.filter((name) => name.endsWith('.pack')).length,
  );
});

test('what was given back where it was first is damage, not zeros', async (context: TestContext) => {
  const scratch = await scratchVault({ mergeAt: 0.26 });
  const { vault } = scratch;
  if (!(await freesHoles(scratch.directory))) context.skip('skipped: holes are not given back here');
  const bytes = randomBytes(LENGTH);
  const first = await put(scratch, bytes);
  const second = await put(scratch, bytes.subarray(0, MOVED), first, [{ start: 0, length: MOVED, base: 0 }]);
  const start = await put(scratch, bytes.subarray(0, 8192), first, [{ start: 0, length: 8192, base: 0 }]);
  await vault.remove(first);
  await vault.collect(SERVER);
  // The pack stays for this reader, and loses what it does not read.
  const reader = await vault.open(start);
  const third = await put(scratch, randomBytes(100_000));
  await put(scratch, bytes.subarray(0, 20_000), third, [{ start: 0, length: 20_000, base: 0 }]);
  await vault.remove(third);
  await vault.freeSpace();
  bend(mapOf(scratch));
  await failureOf(vault.open(second), 'archive_damaged');
  await failureOf(Promise.resolve(vault.partsOf(second)), 'archive_damaged');
  expect(Buffer.from(await getObject(vault, start)).equals(bytes.subarray(0, 8192))).toBe(true);
  await reader.close();
});

test('bytes that are made again are found without it: then it can go', async () => {
  const { vault, directory, bytes, moved, map, read } = await withBentMap();
  const view = await vault.view(SERVER);
  expect(view.faults).toMatchObject([{ code: 'archive_damaged' }]);
  const ranges = view.archives.get(idOf(moved)) as ArchiveRanges;
  const pieces: { range: { pack: string; start: number; length: number }; bytes: Uint8Array }[] = [];
  let at = 0;
  for (const range of ranges.find(0, MOVED)) {
    pieces.push({ range, bytes: bytes.subarray(at, at + range.length) });
    at += range.length;
  }
  await view.close();
  await vault.heal(SERVER, pieces);
  expect((await read(moved)).equals(bytes)).toBe(true);
  fs.rmSync(map);
  await vault.collect(SERVER);
  expect((await read(moved)).equals(bytes)).toBe(true);
  // That of the archive beside, and that of the bytes that were made again.
  expect(fs.readdirSync(join(directory, SERVER)).filter((name) => name.endsWith('.pack'))).toHaveLength(2);
});
