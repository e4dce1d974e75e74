import { describe, expect, test } from 'vitest';
import { rebuildNewStores } from '../../../src/jobs/rebuild/rebuild.ts';
import { objectKey } from '../../../src/storage/key.ts';
import type { MemoryStore } from '../../support/memory-store.ts';
import { backUp, backupId, SERVER, testNode, type TestNode } from '../../support/node.ts';

const [FIRST, SECOND] = [backupId(1), backupId(2)];

async function filledStore(): Promise<{ readonly store: MemoryStore; readonly old: TestNode }> {
  const old = await testNode();
  await backUp(old, SERVER, FIRST);
  await backUp(old, SERVER, SECOND);
  await old.service.setLocked(SERVER, SECOND, true);
  return { store: old.memory, old };
}

describe('a store with backups that the catalogue does not know', () => {
  test('is taken over whole, locks included, and the backups can be used', async () => {
    const { store, old } = await filledStore();
    const node = await testNode({ store });
    await rebuildNewStores(node);
    for (const id of [FIRST, SECOND]) {
      const { updatedAt: _, ...record } = old.catalogue.backups.get(id);
      expect(node.catalogue.backups.get(id)).toMatchObject(record);
    }
    expect((await (await node.service.verify(SERVER, FIRST)).ended).status).toBe('COMPLETED');
  });

  test('is asked once: a backup that was deleted here does not come back', async () => {
    const { store, old } = await filledStore();
    await rebuildNewStores(old);
    const kept = new Map(store.objects);
    await old.service.remove(SERVER, FIRST);
    for (const [key, bytes] of kept) store.objects.set(key, bytes);
    await rebuildNewStores(old);
    expect(old.catalogue.backups.find(FIRST)).toBeUndefined();
  });

  test('is asked again when it was away', async () => {
    const { store } = await filledStore();
    const node = await testNode({ store });
    store.reachable = false;
    await rebuildNewStores(node);
    store.reachable = true;
    await rebuildNewStores(node);
    expect(await node.service.backups(SERVER)).toHaveLength(2);
  });

  test.each([
    ['no archive', (store: MemoryStore) => store.objects.delete(objectKey(SERVER, FIRST, 'tar.gz'))],
    [
      'a shorter archive',
      (store: MemoryStore) => store.objects.set(objectKey(SERVER, FIRST, 'tar.gz'), new Uint8Array(3)),
    ],
    [
      'a manifest that is no JSON',
      (store: MemoryStore) => store.objects.set(objectKey(SERVER, FIRST, 'json'), Buffer.from('{')),
    ],
    [
      "another backup's manifest",
      (store: MemoryStore) =>
        store.objects.set(
          objectKey(SERVER, FIRST, 'json'),
          store.objects.get(objectKey(SERVER, SECOND, 'json')) ?? new Uint8Array(),
        ),
    ],
  ])('%s is passed over, the others are taken', async (_, spoil) => {
    const { store } = await filledStore();
    spoil(store);
    const node = await testNode({ store });
    await rebuildNewStores(node);
    expect((await node.service.backups(SERVER)).map(({ id }) => id)).toEqual([SECOND]);
  });
});
