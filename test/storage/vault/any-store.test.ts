/** V21: a vault over stores that are no directory of this host, and over one that lies. */
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Failure } from '../../../src/base/failure.ts';
import type { BackupId, ServerId } from '../../../src/base/ids.ts';
import { type ByteSource, readInto, type SameBytes } from '../../../src/base/source.ts';
import { objectKey, type ObjectKey } from '../../../src/storage/key.ts';
import type { Store } from '../../../src/storage/store.ts';
import type { ArchiveRanges } from '../../../src/storage/vault-port.ts';
import type { VaultOptions, VaultStore } from '../../../src/storage/vault/vault.ts';
import { describeStore, keysOf } from '../../contract/store.ts';
import { type Lies, LyingStore } from '../../support/lying-store.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { failureOf } from '../../support/rejection.ts';
import { scratchVault } from '../../support/scratch-vault.ts';
import { getObject } from '../../support/store-objects.ts';

const SERVER = '11111111-1111-4111-8111-111111111111' as ServerId;
const LENGTH = 200_000;
/** What two archives of a merge share. */
const SHARED = 150_000;

/** As object storage does, it loses an opened object that is removed or replaced. */
class ForgetfulStore extends MemoryStore {
  override async open(key: ObjectKey): Promise<ByteSource> {
    const source = await super.open(key);
    const opened = this.objects.get(key);
    return {
      ...source,
      read: (offset, length, signal) => {
        if (this.objects.get(key) !== opened) throw new Failure('archive_damaged', `${key} was removed or replaced`);
        return source.read(offset, length, signal);
      },
    };
  }
}

async function vaultIn(store: Store, options: Partial<VaultOptions> = {}) {
  const { vault, faults } = await scratchVault({ store, ...options });
  onTestFinished(() => vault.close());
  return { vault, faults };
}

async function put(vault: VaultStore, bytes: Buffer, base?: ObjectKey, same: readonly SameBytes[] = []) {
  const key = objectKey(SERVER, randomUUID() as BackupId, 'tar.gz');
  const writer = await vault.create(key, { base });
  try {
    await writer.write(bytes, same);
    await writer.commit();
    return key;
  } catch (error) {
    await writer.abort();
    throw error;
  }
}

/** Two archives, of which the first has bytes that the second has not. */
async function putTwo(vault: VaultStore) {
  const bytes = randomBytes(LENGTH);
  const shared = bytes.subarray(0, SHARED);
  const first = await put(vault, bytes);
  const second = await put(vault, shared, first, [{ start: 0, length: SHARED, base: 0 }]);
  return { bytes, shared, first, second };
}

async function expectWhole(vault: VaultStore, key: ObjectKey, bytes: Buffer): Promise<void> {
  expect(Buffer.from(await getObject(vault, key)).equals(bytes)).toBe(true);
}

function namesIn({ objects }: MemoryStore, kind = ''): string[] {
  return Array.from(objects.keys())
    .filter((key) => key.endsWith(kind))
    .sort();
}

function packedBytes(store: MemoryStore): number {
  return namesIn(store, '.pack').reduce((sum, key) => sum + (store.objects.get(key as ObjectKey)?.byteLength ?? 0), 0);
}

describeStore('V21: a vault in memory', async () => (await vaultIn(new MemoryStore())).vault);
describeStore('V21: a vault in a store that lies, while it tells no lie', async () => {
  const { vault } = await vaultIn(new LyingStore(new MemoryStore()));
  return vault;
});
// What was opened of an archive is kept by the vault itself.
describeStore(
  'V21: a vault in a store that loses opened objects',
  async () => (await vaultIn(new ForgetfulStore())).vault,
);

