/**
 * Moves the bytes in use of the emptiest packs into one new pack.
 *
 *   1 the new pack    killed after: a pack that no recipe and no map names; the next collection takes it
 *   2 its map         killed after: the bytes are in two places, and either serves; the newest map's counts, by its id
 *   3 the old packs   removed by the collection, which then finds nothing alive in them
 */
import type { BackupId, ServerId } from '../../base/ids.ts';
import { MEBIBYTE } from '../../base/sizes.ts';
import { objectKey } from '../key.ts';
import type { ObjectWriter, Store } from '../store.ts';
import { BLOCK, type LiveBlocks } from './live-blocks.ts';
import { encodeMap } from './map.ts';
import type { Pins } from './pins.ts';
import { putWhole } from './put.ts';
import { type Range, type RangeList, RangeListBuilder } from './ranges.ts';
import type { ServerPacks } from './server-packs.ts';

/** From so many packs on they are merged, however full. */
const MANY_PACKS = 100;
/** So many stay when it was for their number. */
const FEWER_PACKS = 70;
const COPIED_AT_ONCE = 4 * MEBIBYTE;

/**
 * The packs to merge: the emptiest, until what is dead in the others is less than the limit.
 *
 * @param pinned are never among them.
 * @param mergeAt the part of all bytes that may be dead, 0 to 1.
 */
export function packsToMerge(
  packs: ServerPacks,
  live: LiveBlocks,
  pinned: ReadonlySet<string>,
  mergeAt: number,
): readonly string[] {
  const fullness = Array.from(packs.packs, ([id, size]) => ({ id, size, live: live.liveBytes(id) }))
    .filter(({ id }) => live.isLive(id))
    .sort((one, other) => one.live / Math.max(1, one.size) - other.live / Math.max(1, other.size));
  const total = fullness.reduce((sum, each) => sum + each.size, 0);
  let dead = fullness.reduce((sum, each) => sum + each.size - each.live, 0);
  let count = fullness.length;
  const tooMany = count >= MANY_PACKS;
  if (dead <= total * mergeAt && !tooMany) return [];
  const chosen: string[] = [];
  for (const { id, size, live: alive } of fullness) {
    if (dead <= (total * mergeAt) / 2 && !(tooMany && count > FEWER_PACKS)) break;
    // Only full packs are left; moving them would free nothing.
    if (size - alive < BLOCK && !tooMany) break;
    if (pinned.has(id)) continue;
    chosen.push(id);
    dead -= size - alive;
    count--;
  }
  return chosen;
}

/**
 * Copies the living ranges of packs into a new pack with a map. Removes nothing.
 *
 * @param lists all ranges in use, of recipes and pins.
 * @returns bytes copied. @throws Failure `insufficient_storage`, `archive_damaged`, `store_unreachable`.
 */
export async function mergePacks(
  store: Store,
  server: ServerId,
  packs: ServerPacks,
  chosen: ReadonlySet<string>,
  lists: readonly RangeList[],
  pins: Pins,
): Promise<number> {
  const id = packs.idBeforeAll();
  pins.keepPack(server, id);
  let writer: ObjectWriter | undefined;
  try {
    writer = await store.create(objectKey(server, id as BackupId, 'pack'));
    const map = new RangeListBuilder();
    let copied = 0;
    for (const range of livingRanges(lists))
      copied += await copyRange(store, server, packs, chosen, range, writer, map);
    await writer.commit();
    await putWhole(store, objectKey(server, id as BackupId, 'map'), encodeMap(map.finish()));
    return copied;
  } catch (error) {
    await writer?.abort();
    throw error;
  } finally {
    pins.releasePack(server, id);
  }
}

async function copyRange(
  store: Store,
  server: ServerId,
  packs: ServerPacks,
  chosen: ReadonlySet<string>,
  { pack, start, length }: Range,
  writer: ObjectWriter,
  map: RangeListBuilder,
): Promise<number> {
  let born = start;
  let copied = 0;
  for (const place of packs.placesOf(pack, start, length)) {
    if (chosen.has(place.pack)) {
      await copyBytes(store, server, place.pack, place.offset, place.length, writer);
      map.add(pack, born, place.length);
      copied += place.length;
    }
    born += place.length;
  }
  return copied;
}

async function copyBytes(
  store: Store,
  server: ServerId,
  pack: string,
  offset: number,
  length: number,
  writer: ObjectWriter,
): Promise<void> {
  const source = await store.open(objectKey(server, pack as BackupId, 'pack'));
  try {
    for (let at = 0; at < length; at += COPIED_AT_ONCE) {
      await writer.write(await source.read(offset + at, Math.min(COPIED_AT_ONCE, length - at)));
    }
  } finally {
    await source.close();
  }
}

/** Every byte that some list names, once, by the pack it was written to first and in the order of that pack. */
export function* livingRanges(lists: readonly RangeList[]): Generator<Range, void, void> {
  const packs = new Map<string, { start: number[]; end: number[] }>();
  for (const list of lists) {
    for (let index = 0; index < list.count; index++) {
      const pack = list.packs[list.pack[index] ?? 0] ?? '';
      const start = list.start[index] ?? 0;
      const ofPack = packs.get(pack) ?? { start: [], end: [] };
      if (ofPack.start.length === 0) packs.set(pack, ofPack);
      ofPack.start.push(start);
      ofPack.end.push(start + (list.length[index] ?? 0));
    }
  }
  for (const [pack, { start, end }] of packs) yield* joined(pack, Float64Array.from(start), Float64Array.from(end));
}

/** The union of intervals: starts and ends sorted apart, a gap is where as many have ended as had begun. */
function* joined(pack: string, starts: Float64Array, ends: Float64Array): Generator<Range, void, void> {
  starts.sort();
  ends.sort();
  let from = starts[0] ?? 0;
  for (let index = 0; index < starts.length; index++) {
    const end = ends[index] ?? 0;
    const next = starts[index + 1];
    if (next !== undefined && next <= end) continue;
    yield { pack, start: from, length: end - from };
    from = next ?? end;
  }
}
