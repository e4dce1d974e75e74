/** Bytes that were made again in place of damaged ones, and archives that became packs by a second name. */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { BackupId, ServerId } from '../../../src/base/ids.ts';
import type { SameBytes } from '../../../src/base/source.ts';
import type { ArchiveRanges } from '../../../src/storage/vault-port.ts';
import { objectKey, type ObjectKey } from '../../../src/storage/key.ts';
import { scratchVault, type ScratchVault } from '../../support/scratch-vault.ts';
import { getObject } from '../../support/store-objects.ts';

const SERVER = '11111111-1111-4111-8111-111111111111' as ServerId;
const LENGTH = 200_000;

function idOf(key: ObjectKey): BackupId {
  return key.slice(SERVER.length + 1, -'.tar.gz'.length) as BackupId;
}

async function put(
  { vault }: ScratchVault,
  bytes: Buffer,
  base?: ObjectKey,
  same: readonly SameBytes[] = [],
): Promise<ObjectKey> {
  const key = objectKey(SERVER, randomUUID() as BackupId, 'tar.gz');
  const writer = await vault.create(key, { base });
  await writer.write(bytes, same);
  await writer.commit();
  return key;
}

async function expectWhole({ vault }: ScratchVault, key: ObjectKey, bytes: Buffer): Promise<void> {
  expect(Buffer.from(await getObject(vault, key)).equals(bytes)).toBe(true);
}

function files({ directory }: ScratchVault, kind: string): string[] {
  return fs.readdirSync(join(directory, SERVER)).filter((name) => name.endsWith(kind));
}

function zero(path: string, offset: number, length: number): void {
  const file = fs.openSync(path, 'r+');
  fs.writeSync(file, Buffer.alloc(length), 0, length, offset);
  fs.closeSync(file);
}

/** Zeroes the first bytes of an archive where they lie. */
async function zeroStart({ vault }: ScratchVault, key: ObjectKey, length: number): Promise<void> {
  const parts = await vault.partsOf(key);
  for (const [index, end] of (parts?.ends ?? new Float64Array()).entries()) {
    const from = index === 0 ? 0 : (parts?.ends[index - 1] ?? 0);
    if (from >= length) return;
    zero(parts?.paths[parts.file[index] ?? 0] ?? '', parts?.start[index] ?? 0, Math.min(end, length) - from);
  }
}

describe('bytes that heal damage', () => {
  test('V12: are read by every archive that has the range, also after merges and a second damage', async () => {
    const scratch = await scratchVault({ mergeAt: 0.01 });
    const bytes = randomBytes(LENGTH);
    const same = [{ start: 0, length: LENGTH, base: 0 }];
    const first = await put(scratch, bytes);
    const second = await put(scratch, bytes, first, same);
    for (let round = 0; round < 3; round++) {
      // Wherever the range lies by now.
      await zeroStart(scratch, first, 60_000);
      const healing: SameBytes[] = [
        { start: 0, length: 60_000, base: 0, heals: true },
        { start: 60_000, length: LENGTH - 60_000, base: 60_000 },
      ];
      const healed = await put(scratch, bytes, second, healing);
      for (const key of [first, second, healed]) await expectWhole(scratch, key, bytes);
      await scratch.vault.remove(healed);
      await scratch.vault.collect(SERVER);
      for (const key of [first, second]) await expectWhole(scratch, key, bytes);
    }
    for (const key of [first, second]) await scratch.vault.remove(key);
    await scratch.vault.collect(SERVER);
    expect(fs.existsSync(join(scratch.directory, SERVER))).toBe(false);
    expect(scratch.faults).toEqual([]);
  });

  test('count before a merge that moved them in one piece with what lies around them', async () => {
    const scratch = await scratchVault({ mergeAt: 0.01 });
    const bytes = randomBytes(LENGTH);
    const first = await put(scratch, bytes);
    const second = await put(scratch, bytes.subarray(0, 150_000), first, [{ start: 0, length: 150_000, base: 0 }]);
    await scratch.vault.remove(first);
    await scratch.vault.collect(SERVER);
    expect(files(scratch, '.map')).toHaveLength(1);
    const parts = await scratch.vault.partsOf(second);
    zero(parts?.paths[0] ?? '', (parts?.start[0] ?? 0) + 70_000, 10_000);
    const healed = await put(scratch, bytes.subarray(0, 150_000), second, [
      { start: 0, length: 70_000, base: 0 },
      { start: 70_000, length: 10_000, base: 70_000, heals: true },
      { start: 80_000, length: 70_000, base: 80_000 },
    ]);
    for (const key of [second, healed]) await expectWhole(scratch, key, bytes.subarray(0, 150_000));
    await scratch.vault.collect(SERVER);
    for (const key of [second, healed]) await expectWhole(scratch, key, bytes.subarray(0, 150_000));
  });

  test('of a base that was removed meanwhile are stored with the archive', async () => {
    const scratch = await scratchVault();
    const bytes = randomBytes(LENGTH);
    const first = await put(scratch, bytes);
    await scratch.vault.remove(first);
    const second = await put(scratch, bytes, first, [
      { start: 0, length: 60_000, base: 0, heals: true },
      { start: 60_000, length: LENGTH - 60_000, base: 60_000 },
    ]);
    await expectWhole(scratch, second, bytes);
  });

  test('are taken back when the archive is given up', async () => {
    const scratch = await scratchVault();
    const bytes = randomBytes(LENGTH);
    const first = await put(scratch, bytes);
    const writer = await scratch.vault.create(objectKey(SERVER, randomUUID() as BackupId, 'tar.gz'), { base: first });
    await writer.write(bytes, [{ start: 0, length: LENGTH, base: 0, heals: true }]);
    await writer.abort();
    expect([files(scratch, '.pack'), files(scratch, '.map')]).toEqual([[expect.any(String)], []]);
  });
});

