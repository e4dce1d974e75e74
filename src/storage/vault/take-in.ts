/**
 * Makes a plain archive one pack of its vault, without copying a byte.
 *
 *   1 the archive's file gets the name of a pack   killed after: a pack that no recipe names; the next collection removes
 *                                                  that name, and the archive is plain as before
 *   2 the recipe, in one step                      killed after: one file with two names, which is never punched; the next
 *                                                  collection removes the plain one (second-names.ts), or the next run does
 *   3 the plain name is removed
 */
import { randomUUID } from 'node:crypto';
import type { BackupId, ServerId } from '../../base/ids.ts';
import { objectKey } from '../key.ts';
import type { Store } from '../store.ts';
import { putWhole } from './put.ts';
import { RangeListBuilder } from './ranges.ts';
import { encodeRecipe } from './format/recipe.ts';
import { packKey } from './server-packs.ts';

/**
 * To be called while no collection of the server looks at its files.
 *
 * @param sha256 of the archive, lower-case hex.
 * @returns false when there is no plain archive, or the file system has no hard links.
 * @throws Failure `insufficient_storage`, `store_unreachable`.
 */
export async function takeIn(store: Store, server: ServerId, backup: BackupId, sha256: string): Promise<boolean> {
  const plain = objectKey(server, backup, 'tar.gz');
  const recipe = objectKey(server, backup, 'recipe');
  const found = await store.stat(plain);
  const path = store.localPath?.(plain);
  if (found === undefined || path === undefined || store.link === undefined) return false;
  if ((await store.stat(recipe)) === undefined) {
    const pack = randomUUID();
    if (!(await store.link(packKey(server, pack), path))) return false;
    const ranges = new RangeListBuilder();
    ranges.add(pack, 0, found.size);
    await putWhole(store, recipe, encodeRecipe(found.size, sha256, ranges.finish()));
  }
  await store.remove(plain);
  return true;
}
