import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SameBytes } from '../../../src/base/source.ts';
import { findSameBytes } from '../../../src/archive/write/same-bytes.ts';

const KIBIBYTE = 1024;

/** Bytes that were found, after checking that each is where it is said to be, in order and once. */
function checked(fresh: Buffer, old: Buffer, base: number, found: readonly SameBytes[]): number {
  let end = 0;
  let sum = 0;
  for (const { start, length, base: place } of found) {
    expect(start).toBeGreaterThanOrEqual(end);
    const from = place - base;
    expect(from).toBeGreaterThanOrEqual(0);
    expect(fresh.subarray(start, start + length).equals(old.subarray(from, from + length))).toBe(true);
    end = start + length;
    sum += length;
  }
  expect(end).toBeLessThanOrEqual(fresh.length);
  return sum;
}

function sameIn(fresh: Buffer, old: Buffer, runs: readonly number[] = []): number {
  return checked(fresh, old, 5000, findSameBytes(fresh, old, 5000, runs));
}

describe('the bytes that an older archive has', () => {
  test('all of them when nothing changed', () => {
    const old = randomBytes(300 * KIBIBYTE);
    expect(sameIn(Buffer.from(old), old)).toBe(old.length);
  });

  test('none of other bytes', () => {
    expect(sameIn(randomBytes(100 * KIBIBYTE), randomBytes(100 * KIBIBYTE), [0, 50_000])).toBe(0);
  });

  test('all but a sector that was rewritten in place', () => {
    const old = randomBytes(256 * KIBIBYTE);
    const fresh = Buffer.from(old);
    randomBytes(4096).copy(fresh, 81_920);
    expect(sameIn(fresh, old)).toBeGreaterThanOrEqual(old.length - 4096);
  });

  test('what follows a run that became longer or shorter, from the next run on', () => {
    const [before, after] = [randomBytes(40_000), randomBytes(90_000)];
    for (const length of [1, 7_000, 13_000]) {
      const fresh = Buffer.concat([before, randomBytes(length), after]);
      const old = Buffer.concat([before, randomBytes(5_000), after]);
      expect(sameIn(fresh, old, [0, 40_000, 40_000 + length])).toBeGreaterThanOrEqual(before.length + after.length);
    }
  });

  test('what moved far, by looking through all of the older bytes', () => {
    const [one, other] = [randomBytes(60_000), randomBytes(200_000)];
    const found = sameIn(Buffer.concat([one, other]), Buffer.concat([other, one]), [0, 60_000]);
    expect(found).toBeGreaterThanOrEqual(other.length);
  });

  test('is found and never wrong for any edits', () => {
    const edit = fc.record({ at: fc.nat(40_000), cut: fc.nat(3000), add: fc.nat(3000) });
    fc.assert(
      fc.property(fc.array(edit, { maxLength: 6 }), fc.boolean(), (edits, flat) => {
        const old = flat ? Buffer.alloc(40_000, 7) : randomBytes(40_000);
        let fresh = Buffer.from(old);
        for (const { at, cut, add } of edits) {
          const added = flat ? Buffer.alloc(add, 7) : randomBytes(add);
          fresh = Buffer.concat([fresh.subarray(0, at), added, fresh.subarray(at + cut)]);
        }
        const runs = Array.from({ length: 20 }, (_, index) => index * 2000).filter((run) => run < fresh.length);
        checked(fresh, old, 0, findSameBytes(fresh, old, 0, runs));
      }),
    );
  });

  test('an older segment that is empty, or shorter than a look, has none', () => {
    expect(findSameBytes(randomBytes(1000), Buffer.alloc(0), 0, [0])).toEqual([]);
    expect(findSameBytes(Buffer.alloc(10), Buffer.alloc(10), 0, [0])).toEqual([]);
  });
});
