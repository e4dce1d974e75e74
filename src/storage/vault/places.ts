/** How one archive lies in its server's packs, and what its removal would give back. */
import type { BackupId, ServerId } from '../../base/ids.ts';
import { objectKey } from '../key.ts';
import type { Store } from '../store.ts';
import type { ArchivePlaces } from '../vault-port.ts';
import { LiveBlocks } from './collection/live-blocks.ts';
import type { RangeList } from './ranges.ts';
import { readRecipe, ServerPacks } from './server-packs.ts';

/**
 * To be called while no collection of the server looks at its files.
 *
 * @returns undefined when the archive has no recipe.
 * @throws Failure `archive_damaged` when a recipe of the server cannot be read.
 */
export async function findPlaces(store: Store, server: ServerId, backup: BackupId): Promise<ArchivePlaces | undefined> {
  const packs = await ServerPacks.load(store, server);
  if (!packs.recipes.has(backup)) return undefined;
  const live = new LiveBlocks(packs);
  let own: RangeList | undefined;
  for (const id of packs.recipes) {
    const { list } = await readRecipe(store, objectKey(server, id as BackupId, 'recipe'));
    if (id === backup) own = list;
    else live.mark(list);
  }
  if (own === undefined) return undefined;
  const shared = live.allLiveBytes();
  live.mark(own);
  return { ...countRanges(own, packs), exclusiveBytes: live.allLiveBytes() - shared };
}

function countRanges(list: RangeList, packs: ServerPacks): Pick<ArchivePlaces, 'ranges' | 'packs'> {
  const counts = new Map<string, { ranges: number; bytes: number }>();
  let ranges = 0;
  for (const place of packs.placesOfAll(list)) {
    const count = counts.get(place.pack) ?? { ranges: 0, bytes: 0 };
    if (count.ranges === 0) counts.set(place.pack, count);
    count.ranges++;
    count.bytes += place.length;
    ranges++;
  }
  return { ranges, packs: Array.from(counts, ([id, count]) => ({ id, ...count })) };
}