describe('V21: a vault in a store without files', () => {
  test('keeps what two archives share once, moves the living bytes together, and measures what is there', async () => {
    const store = new MemoryStore();
    const { vault, faults } = await vaultIn(store);
    const { shared, first, second } = await putTwo(vault);
    expect(packedBytes(store)).toBe(LENGTH);
    await vault.remove(first);
    await vault.freeSpace();
    expect(namesIn(store, '.map')).toHaveLength(1);
    expect(packedBytes(store)).toBe(SHARED);
    expect(vault.usage(SERVER)).toMatchObject({ packs: 1, storedBytes: SHARED });
    await expectWhole(vault, second, shared);
    await vault.remove(second);
    await vault.freeSpace();
    expect(namesIn(store)).toEqual([]);
    expect(faults).toEqual([]);
  });

  test('reads an archive out of many packs, and gives threads no files of it', async () => {
    const { vault } = await vaultIn(new MemoryStore(), { packLength: 10_000 });
    const bytes = randomBytes(95_000);
    const key = await put(vault, bytes);
    for (const partly of [false, true]) {
      const source = await vault.open(key, { partly });
      for (const [offset, length] of [
        [0, 95_000],
        [9_990, 20],
        [25_000, 40_000],
      ] as const) {
        const read = Buffer.from(await source.read(offset, length));
        expect(read.equals(bytes.subarray(offset, offset + length))).toBe(true);
      }
      expect(source.parts).toBeUndefined();
      await source.close();
    }
    expect(await vault.partsOf(key)).toBeUndefined();
    expect(vault.localPath).toBeUndefined();
    expect(vault.type).toBe('memory');
  });

  test('has no plain archive that could be taken in by a link', async () => {
    const store = new MemoryStore();
    const { vault } = await vaultIn(store);
    const plain = objectKey(SERVER, randomUUID() as BackupId, 'tar.gz');
    const writer = await store.create(plain);
    await writer.write(randomBytes(1000));
    await writer.commit();
    const id = plain.slice(SERVER.length + 1, -'.tar.gz'.length) as BackupId;
    expect(await vault.takeIn(SERVER, id, '0'.repeat(64))).toBe(false);
    expect(namesIn(store)).toEqual([plain]);
  });

  test('which loses opened objects: readers and views read to their end, whatever is merged meanwhile', async () => {
    const store = new ForgetfulStore();
    const { vault } = await vaultIn(store, { mergeAt: 0.26 });
    const { shared, first, second } = await putTwo(vault);
    await vault.remove(first);
    await vault.freeSpace();
    const reader = await vault.open(second);
    const view = await vault.view(SERVER);
    // A second pack, mostly dead, so that both are worth merging.
    const bytes = randomBytes(100_000);
    const third = await put(vault, bytes);
    const fourth = await put(vault, bytes.subarray(0, 20_000), third, [{ start: 0, length: 20_000, base: 0 }]);
    await vault.remove(third);
    await vault.freeSpace();
    expect(namesIn(store, '.map')).toHaveLength(1);
    expect(Buffer.from(await reader.read(0, SHARED)).equals(shared)).toBe(true);
    await reader.close();
    await vault.collect(SERVER);
    const id = second.slice(SERVER.length + 1, -'.tar.gz'.length) as BackupId;
    const read: Uint8Array[] = [];
    for (const range of (view.archives.get(id) as ArchiveRanges).find(0, SHARED)) read.push(await view.read(range));
    expect(Buffer.concat(read).equals(shared)).toBe(true);
    await view.close();
    await expectWhole(vault, second, shared);
    for (const key of [second, fourth]) await vault.remove(key);
    await vault.freeSpace();
    expect(namesIn(store)).toEqual([]);
  });

  test('which does not answer: a read ends with its signal', async () => {
    const store = new MemoryStore();
    const { vault } = await vaultIn(store);
    const key = await put(vault, randomBytes(1000));
    const open = store.open.bind(store);
    const asked = Promise.withResolvers<void>();
    store.open = async (pack) => ({
      ...(await open(pack)),
      readInto: async (_offset, _into, signal) => {
        asked.resolve();
        await (signal === undefined ? new Promise(() => undefined) : once(signal, 'abort'));
        throw new Failure('cancelled', 'the read was cancelled');
      },
    });
    const source = await vault.open(key);
    const stop = new AbortController();
    const reading = readInto(source, 0, Buffer.alloc(1000), stop.signal);
    await asked.promise;
    stop.abort();
    await failureOf(reading, 'cancelled');
    await source.close();
  });
});

