/**
 * The collection: gives back what no backup of a server needs any more.
 *
 * For: one server of a vault on a local disk, one collection at a time. Promises: no byte that a recipe on the disk, an open
 * reader or a running backup needs is touched; where anything cannot be read, nothing is removed and it says why. Killed at
 * any point, there are dead bytes or not, and nothing else. Never: trusts the catalogue alone, or a count, or a clock.
 */
import { constants } from 'node:fs';
import { type FileHandle, lstat, open } from 'node:fs/promises';
import { asFailure, errnoOf, Failure, throwIfAborted } from '../../../base/failure.ts';
import type { BackupId, ServerId } from '../../../base/ids.ts';
import { inLanes } from '../../../base/lanes.ts';
import { keyParts, objectKey, type ObjectKey } from '../../key.ts';
import type { Store } from '../../store.ts';
import type { Collected } from '../../vault-port.ts';
import type { Pins } from '../pins.ts';
import { MAX_RANGES, type RangeList } from '../ranges.ts';
import { PACK_LENGTH, packKey, readRanges, readRecipe, ServerPacks } from '../server-packs.ts';
import { fileIdentity } from '../plain.ts';
import { deadData, type Stretch } from './dead-data.ts';
import { LiveBlocks } from './live-blocks.ts';
import { packsToMerge } from './merge-choice.ts';
import { mergePacks } from './merge.ts';
import { PunchThreads } from './punch-threads.ts';
import { secondNames } from './second-names.ts';

const DOING = 'Cannot give back all that nothing needs';
/** A file system gives back ranges of one file one after the other. Each of these has a thread for it. */
const PACKS_AT_ONCE = 2;

export interface CollectOptions {
  readonly store: Store;
  readonly server: ServerId;
  readonly pins: Pins;
  /** Completed backups of the server that must be in this store, the newest first. */
  readonly known: () => readonly BackupId[];
  /** True where punched holes free their blocks. */
  readonly punch: boolean;
  /** The part of what lies on the disk that may be dead before packs are merged, 0 to 1. */
  readonly mergeAt: number;
  /** Bytes that a merge leaves free where holes give space back. */
  readonly reserveFree?: () => number;
  /** True where holes count as dead although they take no disk. */
  readonly mergesHoles?: boolean;
  /** Says what would go, and changes nothing. */
  readonly dryRun?: boolean;
  /** Bytes that a pack has at most which others are merged into. */
  readonly packLength?: number | undefined;
  /** Ends it between two steps: what is left is there for the next one. */
  readonly signal?: AbortSignal | undefined;
  /** The code of the threads that punch. */
  readonly punchThread?: URL;
  /** Gets what is there in the end. */
  readonly onMeasured?: (measured: Measured) => void;
}

export interface Measured {
  readonly packs: number;
  /** Of the disk, by packs and plain archives. */
  readonly storedBytes: number;
  /** Of both what a backup needs, in blocks of 4 KiB. */
  readonly liveBytes: number;
}

/**
 * Collects once.
 *
 * @throws Failure `archive_damaged` when a recipe, a map or a pack is missing or cannot be read: nothing was removed then;
 * `store_unreachable`; `cancelled`; `internal` when a thread died, where some of the dead may be gone; `insufficient_storage` while
 * merging, after everything dead was given back. What is there then is measured all the same, where it can be read, and
 * `gaveBack` of the failure's detail says what was given back before it, if anything was.
 */
export async function collectServer(options: CollectOptions): Promise<Collected> {
  const look = await lookAround(options);
  const tally: Tally = { packs: 0, freedBytes: 0, movedBytes: 0 };
  if (options.dryRun === true) {
    await giveBack(options, look, tally);
    return tally;
  }
  try {
    await giveBack(options, look, tally);
    const merged = await merge(options, look, tally);
    await measure(options, merged ?? look);
    return tally;
  } catch (error) {
    // Of a collection that ended early, some of the dead may still be there. One that is cancelled ends soon.
    if (options.signal?.aborted !== true) await measure(options).catch(() => undefined);
    if (tally.packs === 0 && tally.freedBytes === 0 && tally.movedBytes === 0) throw error;
    throw havingGivenBack(error, tally);
  }
}

/** What was done so far; where a later step fails, its failure carries it. */
type Tally = { -readonly [Name in keyof Collected]: Collected[Name] };

function havingGivenBack(error: unknown, gaveBack: Collected): Failure {
  return asFailure(error, 'Cannot collect all that nothing needs').with({ detail: { gaveBack } });
}

