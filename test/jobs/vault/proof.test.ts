import { randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Provable, proveSegments } from '../../../src/jobs/vault/proof.ts';
import { Failure } from '../../../src/base/failure.ts';
import type { PackRange } from '../../../src/storage/vault-port.ts';
import { failureOf } from '../../support/rejection.ts';

const PACKS = new Map([
  ['one', randomBytes(4000)],
  ['two', randomBytes(3000)],
]);

/** Packs in memory, and how often each byte was read. */
function packs(missing?: string) {
  const reads = new Map(Array.from(PACKS, ([name, { length }]) => [name, new Uint8Array(length)]));
  const read = ({ pack, start, length }: PackRange): Promise<Uint8Array> => {
    if (pack === missing) return Promise.reject(new Failure('archive_damaged', 'the pack is gone'));
    const counts = reads.get(pack);
    for (let at = start; at < start + length; at++) if (counts !== undefined) counts[at] = (counts[at] ?? 0) + 1;
    return Promise.resolve(PACKS.get(pack)?.subarray(start, start + length) ?? new Uint8Array());
  };
  return { read, reads };
}

/** An archive of ranges, cut into segments of that length, whose checksums are those of its bytes. */
function archiveOf(id: number, rows: readonly PackRange[], segment: number): Provable<number> & { bytes: Buffer } {
  const bytes = Buffer.concat(rows.map(({ pack, start, length }) => bytesOf(pack, start, length)));
  const find = function* (offset: number, length: number): Generator<PackRange> {
    let before = 0;
    for (const { pack, start, length: long } of rows) {
      const from = Math.max(offset, before);
      const to = Math.min(offset + length, before + long);
      if (to > from) yield { pack, start: start + from - before, length: to - from };
      before += long;
    }
  };
  const segments = async function* () {
    for (let offset = 0; offset < bytes.length; offset += segment) {
      const piece = bytes.subarray(offset, offset + segment);
      yield { offset, length: piece.length, crc: crc32(piece) };
    }
  };
  return { id, ranges: { size: bytes.length, find }, segments, bytes };
}

function bytesOf(pack: string, start: number, length: number): Buffer {
  return PACKS.get(pack)?.subarray(start, start + length) ?? Buffer.alloc(0);
}

const range = fc.record({
  pack: fc.constantFrom('one', 'two'),
  start: fc.nat(2500),
  length: fc.integer({ min: 1, max: 500 }),
});
const archives = fc.array(
  fc.record({ rows: fc.array(range, { minLength: 1, maxLength: 8 }), segment: fc.integer({ min: 1, max: 700 }) }),
  { minLength: 1, maxLength: 5 },
);

test('archives that share bytes in any way are proven, and each byte is read once at most', async () => {
  await fc.assert(
    fc.asyncProperty(archives, async (made) => {
      const { read, reads } = packs();
      const proven = made.map(({ rows, segment }, id) => archiveOf(id, rows, segment));
      expect((await proveSegments({ read }, proven)).damaged.size).toBe(0);
      for (const counts of reads.values()) expect(Math.max(...counts)).toBeLessThanOrEqual(1);
    }),
  );
});

test('a flipped byte is found in the archives that have it, and in no other', async () => {
  await fc.assert(
    fc.asyncProperty(archives, fc.constantFrom('one', 'two'), fc.nat(2999), async (made, pack, at) => {
      const proven = made.map(({ rows, segment }, id) => archiveOf(id, rows, segment));
      const { read } = packs();
      const bent = async (asked: PackRange): Promise<Uint8Array> => {
        const bytes = Buffer.from(await read(asked));
        const place = at - asked.start;
        if (asked.pack === pack && place >= 0 && place < bytes.length) bytes[place] = (bytes[place] ?? 0) ^ 1;
        return bytes;
      };
      const having = made.flatMap(({ rows }, id) =>
        rows.some((row) => row.pack === pack && row.start <= at && at < row.start + row.length) ? [id] : [],
      );
      expect(
        [...(await proveSegments({ read: bent }, proven)).damaged.keys()].sort((one, other) => one - other),
      ).toEqual(having);
    }),
  );
});

test('a pack that cannot be read damages the archives in it; a store that is away damages none', async () => {
  const inOne = archiveOf(1, [{ pack: 'one', start: 0, length: 900 }], 100);
  const inTwo = archiveOf(2, [{ pack: 'two', start: 0, length: 900 }], 100);
  expect([...(await proveSegments(packs('one'), [inOne, inTwo])).damaged.keys()]).toEqual([1]);
  const read = () => Promise.reject(new Failure('store_unreachable', 'away'));
  await failureOf(proveSegments({ read }, [inOne]), 'store_unreachable');
});

test('a sector that the disk cannot read damages the archives that have it; a disk that reads nothing damages none', async () => {
  const unreadable = new Failure('store_unreachable', 'the disk says EIO', { facts: { errno: 'EIO' } });
  const { read } = packs();
  const failing = (asked: PackRange): Promise<Uint8Array> =>
    asked.pack === 'one' && asked.start < 512 && asked.start + asked.length > 400
      ? Promise.reject(unreadable)
      : read(asked);
  const bad = archiveOf(1, [{ pack: 'one', start: 0, length: 900 }], 100);
  const beside = archiveOf(2, [{ pack: 'one', start: 600, length: 300 }], 100);
  const elsewhere = archiveOf(3, [{ pack: 'two', start: 0, length: 900 }], 100);
  const { damaged } = await proveSegments({ read: failing }, [bad, beside, elsewhere]);
  expect(Array.from(damaged, ([id, segments]) => [id, segments.map(({ offset }) => offset)])).toEqual([
    [1, [400, 500]],
  ]);
  const gone = () => Promise.reject(unreadable);
  expect(await failureOf(proveSegments({ read: gone }, [bad, elsewhere]), 'store_unreachable')).toBe(unreadable);
});

test('an archive whose parts cannot be listed is named, and the others are proven', async () => {
  const unlisted = {
    ...archiveOf(1, [{ pack: 'one', start: 0, length: 900 }], 100),
    segments: () => ({
      [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Failure('archive_damaged', 'no index')) }),
    }),
  };
  const good = archiveOf(4, [{ pack: 'one', start: 100, length: 700 }], 100);
  const proof = await proveSegments(packs(), [unlisted, good]);
  expect(Array.from(proof.unlisted, ([id, { code }]) => [id, code])).toEqual([[1, 'archive_damaged']]);
  expect(proof.damaged.has(4)).toBe(false);
});
