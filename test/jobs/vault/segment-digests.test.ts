import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SegmentDigests } from '../../../src/jobs/vault/segment-digests.ts';

const LENGTH = 200;

test('each segment is known again, however the archive was cut while it was read, and nothing else is', () => {
  const cut = fc.uniqueArray(fc.integer({ min: 1, max: LENGTH - 1 }), { maxLength: 8 });
  fc.assert(
    fc.property(cut, cut, fc.nat(LENGTH), (edges, pieces, changed) => {
      const bytes = randomBytes(LENGTH);
      const sorted = [0, ...edges.sort((one, other) => one - other), LENGTH];
      // Every second stretch is one that is kept.
      const segments = sorted.flatMap((offset, at) =>
        at % 2 === 1 || at + 1 === sorted.length ? [] : [{ offset, length: (sorted[at + 1] ?? 0) - offset, crc: 0 }],
      );
      const digests = new SegmentDigests(segments);
      let from = 0;
      for (const to of [...pieces.sort((one, other) => one - other), LENGTH]) {
        digests.add(from, bytes.subarray(from, to));
        from = to;
      }
      for (const [index, { offset, length }] of segments.entries()) {
        const segment = Buffer.from(bytes.subarray(offset, offset + length));
        expect(digests.has(index, segment)).toBe(true);
        const at = changed % length;
        segment[at] = (segment[at] ?? 0) ^ 1;
        expect(digests.has(index, segment)).toBe(false);
      }
      expect(digests.has(segments.length, Buffer.alloc(0))).toBe(false);
    }),
  );
});

test('of a segment that did not come to its end, nothing is known', () => {
  const digests = new SegmentDigests([{ offset: 5, length: 10, crc: 0 }]);
  digests.add(0, Buffer.alloc(12));
  for (const length of [7, 10]) expect(digests.has(0, Buffer.alloc(length))).toBe(false);
});
