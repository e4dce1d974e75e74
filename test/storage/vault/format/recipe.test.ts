import { randomBytes, randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Failure } from '../../../../src/base/failure.ts';
import { decodeMap, encodeMap } from '../../../../src/storage/vault/format/map.ts';
import { type RangeList, RangeListBuilder } from '../../../../src/storage/vault/ranges.ts';
import { decodeRecipe, decodeRecipeHead, encodeRecipe } from '../../../../src/storage/vault/format/recipe.ts';

const SHA256 = 'ab'.repeat(32);

const ranges = fc.array(
  fc.record({
    pack: fc.nat(4),
    start: fc.oneof(fc.nat(100_000), fc.integer({ min: 0, max: 2 ** 45 })),
    length: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 2 ** 40 })),
  }),
  { maxLength: 60 },
);
const ids = Array.from({ length: 5 }, () => randomUUID());

function listOf(
  rows: readonly { readonly pack: number; readonly start: number; readonly length: number }[],
): RangeList {
  const builder = new RangeListBuilder();
  for (const { pack, start, length } of rows) builder.add(ids[pack] ?? '', start, length);
  return builder.finish();
}

function sizeOf({ length }: RangeList): number {
  return length.reduce((sum, each) => sum + each, 0);
}

/** What decoding comes to: the value, or the code of the Failure. Any other error fails the test. */
function outcomeOf(decode: () => unknown): unknown {
  try {
    return decode();
  } catch (error) {
    if (error instanceof Failure) return error.code;
    throw error;
  }
}

describe('a recipe', () => {
  test('is read as it was written', () => {
    fc.assert(
      fc.property(ranges, (rows) => {
        const list = listOf(rows);
        const recipe = decodeRecipe(encodeRecipe(sizeOf(list), SHA256, list), 'the recipe');
        expect(recipe).toEqual({
          size: sizeOf(list),
          sha256: SHA256,
          ranges: list.count,
          packs: list.packs.length,
          list,
        });
      }),
    );
  });

  test('joins neighbours that follow each other in one pack', () => {
    const list = listOf([
      { pack: 1, start: 100, length: 50 },
      { pack: 1, start: 150, length: 50 },
      { pack: 1, start: 201, length: 1 },
    ]);
    expect([list.count, [...list.start], [...list.length]]).toEqual([2, [100, 201], [100, 1]]);
  });

  test('of a year of small changes takes about five bytes a range', () => {
    const builder = new RangeListBuilder();
    for (let index = 0; index < 10_000; index++) builder.add(ids[index % 2] ?? '', index * 20_000, 18_000);
    const list = builder.finish();
    expect(encodeRecipe(sizeOf(list), SHA256, list).length / list.count).toBeLessThan(8);
  });

  test('that is damaged anywhere is refused, in every byte', () => {
    const list = listOf([
      { pack: 0, start: 0, length: 1000 },
      { pack: 1, start: 500, length: 1000 },
      { pack: 0, start: 2000, length: 10 },
    ]);
    const whole = encodeRecipe(sizeOf(list), SHA256, list);
    for (let at = 0; at < whole.length; at++) {
      const bytes = Buffer.from(whole);
      bytes[at] = (bytes[at] ?? 0) ^ 0x41;
      expect(outcomeOf(() => decodeRecipe(bytes, 'the recipe'))).toBe('archive_damaged');
      expect(outcomeOf(() => decodeRecipe(whole.subarray(0, at), 'the recipe'))).toBe('archive_damaged');
    }
  });

  test('of another version or with unknown flags is refused by its head alone', () => {
    const whole = encodeRecipe(0, SHA256, listOf([]));
    for (const at of [8, 12]) {
      const bytes = Buffer.from(whole);
      bytes[at] = 2;
      expect(outcomeOf(() => decodeRecipeHead(bytes, 'the recipe'))).toBe('archive_damaged');
    }
  });
});

describe('a map', () => {
  test('is read as it was written, and damage is found', () => {
    fc.assert(
      fc.property(ranges, fc.nat(), (rows, where) => {
        const list = listOf(rows);
        const whole = encodeMap(list);
        expect(decodeMap(whole, 'the map')).toEqual(list);
        const at = where % whole.length;
        whole[at] = (whole[at] ?? 0) ^ 0x11;
        expect(outcomeOf(() => decodeMap(whole, 'the map'))).toBe('archive_damaged');
      }),
    );
  });
});

test('bytes that are anything are a Failure or a list whose ranges are somewhere, in bounded memory', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 300 }),
      fc.boolean(),
      fc.nat(2 ** 31),
      fc.nat(70_000),
      (tail, asMap, count, packs) => {
        const head = Buffer.alloc(asMap ? 20 : 64);
        head.write(asMap ? 'ROOSTMAP' : 'ROOSTRCP', 'latin1');
        head.writeUInt32LE(1, 8);
        head.writeUInt32LE(packs, asMap ? 12 : 28);
        head.writeUInt32LE(count, asMap ? 16 : 24);
        const bytes = Buffer.concat([head, tail, randomBytes(4)]);
        expect(outcomeOf(() => (asMap ? decodeMap(bytes, 'it') : decodeRecipe(bytes, 'it')))).toBe('archive_damaged');
      },
    ),
  );
});