/** Undefined when nothing is worth moving, or bytes that heal damage are being written: their end has a collection behind it. */
async function merge(options: CollectOptions, look: Look, tally: Tally): Promise<Look | undefined> {
  const { store, server, pins, punch, mergeAt, mergesHoles = false, packLength = PACK_LENGTH, signal } = options;
  if (pins.heals(server)) return undefined;
  const room = await roomToMerge(options);
  const chosen = packsToMerge(look.packs, look.live, pins.packs(server), mergeAt, punch && !mergesHoles, room);
  if (chosen.length === 0) return undefined;
  const lists = listsInUse(options, look.packs);
  const most = { ranges: MAX_RANGES, length: packLength };
  try {
    tally.movedBytes = await mergePacks(store, server, look.packs, new Set(chosen), lists, pins, most, signal);
  } catch (error) {
    // What was moved before is there twice, and the disk may be full; what is under way is tried again by the next collection.
    if (signal?.aborted !== true) await tidy(options).catch(() => undefined);
    throw error;
  }
  const after = await lookAround(options);
  await giveBack(options, after, tally);
  return after;
}

/** Gives back what a merge left that failed: no gain that could be told, as it was written by the same collection. */
async function tidy(options: CollectOptions): Promise<void> {
  await giveBack(options, await lookAround(options), { packs: 0, freedBytes: 0, movedBytes: 0 });
}

/**
 * Bytes that a merge may write. Half of what is free where merging is the only way to more, however little that is: packs that
 * fit are given back as a whole.
 */
async function roomToMerge({ store, punch, reserveFree }: CollectOptions): Promise<number> {
  const free = (await store.freeSpace())?.bytes ?? Number.POSITIVE_INFINITY;
  return Math.max(free - (reserveFree?.() ?? 0), punch ? 0 : free / 2);
}

/** Tells what lies there. @param collected what was seen before all that was dead in it went; without it, the disk is read. */
async function measure(options: CollectOptions, collected?: Look): Promise<void> {
  const { store, server, onMeasured } = options;
  if (onMeasured === undefined) return;
  const { packs, live, twice } = collected ?? (await lookAround(options));
  const kept = Array.from(packs.packs.keys()).filter((pack) => collected === undefined || live.isLive(pack));
  const plainBytes = packs.plain.entries().reduce((sum, [id, size]) => sum + (twice.has(id) ? 0 : size), 0);
  let [storedBytes, liveBytes] = [plainBytes, plainBytes];
  for (const pack of kept) {
    storedBytes += (await blocksOf(store, packKey(server, pack))) ?? packs.packs.get(pack) ?? 0;
    liveBytes += live.liveBytes(pack);
  }
  onMeasured({ packs: kept.length, storedBytes, liveBytes });
}

/** Bytes of disk; holes take none. Undefined where objects are no files. */
async function blocksOf(store: Store, key: ObjectKey): Promise<number | undefined> {
  const path = store.localPath?.(key);
  // What is gone meanwhile takes none either.
  return path === undefined ? undefined : ((await lstat(path).catch(gone))?.blocks ?? 0) * 512;
}

/** Bytes that the removal of a pack gives back: not its holes, which were given back before, and nothing under another name. */
async function bytesFreedBy(store: Store, key: ObjectKey, size: number): Promise<number> {
  const path = store.localPath?.(key);
  if (path === undefined) return size;
  const facts = await lstat(path).catch(gone);
  return facts?.nlink === 1 ? Math.min(size, facts.blocks * 512) : 0;
}

function gone(error: unknown): undefined {
  if (errnoOf(error) !== 'ENOENT') throw error;
}

interface Look {
  readonly packs: ServerPacks;
  readonly live: LiveBlocks;
  /** Backups whose plain archive is another name of a pack that stays. */
  readonly twice: ReadonlySet<string>;
}

/** Everything that must stay, read from the disk again. */
async function lookAround({ store, server, pins, known }: CollectOptions): Promise<Look> {
  const packs = await ServerPacks.load(store, server);
  for (const id of known()) await requireArchive(store, server, id, packs);
  const live = new LiveBlocks(packs);
  for (const id of packs.recipes) {
    await readRanges(store, objectKey(server, id as BackupId, 'recipe'), (ids) => live.marker(ids));
  }
  // Pins behind recipes: what was removed from the disk meanwhile and is still needed is among them.
  for (const list of pins.ranges(server)) live.mark(list);
  for (const layout of pins.places(server)) live.markPlaces(layout);
  for (const pack of pins.packs(server)) live.markWhole(pack);
  return { packs, live, twice: await secondNames(store, server, packs, (pack) => live.isLive(pack)) };
}

