/** Which packs of a server are merged: for the space that is dead in them, and for their number. */
import { PACK_LENGTH, type ServerPacks } from '../server-packs.ts';
import { BLOCK } from './dead-data.ts';
import type { LiveBlocks } from './live-blocks.ts';

/**
 * From so many packs on they are merged, however full, but for large ones: moving those makes them hardly fewer. An archive is
 * read cold from sixty in 1.3 to 1.5 times the time of one file, from ninety in 1.6; fewer would have newer packs moved, of
 * which more is alive.
 */
const MANY_PACKS = 60;
/** Bytes. A first backup has a hundred packs when it is of a hundred gibibytes. */
const LARGE_PACK = PACK_LENGTH / 2;
/** So many stay when it was for their number: the oldest third goes, of which the least is alive. */
const FEWER_PACKS = 40;

/** True when there may be so many packs that some are merged. Full ones do not count: a first backup may be of a hundred. */
export function hasManyPacks({
  packs,
  storedBytes,
}: {
  readonly packs: number;
  readonly storedBytes: number;
}): boolean {
  return packs - Math.floor(storedBytes / PACK_LENGTH) >= MANY_PACKS;
}

/**
 * The packs to merge. For space the emptiest, until what is dead in the others is less than half the limit; for their number
 * those that are moved the quickest.
 *
 * @param pinned are never among them.
 * @param mergeAt the part of what lies on the disk that may be dead, 0 to 1.
 * @param punched true where blocks that are dead as a whole take no disk: then only what is dead of the others counts. A merge for
 *   the others gives nothing back, and moved half of a server's packs each week.
 * @param room bytes that may be written before anything is given back. What is moved lies there twice until then, in an order in
 *   which a merge that ends early leaves most packs a part.
 */
export function packsToMerge(
  packs: ServerPacks,
  live: LiveBlocks,
  pinned: ReadonlySet<string>,
  mergeAt: number,
  punched: boolean,
  room = Number.POSITIVE_INFINITY,
): readonly string[] {
  const all = candidatesOf(packs, live, pinned, punched);
  const forSpace = chosenForSpace(all, mergeAt, room);
  const forNumber = chosenForNumber(all, new Set(forSpace), room - sumOf(forSpace, 'blocks'));
  // One alone would become one.
  const chosen = forSpace.length + forNumber.length < 2 ? forSpace : [...forSpace, ...forNumber];
  return chosen.map(({ id }) => id);
}

/** A pack that something is alive in. In bytes. */
interface Candidate {
  readonly id: string;
  readonly mayGo: boolean;
  /** What it takes of the disk. */
  readonly stored: number;
  /** An estimate; more than the blocks is never written. */
  readonly alive: number;
  /** Of the blocks that anything is alive in. */
  readonly blocks: number;
  readonly dead: number;
  readonly isLarge: boolean;
}

function candidatesOf(
  packs: ServerPacks,
  live: LiveBlocks,
  pinned: ReadonlySet<string>,
  punched: boolean,
): readonly Candidate[] {
  return Array.from(packs.packs)
    .filter(([id]) => live.isLive(id))
    .map(([id, size]) => {
      const blocks = live.liveBytes(id);
      const alive = blocks * live.fill(id);
      const stored = punched ? blocks : size;
      const dead = stored - alive;
      return { id, mayGo: !pinned.has(id), stored, alive, blocks, dead, isLarge: size >= LARGE_PACK };
    });
}

function chosenForSpace(all: readonly Candidate[], mergeAt: number, room: number): readonly Candidate[] {
  const total = sumOf(all, 'stored');
  let dead = sumOf(all, 'dead');
  if (dead <= total * mergeAt) return [];
  const chosen: Candidate[] = [];
  let left = room;
  const emptiest = all.filter(({ mayGo }) => mayGo);
  for (const each of emptiest.toSorted((one, other) => other.dead / other.stored - one.dead / one.stored)) {
    if (dead <= (total * mergeAt) / 2) break;
    // Passed over, not the end: of a tiny pack much may be dead, and of a large one behind it far more.
    if (each.dead < BLOCK || each.blocks > left) continue;
    chosen.push(each);
    left -= each.blocks;
    dead -= each.dead;
  }
  return chosen;
}
function chosenForNumber(
  all: readonly Candidate[],
  chosen: ReadonlySet<Candidate>,
  room: number,
): readonly Candidate[] {
  const small = all.filter(({ isLarge }) => !isLarge);
  if (small.length < MANY_PACKS) return [];
  const others = small.filter((each) => !chosen.has(each));
  const more: Candidate[] = [];
  let left = room;
  const quickest = others.filter(({ mayGo }) => mayGo).toSorted((one, other) => one.alive - other.alive);
  for (const each of quickest) {
    if (others.length - more.length <= FEWER_PACKS) break;
    if (each.blocks > left) continue;
    more.push(each);
    left -= each.blocks;
  }
  return more;
}

function sumOf(all: readonly Candidate[], field: 'stored' | 'dead' | 'blocks'): number {
  return all.reduce((sum, each) => sum + each[field], 0);
}
