/** V20: recipes and maps that were changed anywhere, with checksums that fit. */
import { randomUUID } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { expect, test } from 'vitest';
import { Failure } from '../../../src/base/failure.ts';
import { decodeMap, encodeMap } from '../../../src/storage/vault/format/map.ts';
import { RangeListBuilder, type RangeList } from '../../../src/storage/vault/ranges.ts';
import { decodeRecipe, encodeRecipe } from '../../../src/storage/vault/format/recipe.ts';
import { seededPicks } from '../../support/seeded-picks.ts';

const MUTATIONS = 100_000;
/** Of any one decoding, in bytes: what it keeps is in proportion to the file. */
const MOST_KEPT = 64 * 1024;

function someList(pick: (below: number) => number): RangeList {
  const builder = new RangeListBuilder();
  const ids = Array.from({ length: 4 }, () => randomUUID());
  for (let at = 0; at < 40; at++) builder.add(ids[pick(4)] ?? '', pick(2 ** 30), 1 + pick(2 ** 16));
  return builder.finish();
}

/** Bytes changed, cut, doubled or put in; the checksum fits, so that what is behind it is met. */
function mutated(whole: Buffer, pick: (below: number) => number): Buffer {
  let body = Buffer.from(whole.subarray(0, -4));
  for (let change = 0; change <= pick(3); change++) {
    const at = pick(body.length);
    if (pick(4) > 0) body[at] = pick(256);
    else if (pick(2) === 0) body = Buffer.concat([body.subarray(0, at), body.subarray(at + 1 + pick(8))]);
    else body = Buffer.concat([body.subarray(0, at), body.subarray(at, at + pick(40)), body.subarray(at)]);
    if (body.length === 0) return body;
  }
  const foot = Buffer.alloc(4);
  foot.writeUInt32LE(crc32(body));
  return Buffer.concat([body, foot]);
}

test(`V20: ${MUTATIONS} mutated recipes and maps are each a Failure, or ranges that lie somewhere`, () => {
  const pick = seededPicks(2024);
  const [list, refused] = [someList(pick), { count: 0 }];
  const size = list.length.reduce((sum, length) => sum + length, 0);
  const originals = [encodeRecipe(size, 'ab'.repeat(32), list), encodeMap(list)] as const;
  for (let round = 0; round < MUTATIONS; round++) {
    const asMap = round % 2 === 1;
    const bytes = mutated(originals[asMap ? 1 : 0], pick);
    try {
      const found = asMap ? decodeMap(bytes, 'it') : decodeRecipe(bytes, 'it').list;
      for (let index = 0; index < found.count; index++) {
        const [start, length] = [found.start[index] ?? -1, found.length[index] ?? 0];
        if (start < 0 || length <= 0 || !Number.isSafeInteger(start + length)) throw new RangeError(`range ${index}`);
        if (found.packs[found.pack[index] ?? -1] === undefined) throw new RangeError(`range ${index} is in no pack`);
      }
      expect(found.start.byteLength + found.length.byteLength + found.pack.byteLength).toBeLessThan(MOST_KEPT);
    } catch (error) {
      if (!(error instanceof Failure) || error.code !== 'archive_damaged') throw error;
      refused.count++;
    }
  }
  expect(refused.count).toBeGreaterThan(MUTATIONS / 2);
});
