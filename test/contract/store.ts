/** What every store promises (src/storage/store.ts), run over each implementation. */
import { describe, expect, test } from 'vitest';
import type { BackupId, ServerId } from '../../src/base/ids.ts';
import { readInto } from '../../src/base/source.ts';
import { objectKey, type ObjectKey } from '../../src/storage/key.ts';
import type { Store } from '../../src/storage/store.ts';
import { getObject } from '../support/store-objects.ts';
import { failureOf } from '../support/rejection.ts';

const SERVER = '11111111-1111-4111-8111-111111111111' as ServerId;
const OTHER_SERVER = '22222222-2222-4222-8222-222222222222' as ServerId;
const BACKUP = 'aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa' as BackupId;
const OTHER_BACKUP = 'bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb' as BackupId;
const ARCHIVE = objectKey(SERVER, BACKUP, 'tar.gz');

/** Text that fills any number of bytes and differs from place to place. */
function pattern(length: number, seed = 1): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 8) * 7 + seed) & 0xff);
}

export async function putObject(store: Store, key: ObjectKey, ...parts: readonly Uint8Array[]): Promise<void> {
  const writer = await store.create(key);
  for (const part of parts) await writer.write(part);
  await writer.commit();
}

export async function keysOf(store: Store, prefix = ''): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of store.list(prefix)) keys.push(key);
  return keys;
}

export interface StoreTraits {
  /** False for object storage: an object that was opened can be replaced and removed under its reader. */
  readonly keepsOpened?: boolean;
}