const AWAY = new Failure('store_unreachable', 'the store is away', { retry: true });

describe('V21: a vault in a store that lies', () => {
  async function lyingVault() {
    const store = new MemoryStore();
    const lying = new LyingStore(store);
    const { vault, faults } = await vaultIn(lying, { packLength: 30_000, mergeAt: 1 });
    const bytes = randomBytes(100_000);
    const kept = await put(vault, bytes);
    const before = namesIn(store);
    return { store, lies: lying.lies, vault, faults, bytes, kept, before };
  }

  test.each<[string, (lies: Lies) => unknown]>([
    ['the write of a pack', (lies) => Object.assign(lies, { failWriteAfter: 20_000 })],
    ['the write of a recipe', (lies) => failBehindPacks(lies)],
    ['the commit of a pack', (lies) => failCommits(lies, '.pack')],
    ['the commit of a recipe', (lies) => failCommits(lies, '.recipe')],
  ])('%s fails: the archive is not there, the other is whole, and nothing is left behind', async (_, lie) => {
    const { store, lies, vault, bytes, kept, before } = await lyingVault();
    lie(lies);
    await failureOf(put(vault, randomBytes(100_000)));
    expect(await keysOf(vault)).toEqual([kept]);
    expect(store.unfinished.size).toBe(0);
    await vault.freeSpace();
    await vault.collect(SERVER);
    expect(namesIn(store)).toEqual(before);
    await expectWhole(vault, kept, bytes);
  });

  test('a removal fails: the archive stays whole, and goes with the next removal', async () => {
    const { store, lies, vault, bytes, kept } = await lyingVault();
    lies.failRemove = AWAY;
    await failureOf(vault.remove(kept), 'store_unreachable');
    await expectWhole(vault, kept, bytes);
    delete lies.failRemove;
    await vault.remove(kept);
    await vault.freeSpace();
    expect(namesIn(store)).toEqual([]);
  });

  test('a collection that cannot remove says so, and the next one does', async () => {
    const { store, lies, vault, faults, kept } = await lyingVault();
    await vault.remove(kept);
    lies.failRemove = AWAY;
    await vault.freeSpace();
    expect(faults).toEqual([AWAY]);
    expect(namesIn(store, '.pack')).toHaveLength(4);
    delete lies.failRemove;
    await vault.collect(SERVER);
    expect(namesIn(store)).toEqual([]);
  });

  test.each<[string, Lies]>([
    ['ends early', { shortBy: 10 }],
    ['has a bit turned over in its recipe', { flipAt: 70 }],
  ])('an archive that %s is damaged, and nothing is collected until it is read again', async (_, lie) => {
    const { store, lies, vault, bytes, kept, before } = await lyingVault();
    const other = await put(vault, randomBytes(50_000));
    await vault.freeSpace();
    Object.assign(lies, lie);
    await failureOf(vault.open(kept), 'archive_damaged');
    await vault.remove(other);
    await vault.freeSpace();
    await failureOf(vault.collect(SERVER), 'archive_damaged');
    expect(namesIn(store, '.pack')).toHaveLength(6);
    for (const name of Object.keys(lie)) delete lies[name as keyof Lies];
    await expectWhole(vault, kept, bytes);
    await vault.collect(SERVER);
    expect(namesIn(store)).toEqual(before);
  });
});

/** Four packs are whole; no write behind them succeeds. */
function failBehindPacks(lies: Lies): void {
  let packs = 0;
  lies.beforeCommit = async () => {
    if (++packs === 4) lies.failWriteAfter = 10;
  };
}

function failCommits(lies: Lies, kind: string): void {
  lies.beforeCommit = async (key) => {
    delete lies.failCommit;
    if (key.endsWith(kind)) lies.failCommit = AWAY;
  };
}
