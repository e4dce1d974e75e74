/** Places of ranges that several maps name: any cut of them against one byte after another. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MovedRanges } from '../../../src/storage/vault/moved.ts';
import { type RangeList, RangeListBuilder } from '../../../src/storage/vault/ranges.ts';

const LENGTH = 40;
const PACKS = ['born', 'other'];

interface Part {
  readonly pack: string;
  readonly start: number;
  readonly length: number;
}

const part: fc.Arbitrary<Part> = fc.record({
  pack: fc.constantFrom(...PACKS),
  start: fc.integer({ min: 0, max: LENGTH - 1 }),
  length: fc.integer({ min: 1, max: 15 }),
});
const maps = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), fc.array(part, { minLength: 1, maxLength: 6 }));

function listOf(parts: readonly Part[]): RangeList {
  const ranges = new RangeListBuilder();
  for (const { pack, start, length } of parts) ranges.add(pack, start, length);
  return ranges.finish();
}

/** Where each byte lies in the map with the lowest id that has it, whatever of two equal places. */
function placesOf(all: ReadonlyMap<string, readonly Part[]>, pack: string, byte: number): readonly string[] {
  for (const [id, parts] of [...all].sort(([one], [other]) => (one < other ? -1 : 1))) {
    const found: string[] = [];
    let offset = 0;
    for (const each of parts) {
      const within = byte - each.start;
      if (each.pack === pack && within >= 0 && within < each.length) found.push(`${id} ${offset + within}`);
      offset += each.length;
    }
    if (found.length > 0) return found;
  }
  return [];
}

test('of the maps that name a byte, the one with the lowest id says where it is, whatever ranges they cut it into', () => {
  fc.assert(
    fc.property(maps, fc.integer({ min: 0, max: LENGTH }), fc.integer({ min: 0, max: LENGTH }), (said, one, other) => {
      const all = new Map(Object.entries(said));
      const moved = new MovedRanges(new Map(Array.from(all, ([id, parts]) => [id, listOf(parts)])));
      const [start, end] = [Math.min(one, other), Math.max(one, other)];
      const wrong: string[] = [];
      for (const pack of PACKS) {
        const found = new Map<number, string>();
        for (const { start: from, place } of moved.within(pack, start, end)) {
          for (let at = 0; at < place.length; at++) {
            if (found.has(from + at) || from + at < start || from + at >= end) wrong.push(`${pack} ${from + at} again`);
            found.set(from + at, `${place.pack} ${place.offset + at}`);
          }
        }
        for (let byte = start; byte < end; byte++) {
          const right: readonly (string | undefined)[] = placesOf(all, pack, byte);
          const is = found.get(byte);
          if (!(right.length === 0 ? [undefined] : right).includes(is)) wrong.push(`${pack} ${byte} at ${is}`);
        }
      }
      expect(wrong).toEqual([]);
    }),
    { numRuns: 200 },
  );
});