/** @param open a new, empty store for each test. */
export function describeStore(
  what: string,
  open: () => Promise<Store>,
  { keepsOpened = true }: StoreTraits = {},
): void {
  describe(`${what} keeps the contract of a store`, () => {
    test('what was written is read back, however it was cut', async () => {
      const store = await open();
      const parts = [pattern(1), pattern(0), pattern(70_000, 2), pattern(3, 3)];
      await putObject(store, ARCHIVE, ...parts);
      expect(Buffer.from(await getObject(store, ARCHIVE)).equals(Buffer.concat(parts))).toBe(true);
      expect(await store.stat(ARCHIVE)).toEqual({ size: 70_004 });
    });

    test('views on shared memory are taken, and may change once the write resolved', async () => {
      const store = await open();
      const shared = new Uint8Array(new SharedArrayBuffer(4096), 100, 1000);
      shared.set(pattern(1000));
      const writer = await store.create(ARCHIVE);
      await writer.write(shared);
      shared.fill(0);
      await writer.commit();
      expect(Buffer.from(await getObject(store, ARCHIVE)).equals(pattern(1000))).toBe(true);
    });

    test('an empty object is an object', async () => {
      const store = await open();
      await putObject(store, ARCHIVE);
      expect(await store.stat(ARCHIVE)).toEqual({ size: 0 });
      expect((await getObject(store, ARCHIVE)).byteLength).toBe(0);
    });

    test('nothing is visible before the commit', async () => {
      const store = await open();
      const writer = await store.create(ARCHIVE);
      await writer.write(pattern(5000));
      expect(await store.stat(ARCHIVE)).toBeUndefined();
      expect(await keysOf(store)).toEqual([]);
      await failureOf(store.open(ARCHIVE), 'archive_damaged');
      await writer.commit();
      expect(await keysOf(store)).toEqual([ARCHIVE]);
    });

    test('an aborted object leaves nothing, and abort may be repeated', async () => {
      const store = await open();
      const writer = await store.create(ARCHIVE);
      await writer.write(pattern(5000));
      await writer.abort();
      await writer.abort();
      expect(await store.stat(ARCHIVE)).toBeUndefined();
      expect(await keysOf(store)).toEqual([]);
    });

    test('an ended writer takes no more', async () => {
      const store = await open();
      const writer = await store.create(ARCHIVE);
      await writer.commit();
      await failureOf(writer.write(pattern(1)), 'internal');
      await failureOf(writer.commit(), 'internal');
      const aborted = await store.create(objectKey(SERVER, OTHER_BACKUP, 'tar.gz'));
      await aborted.abort();
      await failureOf(aborted.write(pattern(1)), 'internal');
      await failureOf(aborted.commit(), 'internal');
    });

    test('abort after a commit takes nothing back', async () => {
      const store = await open();
      const writer = await store.create(ARCHIVE);
      await writer.write(pattern(10));
      await writer.commit();
      await writer.abort();
      expect(await store.stat(ARCHIVE)).toEqual({ size: 10 });
    });

    test('a commit replaces the object of the same key, an abort does not', async () => {
      const store = await open();
      await putObject(store, ARCHIVE, pattern(100));
      await putObject(store, ARCHIVE, pattern(40, 9));
      expect(Buffer.from(await getObject(store, ARCHIVE)).equals(pattern(40, 9))).toBe(true);
      const writer = await store.create(ARCHIVE);
      await writer.write(pattern(7));
      await writer.abort();
      expect(await store.stat(ARCHIVE)).toEqual({ size: 40 });
    });

    test('of two writers of one key, the last to commit wins', async () => {
      const store = await open();
      const first = await store.create(ARCHIVE);
      const second = await store.create(ARCHIVE);
      await first.write(pattern(10, 1));
      await second.write(pattern(20, 2));
      await second.commit();
      await first.commit();
      expect(Buffer.from(await getObject(store, ARCHIVE)).equals(pattern(10, 1))).toBe(true);
      expect(await keysOf(store)).toEqual([ARCHIVE]);
    });

    test.skipIf(keepsOpened)('an open source whose object was replaced or removed says so', async () => {
      const store = await open();
      await putObject(store, ARCHIVE, pattern(50_000));
      const source = await store.open(ARCHIVE);
      await putObject(store, ARCHIVE, pattern(50_000, 9));
      await failureOf(source.read(0, 100), 'archive_damaged');
      await store.remove(ARCHIVE);
      await failureOf(source.read(0, 100), 'archive_damaged');
      await source.close();
    });

    test.runIf(keepsOpened)(
      'an open source is read to its end although the object is replaced and removed',
      async () => {
        const store = await open();
        await putObject(store, ARCHIVE, pattern(50_000));
        const source = await store.open(ARCHIVE);
        await putObject(store, ARCHIVE, pattern(10));
        await store.remove(ARCHIVE);
        expect(Buffer.from(await source.read(0, source.size)).equals(pattern(50_000))).toBe(true);
        await source.close();
      },
    );

    test('reads at any offset, several at once', async () => {
      const store = await open();
      const bytes = pattern(10_000);
      await putObject(store, ARCHIVE, bytes);
      const source = await store.open(ARCHIVE);
      const ranges = [0, 1, 4095, 9_000, 10_000].map((offset) => [offset, Math.min(1000, 10_000 - offset)] as const);
      const found = await Promise.all(ranges.map(([offset, length]) => source.read(offset, length)));
      for (const [index, [offset, length]] of ranges.entries()) {
        expect(Buffer.from(found[index] ?? []).equals(bytes.subarray(offset, offset + length))).toBe(true);
      }
      await source.close();
    });

    test('a read past the end is a damaged archive, never fewer bytes', async () => {
      const store = await open();
      await putObject(store, ARCHIVE, pattern(100));
      const source = await store.open(ARCHIVE);
      await failureOf(source.read(50, 51), 'archive_damaged');
      await failureOf(source.read(101, 0), 'archive_damaged');
      await failureOf(source.read(0, 2 ** 40), 'archive_damaged');
      await failureOf(source.read(-1, 1), 'archive_damaged');
      await source.close();
    });

    test('a read into memory fills that part of it alone', async () => {
      const store = await open();
      await putObject(store, ARCHIVE, pattern(100));
      const source = await store.open(ARCHIVE);
      const memory = Buffer.alloc(30, 0xff);
      await readInto(source, 40, memory.subarray(10, 20));
      const around = Buffer.alloc(10, 0xff);
      expect(memory).toEqual(Buffer.concat([around, pattern(100).subarray(40, 50), around]));
      await failureOf(readInto(source, 91, memory.subarray(0, 10)), 'archive_damaged');
      await failureOf(readInto(source, -1, memory.subarray(0, 10)), 'archive_damaged');
      await failureOf(readInto(source, 0, memory, AbortSignal.abort()), 'cancelled');
      await source.close();
    });

    test('a read is refused once the signal has fired', async () => {
      const store = await open();
      await putObject(store, ARCHIVE, pattern(100));
      const source = await store.open(ARCHIVE);
      await failureOf(source.read(0, 100, AbortSignal.abort()), 'cancelled');
      await source.close();
    });

    test('a missing object is said to be missing', async () => {
      const store = await open();
      expect(await store.stat(ARCHIVE)).toBeUndefined();
      await failureOf(store.open(ARCHIVE), 'archive_damaged');
    });

    test('remove can be repeated, and takes only the object it names', async () => {
      const store = await open();
      const index = objectKey(SERVER, BACKUP, 'index');
      await putObject(store, ARCHIVE, pattern(10));
      await putObject(store, index, pattern(5));
      await store.remove(ARCHIVE);
      await store.remove(ARCHIVE);
      expect(await keysOf(store)).toEqual([index]);
      await store.remove(index);
      expect(await keysOf(store)).toEqual([]);
    });

    test('lists by prefix, in the order of the keys, with sizes', async () => {
      const store = await open();
      const keys = [SERVER, OTHER_SERVER].flatMap((server) =>
        [OTHER_BACKUP, BACKUP].flatMap((backup) =>
          (['json', 'tar.gz', 'index'] as const).map((kind) => objectKey(server, backup, kind)),
        ),
      );
      for (const [size, key] of keys.entries()) await putObject(store, key, pattern(size));
      expect(await keysOf(store)).toEqual([...keys].sort());
      expect(await keysOf(store, `${OTHER_SERVER}/`)).toEqual(keys.slice(6).sort());
      expect(await keysOf(store, `${SERVER}/${BACKUP}.`)).toEqual(keys.slice(3, 6).sort());
      expect(await keysOf(store, 'ffffffff-')).toEqual([]);
      for await (const { key, size } of store.list('')) expect(keys.indexOf(key)).toBe(size);
    });

    test('a listing can be left early', async () => {
      const store = await open();
      await putObject(store, ARCHIVE, pattern(1));
      await putObject(store, objectKey(OTHER_SERVER, BACKUP, 'tar.gz'), pattern(1));
      for await (const { key } of store.list('')) {
        expect(key).toBe(ARCHIVE);
        break;
      }
      expect((await keysOf(store)).length).toBe(2);
    });

    test.each([
      '',
      '..',
      '../../etc/passwd',
      `${SERVER}/../${BACKUP}.tar.gz`,
      `/${SERVER}/${BACKUP}.tar.gz`,
      `${SERVER}/${BACKUP}.tar.gz/`,
      `${SERVER}/${BACKUP}.tar.gz\0`,
      `${SERVER}/${BACKUP}.exe`,
      `${SERVER}/${BACKUP}`,
      `${SERVER}/${BACKUP.toUpperCase()}.tar.gz`,
      `${SERVER}/.${BACKUP}.tar.gz.partial-0123456789abcdef`,
      '.roost-store',
    ])('refuses the key %j in every call', async (text) => {
      const store = await open();
      const key = text as ObjectKey;
      await failureOf(store.create(key), 'internal');
      await failureOf(store.open(key), 'internal');
      await failureOf(store.stat(key), 'internal');
      await failureOf(store.remove(key), 'internal');
    });

    test('a reachable store passes its check and says what is free', async () => {
      const store = await open();
      await store.check();
      expect((await store.freeSpace())?.bytes ?? 1).toBeGreaterThan(0);
    });

    test('a closed store is used no more', async () => {
      const store = await open();
      await store.close();
      await failureOf(store.create(ARCHIVE), 'internal');
      await failureOf(store.open(ARCHIVE), 'internal');
    });
  });
}
