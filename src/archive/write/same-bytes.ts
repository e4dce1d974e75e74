/**
 * Finds which stored bytes of a new segment an older archive has, by comparing bytes.
 *
 * Hashes of chunks are the wrong tool here: a game rewrites single sectors of 4 KiB, and chunks that small are millions of
 * hashes for one server. The bytes at the same place of the last archive tell as much and need no memory. Nothing counts as
 * the same unless its bytes were compared, so a wrong guess of a place costs only space.
 */
import type { SameBytes } from '../../base/source.ts';

/** So many equal bytes are worth extending. */
const PROBE = 32;
/** After bytes that differ, the next look at the expected place: a changed sector is longer. */
const STEP = 256;
/** How far from the expected place the next run of deflate may begin. */
const AROUND = 16 * 1024;
/** Looks through all of the older bytes for a run: each may read megabytes. */
const MOST_SEARCHES = 4;
/** The most that one comparison looks at: a call of it costs as much as some hundred bytes. */
const LEAP = 64 * 1024;

/**
 * @param fresh the new segment's stored bytes.
 * @param old stored bytes of the older archive in which they are expected.
 * @param base where `old` begins in the older archive.
 * @param runs offsets in `fresh` where runs of deflate begin, in order: from there on bytes are equal again after a change.
 * @returns stretches of at least 32 bytes, in order, without overlaps.
 */
export function findSameBytes(fresh: Buffer, old: Buffer, base: number, runs: readonly number[]): SameBytes[] {
  const found: SameBytes[] = [];
  let at = 0;
  /** The old place of a byte, less the new one. */
  let shift = 0;
  let end = 0;
  let run = 0;
  let searches = 0;
  while (at < fresh.length) {
    const ahead = equalAhead(fresh, at, old, at + shift);
    if (ahead >= PROBE) {
      const behind = equalBehind(fresh, at, old, at + shift, end);
      found.push({ start: at - behind, length: behind + ahead, base: base + at - behind + shift });
      at += ahead;
      end = at;
      continue;
    }
    while ((runs[run] ?? fresh.length) <= at) run++;
    const nextRun = runs[run] ?? fresh.length;
    at = Math.min(at + STEP, nextRun);
    if (at !== nextRun || at === fresh.length || equalAt(fresh, at, old, at + shift)) continue;
    const place = findRun(fresh, at, old, at + shift, searches < MOST_SEARCHES ? () => searches++ : undefined);
    if (place >= 0) shift = place - at;
  }
  return found;
}

/** Where in the older bytes a run begins: near its expected place, else anywhere; -1 when nowhere. */
function findRun(fresh: Buffer, at: number, old: Buffer, expected: number, onSearch: (() => void) | undefined): number {
  const probe = fresh.subarray(at, at + PROBE);
  if (probe.length < PROBE) return -1;
  const from = Math.max(0, Math.min(old.length, expected - AROUND));
  const near = old.subarray(from, Math.max(from, expected + AROUND + PROBE)).indexOf(probe);
  if (near >= 0) return from + near;
  if (onSearch === undefined) return -1;
  onSearch();
  return old.indexOf(probe);
}

function equalAt(fresh: Buffer, at: number, old: Buffer, place: number): boolean {
  if (place < 0 || at + PROBE > fresh.length || place + PROBE > old.length) return false;
  // Most looks find nothing, and the first byte tells as much without a call.
  if (fresh[at] !== old[place]) return false;
  return old.compare(fresh, at, at + PROBE, place, place + PROBE) === 0;
}

/** How many bytes are equal from there on; 0 when they are fewer than a look takes. */
function equalAhead(fresh: Buffer, at: number, old: Buffer, place: number): number {
  if (!equalAt(fresh, at, old, place)) return 0;
  const limit = Math.min(fresh.length - at, old.length - place);
  let length = PROBE;
  for (let step = PROBE; length < limit && step > 0;) {
    const taken = Math.min(step, limit - length);
    const isEqual = old.compare(fresh, at + length, at + length + taken, place + length, place + length + taken) === 0;
    if (isEqual) {
      length += taken;
      if (step < LEAP) step *= 2;
    } else step = taken > 1 ? Math.floor(taken / 2) : 0;
  }
  return length;
}

/** How many bytes before there are equal, none before `end` of the new ones. */
function equalBehind(fresh: Buffer, at: number, old: Buffer, place: number, end: number): number {
  const limit = Math.min(at - end, place);
  let length = 0;
  while (length < limit && fresh[at - length - 1] === old[place - length - 1]) length++;
  return length;
}
