/** What is asked of the disk before it is read. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { allocateParts } from '../../../src/base/files/file-parts.ts';
import { LARGEST_WINDOW, ReadAhead } from '../../../src/base/files/read-ahead.ts';
import { MEBIBYTE } from '../../../src/base/sizes.ts';

const PART = 20_000;

/** An archive whose parts take turns between files, and in each of which lies a gap behind every part. */
function archive(parts: number, files: number, gap: number) {
  const table = { ...allocateParts(parts), descriptors: Array.from({ length: files }, (_, file) => file) };
  for (let part = 0; part < parts; part++) {
    table.ends[part] = (part + 1) * PART;
    table.file[part] = part % files;
    table.start[part] = Math.floor(part / files) * (PART + gap);
  }
  return table;
}

test('bytes that are read in order from a disk are all asked for before they are read, each once, and not too early', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.integer({ min: 1, max: 2 * MEBIBYTE }), { minLength: 20 }),
      (files, reads) => {
        // A gap that is too long to be read with the others.
        const parts = archive(2000, files, 100_000);
        const size = 2000 * PART;
        const ahead = new ReadAhead(parts);
        const asked = new Set<string>();
        let at = 0;
        for (const [index, length] of reads.entries()) {
          const end = Math.min(size, at + length);
          if (index > 1) {
            for (let part = Math.ceil(at / PART); (part + 1) * PART <= Math.min(end, at + MEBIBYTE / 2); part++) {
              expect(asked.has(`${parts.file[part]} ${parts.start[part]}`)).toBe(true);
            }
          }
          for (const { descriptor, offset, length: bytes } of ahead.next(at, end - at, true)) {
            const row = Math.floor(offset / (PART + 100_000));
            expect(offset - row * (PART + 100_000) + bytes).toBeLessThanOrEqual(PART);
            const part = row * files + descriptor;
            expect(part * PART).toBeLessThan(end + LARGEST_WINDOW);
            const key = `${descriptor} ${offset}`;
            expect(asked.has(key)).toBe(false);
            asked.add(key);
            // Asked for from within, the whole part counts as asked for.
            asked.add(`${parts.file[part]} ${parts.start[part]}`);
          }
          at = end;
          if (at === size) break;
        }
      },
    ),
    { numRuns: 25 },
  );
});

test('parts of one file with short gaps between them are asked for in one go', () => {
  const ahead = new ReadAhead(archive(2000, 4, 1000));
  ahead.next(0, MEBIBYTE, true);
  const asked = ahead.next(MEBIBYTE, MEBIBYTE, true);
  expect([asked.length, new Set(asked.map(({ descriptor }) => descriptor))]).toEqual([4, new Set([0, 1, 2, 3])]);
});

test('nothing is asked for while all is in memory, by a first read, or by reads that jump', () => {
  const ahead = new ReadAhead(archive(2000, 3, 0));
  for (let at = 0; at < 20; at++) expect(ahead.next(at * MEBIBYTE, MEBIBYTE, false)).toEqual([]);
  const jumping = new ReadAhead(archive(2000, 3, 0));
  for (const at of [30, 3, 20, 1, 10]) expect(jumping.next(at * MEBIBYTE, 1000, true)).toEqual([]);
});

test('reads that go on find what was asked for in memory, and more is asked for, until long nothing was missed', () => {
  const ahead = new ReadAhead(archive(20_000, 3, 0));
  const counts = Array.from({ length: 200 }, (_, at) => ahead.next(at * MEBIBYTE, MEBIBYTE, at < 2).length);
  expect(counts.slice(0, 60).filter(Boolean).length).toBeGreaterThan(5);
  expect(counts.slice(70).every((count) => count === 0)).toBe(true);
});

test('the end of the archive is not passed', () => {
  const parts = archive(60, 2, 0);
  const ahead = new ReadAhead(parts);
  ahead.next(0, 1_000_000, true);
  const [first, second] = ahead.next(1_000_000, 100_000, true);
  expect((first?.length ?? 0) + (second?.length ?? 0)).toBe(100_000);
  expect(ahead.next(1_100_000, 100_000, true)).toEqual([]);
});