/**
 * One at a time: those of thirty backups together take hundreds of megabytes. The newest first, which is the one that is read
 * the most.
 */
async function* listsInUse(
  { store, server, pins, known }: CollectOptions,
  { recipes }: ServerPacks,
): AsyncGenerator<RangeList, void, void> {
  const inOrder = new Set([...known().filter((id) => recipes.has(id)), ...recipes]);
  for (const id of inOrder) yield (await readRecipe(store, objectKey(server, id as BackupId, 'recipe'))).list;
  // Pins last: what was removed from the disk meanwhile and is still needed is among them.
  yield* pins.ranges(server);
}

async function requireArchive(store: Store, server: ServerId, id: BackupId, packs: ServerPacks): Promise<void> {
  if (packs.recipes.has(id) || (await store.stat(objectKey(server, id, 'tar.gz'))) !== undefined) return;
  throw new Failure('archive_damaged', `Cannot collect: the recipe of backup ${id} is missing from the store`, {
    facts: { server, backup: id },
    hint: 'Nothing was removed. Put the file back, or delete that backup.',
  });
}

/** @param tally is added to while it goes on. */
async function giveBack(options: CollectOptions, { packs, live, twice }: Look, tally: Tally): Promise<void> {
  const { store, server, pins, punch, dryRun = false, signal } = options;
  const open = pins.blocks(server);
  await using threads = new PunchThreads(options.punchThread);
  // First: a file with two names is not punched.
  if (!dryRun) for (const id of twice) await store.remove(objectKey(server, id as BackupId, 'tar.gz'));
  await inLanes(PACKS_AT_ONCE, packs.packs, async ([pack, size]) => {
    if (!live.isLive(pack)) {
      throwIfAborted(signal, DOING);
      const key = packKey(server, pack);
      const freed = await bytesFreedBy(store, key, size);
      if (!dryRun) await store.remove(key);
      tally.packs++;
      tally.freedBytes += freed;
    } else if (punch) {
      await punchDead(options, pack, live.stretches(pack, open), threads, tally);
    }
  });
  if (!dryRun) await removeLoneMaps(store, server);
}

/** Maps whose packs are gone: a pack goes first, so that its bytes are never taken for another's. */
async function removeLoneMaps(store: Store, server: ServerId): Promise<void> {
  const packs = new Set<string>();
  const maps: { readonly key: ObjectKey; readonly pack: string }[] = [];
  for await (const { key } of store.list(`${server}/`)) {
    const parts = keyParts(key);
    if (parts?.kind === 'pack') packs.add(parts.backup);
    else if (parts?.kind === 'map') maps.push({ key, pack: parts.backup });
  }
  for (const { key, pack } of maps) if (!packs.has(pack)) await store.remove(key);
}

/**
 * Gives back the dead blocks of a pack that stays; a dry run counts them only.
 *
 * What is dead cannot be needed again before the collection ends. Archives and views are opened, bases taken, backups
 * committed, damage healed and archives taken in within the server's turn (vault.ts), which the collection has from before it
 * looks around; what they keep from an earlier turn was marked then. One thing comes without a turn: a plain archive is opened
 * by its name, and its file may have become a pack. So the file is looked at before each stretch, not once.
 */
async function punchDead(
  { store, server, pins, dryRun = false, signal }: CollectOptions,
  pack: string,
  stretches: Iterable<Stretch>,
  threads: PunchThreads,
  tally: Tally,
): Promise<void> {
  const path = store.localPath?.(packKey(server, pack));
  if (path === undefined) return;
  // One that is being written is kept, and goes without a turn when its archive is given up.
  await using file = await open(path, constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(gone);
  if (file === undefined) return;
  const { fd: descriptor } = file;
  for (const stretch of stretches) {
    if (!(await mayLoseBlocks(file, server, pins))) break;
    if (dryRun) {
      for (const { from, end } of deadData(descriptor, stretch)) tally.freedBytes += end - from;
    } else if (deadData(descriptor, stretch).next().done !== true) {
      throwIfAborted(signal, DOING);
      // What was given back before is a hole already: most collections need no thread. Not added before it is known: the
      // other lane adds meanwhile.
      const freed = await threads.punch({ descriptor, stretch });
      tally.freedBytes += freed;
    }
  }
}

/** Only a file with one name, as another name may be another program's, and none that is read as a plain archive. */
async function mayLoseBlocks(file: FileHandle, server: ServerId, pins: Pins): Promise<boolean> {
  const { nlink, ...identity } = await file.stat({ bigint: true });
  return nlink === 1n && !pins.files(server).has(fileIdentity(identity));
}
