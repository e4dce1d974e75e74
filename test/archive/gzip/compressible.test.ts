import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RunFinder } from '../../../src/archive/gzip/compressible.ts';
import { randomBytes } from '../../support/random-bytes.ts';

const SECTOR = 4096;
const text = (length: number): Buffer =>
  Buffer.alloc(length, '[12:00:00] [Server thread/INFO]: player joined the game\n');
const kinds = (input: Uint8Array): (readonly [number, boolean])[] =>
  new RunFinder().find(input).map(({ start, end, compressible }) => [end - start, compressible] as const);

test('runs follow each other from the first byte to the last, and two neighbours are never of one kind', () => {
  const stretches = fc.array(
    fc.oneof(
      fc.integer({ min: 0, max: 20_000 }).map((length) => randomBytes(length, length)),
      fc.integer({ min: 0, max: 20_000 }).map(text),
      fc.integer({ min: 0, max: 20_000 }).map((length) => Buffer.alloc(length)),
      fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    ),
    { maxLength: 8 },
  );
  const finder = new RunFinder();
  fc.assert(
    fc.property(stretches, (parts) => {
      const input = Buffer.concat(parts);
      let at = 0;
      let before: boolean | undefined;
      for (const { start, end, compressible } of finder.find(input)) {
        expect(start).toBe(at);
        expect(end).toBeGreaterThan(start);
        expect(compressible).not.toBe(before);
        [at, before] = [end, compressible];
      }
      expect(at).toBe(input.length);
    }),
  );
});

describe('what is told apart', () => {
  test('random bytes, of which no block looks compressible in a thousand', () => {
    expect(kinds(randomBytes(1000 * SECTOR, 7))).toEqual([[1000 * SECTOR, false]]);
  });

  test('text, numbers that count up, zeros', () => {
    const counting = Buffer.from(Uint32Array.from({ length: SECTOR }, (_, index) => index).buffer);
    for (const input of [text(8 * SECTOR), counting, Buffer.alloc(8 * SECTOR)]) {
      expect(kinds(input)).toEqual([[input.length, true]]);
    }
  });

  test('numbers of eight bytes, whichever of their bytes is random', () => {
    const random = randomBytes(SECTOR, 5);
    for (let column = 0; column < 8; column++) {
      const numbers = Buffer.alloc(SECTOR * 8);
      for (let at = 0; at < SECTOR; at++) numbers[at * 8 + column] = random[at] ?? 0;
      expect(kinds(numbers)).toEqual([[numbers.length, true]]);
    }
  });

  test('a short rest is always tried', () => {
    expect(kinds(randomBytes(1000, 1))).toEqual([[1000, true]]);
  });

  test('the chunks of a region file, and what fills up the last sector of each', () => {
    const chunk = Buffer.concat([randomBytes(SECTOR + 1500, 3), Buffer.alloc(SECTOR - 1500)]);
    expect(kinds(Buffer.concat([chunk, chunk]))).toEqual([
      [SECTOR + 1500, false],
      [SECTOR - 1500, true],
      [SECTOR + 1500, false],
      [SECTOR - 1500, true],
    ]);
  });

  test('how many zeros end a chunk, wherever it lies in memory', () => {
    for (let shift = 0; shift < 9; shift++) {
      for (const zeros of [600, 601, 602, 603, 1000, 3001]) {
        const chunk = randomBytes(SECTOR, zeros).fill(0, SECTOR - zeros);
        chunk[SECTOR - zeros - 1] = 255;
        const memory = Buffer.concat([Buffer.alloc(shift), chunk]);
        expect(kinds(memory.subarray(shift))).toEqual([
          [SECTOR - zeros, false],
          [zeros, true],
        ]);
      }
    }
  });

  test('zeros of a padding alone, and not those with bytes behind them', () => {
    const chunk = randomBytes(SECTOR, 3).fill(0, 1500);
    const paddings = new RunFinder().find(Buffer.concat([chunk, chunk, text(SECTOR)])).map(({ padding }) => padding);
    expect(paddings).toEqual([false, true, false, false]);
  });

  test('text before zeros stays in one run with them', () => {
    const input = Buffer.concat([text(1500), Buffer.alloc(SECTOR - 1500)]);
    expect(kinds(input)).toEqual([[SECTOR, true]]);
  });
});
