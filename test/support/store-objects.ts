import type { ObjectKey } from '../../src/storage/key.ts';
import type { Store } from '../../src/storage/store.ts';

/** All bytes of an object. */
export async function getObject(store: Store, key: ObjectKey): Promise<Uint8Array> {
  const source = await store.open(key);
  try {
    return await source.read(0, source.size);
  } finally {
    await source.close();
  }
}
