import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { allocateParts, type Extent } from '../../../src/base/files/file-parts.ts';
import { PartsReader, readExtents } from '../../../src/base/files/part-reads.ts';
import { MOST_WITH_GAPS, placed, planReads } from '../../../src/base/files/read-plan.ts';
import { findPageAdvice, PAGE_ADVICE } from '../../../src/base/files/page-advice.ts';
import { scratchDirectory } from '../../support/scratch.ts';

const LENGTH = 600_000;

async function files(count: number) {
  const directory = await scratchDirectory();
  return Array.from({ length: count }, (_, number) => {
    const [path, bytes] = [join(directory, String(number)), randomBytes(LENGTH)];
    fs.writeFileSync(path, bytes);
    const descriptor = fs.openSync(path, 'r');
    onTestFinished(() => fs.closeSync(descriptor));
    return { descriptor, bytes };
  });
}

const extent = fc.record({
  file: fc.nat(2),
  offset: fc.nat(LENGTH - 1),
  length: fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 1, max: 20_000 }) }, fc.integer({ min: 1, max: LENGTH })),
});
/** In the order of the file for the most part, as a vault has them. */
const extents = fc
  .tuple(fc.array(extent, { maxLength: 60 }), fc.boolean())
  .map(([some, sorted]) => (sorted ? some.toSorted((one, other) => one.offset - other.offset) : some))
  .map((some) => some.map((each) => ({ ...each, length: Math.min(each.length, LENGTH - each.offset) })));

test('parts in any order, overlapping or not, come out as they lie, into shared memory too', async () => {
  const open = await files(3);
  fc.assert(
    fc.property(extents, fc.boolean(), (some, shared) => {
      const asked: Extent[] = some.map(({ file, ...place }) => ({
        descriptor: open[file]?.descriptor ?? -1,
        ...place,
      }));
      const expected = Buffer.concat(
        some.map(({ file, offset, length }) => open[file]?.bytes.subarray(offset, offset + length) ?? Buffer.alloc(0)),
      );
      const memory = shared ? new SharedArrayBuffer(expected.length) : new ArrayBuffer(expected.length);
      expect(Buffer.from(readExtents(asked, new Uint8Array(memory))).equals(expected)).toBe(true);
      for (const { length, pieces } of planReads(placed(asked))) {
        if (pieces.length > 1) expect(length).toBeLessThanOrEqual(MOST_WITH_GAPS);
      }
    }),
  );
});

test('parts that are partly on the disk only come out as they lie', async () => {
  const [file] = await files(1);
  if (file === undefined) throw new TypeError('there is one');
  const { descriptor, bytes } = file;
  fs.fsyncSync(descriptor);
  const asked = [0, 3, 1, 2].map((part) => ({ descriptor, offset: part * 150_000, length: 140_000 }));
  const expected = Buffer.concat(asked.map(({ offset, length }) => bytes.subarray(offset, offset + length)));
  // Each time less of it is in memory, where the file system has a page cache; of the last, nothing.
  for (const dropped of [100_000, 300_000, LENGTH]) {
    findPageAdvice()?.(descriptor, 0, dropped, PAGE_ADVICE.notNeeded);
    expect(Buffer.from(readExtents(asked, new Uint8Array(expected.length))).equals(expected)).toBe(true);
  }
});

test('a part that its file no longer has is damage, wherever the others lie', async () => {
  const [file] = await files(1);
  const descriptor = file?.descriptor ?? -1;
  const parts = [0, LENGTH - 10, 1000].map((offset) => ({ descriptor, offset, length: 20 }));
  expect(() => readExtents(parts, Buffer.alloc(60))).toThrow(`it ends at byte ${LENGTH}`);
});

test('V5: parts that take turns between files are read in one go for each file, as far as their gaps are short', () => {
  const asked: Extent[] = [];
  for (let part = 0; part < 20; part++) {
    asked.push({ descriptor: 1, offset: part * 12_000, length: 8000 });
    asked.push({ descriptor: 2, offset: 500_000 + part * 4000, length: 4000 });
  }
  const reads = planReads(placed(asked));
  expect(reads.map(({ descriptor, pieces }) => [descriptor, pieces.length])).toEqual([
    [1, 20],
    [2, 20],
  ]);
  const apart = asked.map(({ descriptor, offset, length }) => ({ descriptor, offset: offset * 10, length }));
  expect(planReads(placed(apart))).toHaveLength(40);
});

test('an offset inside a part, and the end of the last one', async () => {
  const [one, other] = await files(2);
  if (one === undefined || other === undefined) throw new TypeError('there are two');
  const parts = { ...allocateParts(2), descriptors: [one.descriptor, other.descriptor] };
  parts.ends.set([1000, 3000]);
  parts.file.set([1, 0]);
  parts.start.set([50, 7]);
  const whole = Buffer.concat([other.bytes.subarray(50, 1050), one.bytes.subarray(7, 2007)]);
  expect(new PartsReader(parts).read(900, Buffer.alloc(2100)).equals(whole.subarray(900))).toBe(true);
  expect(() => new PartsReader(parts).read(2999, Buffer.alloc(2))).toThrow('it ends before byte 3001');
});

test('an archive of which nothing is in memory is read through, and read again, as it lies', async () => {
  const open = await files(3);
  const parts = { ...allocateParts(90), descriptors: open.map(({ descriptor }) => descriptor) };
  const whole: Buffer[] = [];
  for (let part = 0; part < 90; part++) {
    const [file, start] = [part % 3, Math.floor(part / 3) * 19_000];
    parts.ends[part] = (part + 1) * 15_000;
    parts.file[part] = file;
    parts.start[part] = start;
    whole.push(open[file]?.bytes.subarray(start, start + 15_000) ?? Buffer.alloc(0));
  }
  const expected = Buffer.concat(whole);
  for (const { descriptor } of open) {
    fs.fsyncSync(descriptor);
    findPageAdvice()?.(descriptor, 0, 0, PAGE_ADVICE.notNeeded);
  }
  const reader = new PartsReader(parts);
  const got: Buffer[] = [];
  for (let at = 0; at < expected.length; at += 100_000) {
    got.push(reader.read(at, Buffer.alloc(Math.min(100_000, expected.length - at))));
  }
  expect(Buffer.concat(got).equals(expected)).toBe(true);
});