test('a view of all bytes is read to its end, whatever is merged meanwhile', async () => {
  const scratch = await scratchVault({ mergeAt: 0.26 });
  const bytes = randomBytes(LENGTH);
  const first = await put(scratch, bytes);
  const second = await put(scratch, bytes.subarray(0, 150_000), first, [{ start: 0, length: 150_000, base: 0 }]);
  await scratch.vault.remove(first);
  await scratch.vault.collect(SERVER);
  const view = await scratch.vault.view(SERVER);
  const old = files(scratch, '.pack');
  // A second pack, mostly dead, so that both are worth merging.
  const third = await put(scratch, randomBytes(100_000));
  const fourth = await put(scratch, bytes.subarray(0, 20_000), third, [{ start: 0, length: 20_000, base: 0 }]);
  await scratch.vault.remove(third);
  await scratch.vault.collect(SERVER);
  expect(files(scratch, '.pack')).not.toContain(old[0]);
  const ranges = view.archives.get(idOf(second)) as ArchiveRanges;
  for (const range of ranges.find(0, 150_000)) {
    expect(Buffer.from(await view.read(range)).equals(bytes.subarray(0, 150_000))).toBe(true);
  }
  await view.close();
  await scratch.vault.remove(fourth);
});

test('a view is read to its end also out of a pack that a merge leaves to a reader of some of it', async () => {
  const scratch = await scratchVault({ mergeAt: 0.26 });
  const bytes = randomBytes(LENGTH);
  const first = await put(scratch, bytes);
  const second = await put(scratch, bytes.subarray(0, 150_000), first, [{ start: 0, length: 150_000, base: 0 }]);
  const start = await put(scratch, bytes.subarray(0, 8192), first, [{ start: 0, length: 8192, base: 0 }]);
  await scratch.vault.remove(first);
  await scratch.vault.collect(SERVER);
  const view = await scratch.vault.view(SERVER);
  const reader = await scratch.vault.open(start);
  const old = files(scratch, '.pack');
  // A second pack, mostly dead, so that both are worth merging.
  const third = await put(scratch, randomBytes(100_000));
  await put(scratch, bytes.subarray(0, 20_000), third, [{ start: 0, length: 20_000, base: 0 }]);
  await scratch.vault.remove(third);
  await scratch.vault.freeSpace();
  expect(files(scratch, '.map')).toHaveLength(1);
  expect(files(scratch, '.pack')).toContain(old[0]);
  const ranges = view.archives.get(idOf(second)) as ArchiveRanges;
  const read: Uint8Array[] = [];
  for (const range of ranges.find(0, 150_000)) read.push(await view.read(range));
  expect(Buffer.concat(read).equals(bytes.subarray(0, 150_000))).toBe(true);
  await view.close();
  expect(Buffer.from(await reader.read(0, 8192)).equals(bytes.subarray(0, 8192))).toBe(true);
  await reader.close();
  await scratch.vault.freeSpace();
  expect(files(scratch, '.pack')).not.toContain(old[0]);
  await expectWhole(scratch, second, bytes.subarray(0, 150_000));
  expect(scratch.faults).toEqual([]);
});

test('the base of a running backup stays as it is where it lies, also when a merge leaves some of it to a reader', async () => {
  const scratch = await scratchVault({ mergeAt: 0.26 });
  const bytes = randomBytes(LENGTH);
  const first = await put(scratch, bytes);
  const base = await put(scratch, bytes.subarray(0, 150_000), first, [{ start: 0, length: 150_000, base: 0 }]);
  const start = await put(scratch, bytes.subarray(0, 8192), first, [{ start: 0, length: 8192, base: 0 }]);
  await scratch.vault.remove(first);
  await scratch.vault.collect(SERVER);
  const { paths } = (await scratch.vault.partsOf(base)) ?? { paths: [] };
  const writer = await scratch.vault.create(objectKey(SERVER, randomUUID() as BackupId, 'tar.gz'), { base });
  const reader = await scratch.vault.open(start);
  const third = await put(scratch, randomBytes(100_000));
  await put(scratch, bytes.subarray(0, 20_000), third, [{ start: 0, length: 20_000, base: 0 }]);
  await scratch.vault.remove(third);
  await scratch.vault.freeSpace();
  expect(files(scratch, '.map')).toHaveLength(1);
  expect(
    fs
      .readFileSync(paths[0] ?? '')
      .subarray(0, 150_000)
      .equals(bytes.subarray(0, 150_000)),
  ).toBe(true);
  await writer.abort();
  await reader.close();
  await scratch.vault.freeSpace();
  expect(fs.existsSync(paths[0] ?? '')).toBe(false);
  await expectWhole(scratch, base, bytes.subarray(0, 150_000));
});

