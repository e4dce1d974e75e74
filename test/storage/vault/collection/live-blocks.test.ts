/** What is needed of each pack: the same by bits as range by range. */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BLOCK, deadData } from '../../../../src/storage/vault/collection/dead-data.ts';
import { LiveBlocks } from '../../../../src/storage/vault/collection/live-blocks.ts';
import { RangeListBuilder } from '../../../../src/storage/vault/ranges.ts';
import { ServerPacks } from '../../../../src/storage/vault/server-packs.ts';
import { scratchDirectory } from '../../../support/scratch.ts';

const PACK = '11111111-1111-4111-8111-111111111111';
const MOST = 40 * BLOCK;
const SECTOR = BLOCK / 8;

const ranges = fc.array(fc.record({ at: fc.nat(MOST), length: fc.integer({ min: 1, max: 12 * BLOCK }) }), {
  maxLength: 8,
});

/** Marks what of the ranges lies in a pack, and says of each block whether it is needed. */
function marked(size: number, wanted: readonly { readonly at: number; readonly length: number }[]) {
  const live = new LiveBlocks(new ServerPacks(new Map([[PACK, size]]), new Set(), new Map()));
  const needed = Array.from({ length: Math.ceil(size / BLOCK) }, () => false);
  for (const { at, length } of wanted) {
    const end = Math.min(size, at + length);
    if (at >= end) continue;
    const list = new RangeListBuilder();
    list.add(PACK, at, end - at);
    live.mark(list.finish());
    for (let block = Math.floor(at / BLOCK); block * BLOCK < end; block++) needed[block] = true;
  }
  return { live, needed };
}

test('any ranges: live bytes and dead ranges are those that counting block by block finds', async () => {
  const path = join(await scratchDirectory(), 'file');
  fc.assert(
    fc.property(fc.integer({ min: 1, max: MOST }), ranges, ranges, (size, own, pinned) => {
      const { live, needed } = marked(size, own);
      const others = marked(size, pinned);
      const bytesOf = (block: number): number => Math.min(size, (block + 1) * BLOCK) - block * BLOCK;
      expect(live.liveBytes(PACK)).toBe(needed.reduce((sum, is, block) => sum + (is ? bytesOf(block) : 0), 0));
      fs.writeFileSync(path, randomBytes(size));
      const file = fs.openSync(path, 'r');
      try {
        const found = needed.map(() => true);
        for (const stretch of live.stretches(PACK, [others.live])) {
          for (const { from, end } of deadData(file, stretch)) {
            expect(from % BLOCK).toBe(0);
            expect(end === size || end % BLOCK === 0).toBe(true);
            for (let block = from / BLOCK; block * BLOCK < end; block++) found[block] = false;
          }
        }
        expect(found).toEqual(needed.map((is, block) => is || others.needed[block] === true));
      } finally {
        fs.closeSync(file);
      }
    }),
    { numRuns: 300 },
  );
});

test('any ranges: how much of the needed blocks is needed is what counting the sectors of one in eight finds', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: MOST }), ranges, (size, own) => {
      const { live, needed } = marked(size, own);
      const isNeeded = (sector: number): boolean =>
        own.some(({ at, length }) => {
          const end = Math.min(size, at + length);
          return at < end && sector * SECTOR < (end === size ? MOST + BLOCK : end) && (sector + 1) * SECTOR > at;
        });
      let [marks, sectors] = [0, 0];
      for (let block = 0; block < needed.length; block += 8) {
        if (needed[block] !== true) continue;
        marks++;
        for (let sector = 0; sector < 8; sector++) if (isNeeded(block * 8 + sector)) sectors++;
      }
      expect(live.fill(PACK)).toBe(marks === 0 ? 1 : sectors / (8 * marks));
    }),
    { numRuns: 500 },
  );
});

test('a pack of more than one stretch: each is as long as its marks, and together they are the pack', () => {
  const size = 200 * 2 ** 20 + 5000;
  const { live } = marked(size, [
    { at: 64 * 2 ** 20 - 1, length: 2 },
    { at: size - 1, length: 1 },
  ]);
  let end = 0;
  let bits = 0;
  for (const { offset, length, marks } of live.stretches(PACK, [])) {
    expect(offset).toBe(end);
    expect(marks.length).toBe(Math.ceil(length / BLOCK / 8));
    end = offset + length;
    for (const byte of marks) bits += byte.toString(2).replaceAll('0', '').length;
  }
  expect([end, bits, live.liveBytes(PACK)]).toEqual([size, 3, 2 * BLOCK + (size % BLOCK)]);
  // Of the three needed blocks it looks at one.
  expect(live.fill(PACK)).toBe(1 / 8);
});
