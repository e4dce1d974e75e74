/** Whether who asks for free space waits for what a vault is giving back. */
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import type { BackupId, ServerId } from '../../../src/base/ids.ts';
import { objectKey, type ObjectKey } from '../../../src/storage/key.ts';
import { scratchStore } from '../../support/scratch-store.ts';
import { scratchVault } from '../../support/scratch-vault.ts';

const SERVER = randomUUID() as ServerId;
const FREE = 1000;

/**
 * A vault with a collection that goes on until it is let go, on a disk that has more room then.
 *
 * @param asked the collection is one that a caller asked for.
 */
async function collecting(asked = false) {
  const { store } = await scratchStore();
  const gate = Promise.withResolvers<void>();
  let removing = false;
  const remove = async (key: ObjectKey): Promise<void> => {
    if (key.endsWith('.pack')) await gate.promise;
    await store.remove(key);
  };
  const slow = new Proxy(store, {
    get(target, name) {
      if (name === 'freeSpace') return () => Promise.resolve({ bytes: removing ? FREE : 2 * FREE, inodes: null });
      if (name === 'remove') return remove;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  const { vault, faults } = await scratchVault({ store: slow });
  const key = objectKey(SERVER, randomUUID() as BackupId, 'tar.gz');
  const writer = await vault.create(key);
  await writer.write(Buffer.alloc(10_000, 1));
  await writer.commit();
  await vault.freeSpace();
  removing = true;
  if (asked) {
    await store.remove(objectKey(SERVER, key.slice(SERVER.length + 1, -'.tar.gz'.length) as BackupId, 'recipe'));
    void vault.collect(SERVER);
  } else await vault.remove(key);
  return {
    vault,
    faults,
    end: () => {
      removing = false;
      gate.resolve();
    },
  };
}

test('what has room does not wait for a collection: a game may be kept still for it', async () => {
  const { vault, end } = await collecting();
  expect(await vault.freeSpace(FREE)).toEqual({ bytes: FREE, inodes: null });
  end();
});

test.each([false, true])('what lacks room gets what the collection gives back (asked for: %s)', async (byHand) => {
  const { vault, faults, end } = await collecting(byHand);
  const asked = [vault.freeSpace(FREE + 1), vault.freeSpace()];
  const first = await Promise.race([...asked, vault.freeSpace(FREE).then(() => 'not yet')]);
  expect(first).toBe('not yet');
  end();
  expect(faults).toEqual([]);
  for (const each of asked) expect(await each).toEqual({ bytes: 2 * FREE, inodes: null });
});