describe('a plain archive that is taken in', () => {
  async function plain(scratch: ScratchVault) {
    const bytes = randomBytes(LENGTH);
    const key = objectKey(SERVER, randomUUID() as BackupId, 'tar.gz');
    fs.mkdirSync(join(scratch.directory, SERVER), { recursive: true });
    fs.writeFileSync(join(scratch.directory, key), bytes);
    return { key, bytes, sha256: createHash('sha256').update(bytes).digest('hex') };
  }

  test('V17: is whole and alone after a kill behind each step', async () => {
    for (const killed of ['the link', 'the recipe']) {
      const scratch = await scratchVault({ mergeAt: 1 });
      await scratch.vault.check();
      const { key, bytes, sha256 } = await plain(scratch);
      const aside = join(scratch.directory, '..', 'aside');
      if (killed === 'the link')
        fs.linkSync(join(scratch.directory, key), join(scratch.directory, SERVER, `${randomUUID()}.pack`));
      else {
        fs.linkSync(join(scratch.directory, key), aside);
        await scratch.vault.takeIn(SERVER, idOf(key), sha256);
        fs.linkSync(aside, join(scratch.directory, key));
        fs.rmSync(aside);
      }
      await expectWhole(scratch, key, bytes);
      await scratch.vault.collect(SERVER);
      await expectWhole(scratch, key, bytes);
      // Behind the recipe, the collection has ended it.
      expect(await scratch.vault.takeIn(SERVER, idOf(key), sha256)).toBe(killed === 'the link');
      await scratch.vault.collect(SERVER);
      await expectWhole(scratch, key, bytes);
      expect([files(scratch, '.pack'), files(scratch, '.tar.gz')]).toEqual([[expect.any(String)], []]);
    }
  });

  test('V18: is never punched while it has two names', async () => {
    const scratch = await scratchVault({ mergeAt: 1 });
    await scratch.vault.check();
    const { key, bytes, sha256 } = await plain(scratch);
    const other = join(scratch.directory, '..', 'other');
    fs.linkSync(join(scratch.directory, key), other);
    await scratch.vault.takeIn(SERVER, idOf(key), sha256);
    const next = await put(scratch, bytes.subarray(0, 20_000), key, [{ start: 0, length: 20_000, base: 0 }]);
    await scratch.vault.remove(key);
    await scratch.vault.collect(SERVER);
    expect(fs.readFileSync(other).equals(bytes)).toBe(true);
    fs.rmSync(other);
    await scratch.vault.collect(SERVER);
    await expectWhole(scratch, next, bytes.subarray(0, 20_000));
    const [pack = ''] = files(scratch, '.pack');
    expect(fs.statSync(join(scratch.directory, SERVER, pack)).blocks * 512).toBeLessThan(LENGTH / 4);
  });

  test('V19: stays whole for who reads it since before, although it is removed, collected and partly another’s', async () => {
    const scratch = await scratchVault({ mergeAt: 1 });
    await scratch.vault.check();
    const { key, bytes, sha256 } = await plain(scratch);
    const reader = await scratch.vault.open(key);
    await scratch.vault.takeIn(SERVER, idOf(key), sha256);
    const next = await put(scratch, bytes.subarray(0, 20_000), key, [{ start: 0, length: 20_000, base: 0 }]);
    await scratch.vault.remove(key);
    await scratch.vault.collect(SERVER);
    expect(Buffer.from(await reader.read(0, reader.size)).equals(bytes)).toBe(true);
    const [pack = ''] = files(scratch, '.pack');
    const blocks = () => fs.statSync(join(scratch.directory, SERVER, pack)).blocks * 512;
    expect(blocks()).toBeGreaterThanOrEqual(LENGTH);
    await reader.close();
    await scratch.vault.freeSpace();
    expect(blocks()).toBeLessThan(LENGTH / 4);
    await expectWhole(scratch, next, bytes.subarray(0, 20_000));
  });

  test('a removal of one backup gives back what was told to be its own', async () => {
    const scratch = await scratchVault({ mergeAt: 1 });
    const bytes = randomBytes(LENGTH);
    const first = await put(scratch, bytes);
    await put(scratch, bytes.subarray(0, 81_920), first, [{ start: 0, length: 81_920, base: 0 }]);
    const places = await scratch.vault.placesOf(SERVER, idOf(first));
    expect(places).toMatchObject({ ranges: 1, exclusiveBytes: LENGTH - 81_920 });
    await scratch.vault.remove(first);
    // The collection after the removal may have been first.
    await scratch.vault.freeSpace();
    await scratch.vault.collect(SERVER);
    expect(scratch.vault.usage(SERVER)?.storedBytes).toBe(81_920);
  });
});
