import type { ObjectKey } from '../key.ts';
import type { CreateOptions, Store } from '../store.ts';

/** Writes a small object in one step, durably. @throws Failure `insufficient_storage`, `store_unreachable`. */
export async function putWhole(
  store: Pick<Store, 'create'>,
  key: ObjectKey,
  bytes: Uint8Array,
  options: CreateOptions = {},
): Promise<void> {
  const writer = await store.create(key, options);
  try {
    await writer.write(bytes);
    await writer.commit();
  } catch (error) {
    await writer.abort();
    throw error;
  }
}
