/** What lists of ranges name, against a byte by byte count. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { MEBIBYTE } from '../../../../src/base/sizes.ts';
import { LivingRanges } from '../../../../src/storage/vault/collection/living-ranges.ts';
import { MAX_RANGES, type RangeList, RangeListBuilder } from '../../../../src/storage/vault/ranges.ts';

const PACKS = ['11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222'];
const SIZE = 60;

const range = fc.record({
  pack: fc.constantFrom(...PACKS),
  start: fc.nat(SIZE - 1),
  length: fc.integer({ min: 1, max: 20 }),
});

test('each byte comes once, with the first list that names it, and in the order of that list', () => {
  fc.assert(
    fc.property(fc.array(fc.array(range, { maxLength: 10 }), { maxLength: 5 }), (lists) => {
      const living = new LivingRanges(new Set(PACKS));
      const seen = new Set<string>();
      for (const ranges of lists) {
        const list = new RangeListBuilder();
        for (const { pack, start, length } of ranges) list.add(pack, start, length);
        const built = list.finish();
        /** Of each byte, the first and the last range of the list that names it. */
        const named = new Map<string, readonly number[]>();
        for (let index = 0; index < built.count; index++) {
          const start = built.start[index] ?? 0;
          for (let at = start; at < start + (built.length[index] ?? 0); at++) {
            const byte = `${built.packs[built.pack[index] ?? 0]} ${at}`;
            if (!seen.has(byte)) named.set(byte, [...(named.get(byte) ?? []), index]);
          }
        }
        let least = 0;
        for (const { pack, start, length } of living.add(built)) {
          expect(length).toBeGreaterThan(0);
          let behind = built.count;
          for (let at = start; at < start + length; at++) {
            const byte = `${pack} ${at}`;
            const indexes = named.get(byte) ?? [];
            // Not twice, and nothing that is not new.
            expect([seen.has(byte), indexes.length > 0]).toEqual([false, true]);
            seen.add(byte);
            behind = Math.min(behind, indexes.at(-1) ?? 0);
            expect(indexes.at(-1)).toBeGreaterThanOrEqual(least);
          }
          least = Math.max(least, Math.min(behind, ...(named.get(`${pack} ${start}`) ?? [])));
        }
        for (const byte of named.keys()) expect(seen.has(byte)).toBe(true);
      }
    }),
    { numRuns: 500 },
  );
});

test('packs that are not asked for are passed over', () => {
  const list = new RangeListBuilder();
  for (const pack of PACKS) list.add(pack, 5, 10);
  const [, wanted = ''] = PACKS;
  const living = new LivingRanges(new Set([wanted]));
  expect(Array.from(living.add(list.finish()))).toEqual([{ pack: wanted, start: 5, length: 10 }]);
  expect(Array.from(living.add(list.finish()))).toEqual([]);
});

/** Ranges of one pack with gaps between them. */
function apart(count: number): RangeList {
  const start = Float64Array.from({ length: count }, (_, index) => index * 1000);
  const length = new Float64Array(count).fill(500);
  return { packs: PACKS.slice(0, 1), count, pack: new Uint32Array(count), start, length };
}

/** Bytes, without what only waits for a collection: after files before this one, V8 may let a hundred mebibytes of it pile up. */
function keptMemory(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  setFlagsFromString('--no-expose-gc');
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

test('the most ranges that a list has take memory for columns, not for objects', () => {
  const list = apart(MAX_RANGES);
  const living = new LivingRanges(new Set(PACKS));
  const before = keptMemory();
  const told = living.add(list)[Symbol.iterator]();
  // All that is kept for the telling is there with the first.
  expect(told.next().value).toEqual({ pack: PACKS[0], start: 0, length: 500 });
  expect(keptMemory() - before).toBeLessThan(64 * MEBIBYTE);
  let count = 1;
  while (told.next().done !== true) count++;
  expect(count).toBe(MAX_RANGES);
});
