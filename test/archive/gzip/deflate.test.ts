import { constants, crc32, inflateRawSync } from 'node:zlib';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { CompressionLevel } from '../../../src/archive/contract.ts';
import { makeIsalEngine } from '../../../src/archive/gzip/deflate-isal.ts';
import { heldCompressor, newCompressorEachTime } from '../../../src/archive/gzip/deflate-run.ts';
import { makeZlibEngine, makeEngine, selectedEngine } from '../../../src/archive/gzip/engine.ts';
import { type DeflateEngine, storedLength } from '../../../src/archive/gzip/deflate.ts';
import { randomBytes } from '../../support/random-bytes.ts';

const ISAL = makeIsalEngine('fast') === undefined ? undefined : 'isal';
const LEVELS: readonly CompressionLevel[] = ['none', 'fast', 'best'];
const FINAL_BLOCK = Buffer.from([3, 0]);

const engines = LEVELS.flatMap((level) => [
  { name: 'zlib', level, make: () => makeZlibEngine(level) },
  { name: 'isal', level, make: () => makeIsalEngine(level) },
]);

/** What a game server's bytes are like: text, runs, counters, and much that is compressed already. */
const stretch = fc.oneof(
  fc.record({ kind: fc.constant('random' as const), length: fc.integer({ min: 1, max: 9000 }), seed: fc.nat() }),
  fc.record({ kind: fc.constant('text' as const), length: fc.integer({ min: 1, max: 9000 }), seed: fc.nat() }),
  fc.record({ kind: fc.constant('run' as const), length: fc.integer({ min: 1, max: 70_000 }), seed: fc.nat(255) }),
  fc.record({ kind: fc.constant('count' as const), length: fc.integer({ min: 1, max: 9000 }), seed: fc.nat() }),
);
const mixtures = fc.array(stretch, { maxLength: 12 }).map((stretches) => Buffer.concat(stretches.map(bytesOf)));

function bytesOf({ kind, length, seed }: { kind: 'random' | 'text' | 'run' | 'count'; length: number; seed: number }) {
  if (kind === 'random') return randomBytes(length, seed);
  if (kind === 'run') return Buffer.alloc(length, seed);
  if (kind === 'text')
    return Buffer.from(`[12:00:${seed % 60}] player ${seed} joined\n`.repeat(length)).subarray(0, length);
  return Buffer.from(Uint32Array.from({ length: Math.ceil(length / 4) }, (_, index) => seed + index).buffer);
}

function deflated(engine: DeflateEngine, input: Uint8Array): Buffer {
  // Garbage where it must not be written, and no byte more than an engine may ask for.
  const output = Buffer.alloc(storedLength(input.length) + 64, 0xa5);
  const length = engine.deflate(input, output.subarray(0, storedLength(input.length)));
  expect(output.subarray(storedLength(input.length)).every((byte) => byte === 0xa5)).toBe(true);
  return Buffer.from(output.subarray(0, length));
}

describe.for(engines)('$name, level $level', ({ make }) => {
  const engine = make();

  test.skipIf(engine === undefined)('gives every mixture back, within the bound, whatever came before', () => {
    if (engine === undefined) return;
    fc.assert(
      fc.property(mixtures, mixtures, (first, second) => {
        const [one, other] = [deflated(engine, first), deflated(engine, second)];
        expect(one.length).toBeLessThanOrEqual(storedLength(first.length));
        // Each by itself: nothing refers to the call before.
        expect(inflateRawSync(Buffer.concat([other, FINAL_BLOCK])).equals(second)).toBe(true);
        // Joined: each ends on a byte boundary and without a final block.
        expect(inflateRawSync(Buffer.concat([one, other, FINAL_BLOCK])).equals(Buffer.concat([first, second]))).toBe(
          true,
        );
      }),
      { numRuns: 60 },
    );
  });

  test.skipIf(engine === undefined)(
    'stores what cannot be compressed at the cost of stored blocks, and no more',
    () => {
      if (engine === undefined) return;
      for (const length of [1, 100, 4096, 65_535, 65_536, 1_200_000]) {
        const input = randomBytes(length, length);
        const output = deflated(engine, input);
        expect(output.length).toBeLessThanOrEqual(storedLength(length));
        expect(inflateRawSync(output, { finishFlush: constants.Z_SYNC_FLUSH }).equals(input)).toBe(true);
      }
    },
  );

  test.skipIf(engine === undefined)('makes nothing of nothing', () => {
    expect(engine?.deflate(Buffer.alloc(0), Buffer.alloc(0))).toBe(0);
  });
});

test('both engines shrink what can be shrunk', () => {
  const text = Buffer.from('[12:00:00] [Server thread/INFO]: Saving chunks for level overworld\n'.repeat(5000));
  for (const engine of [
    makeZlibEngine('fast'),
    makeIsalEngine('fast'),
    makeZlibEngine('best'),
    makeIsalEngine('best'),
  ]) {
    if (engine !== undefined) expect(deflated(engine, text).length).toBeLessThan(text.length / 20);
  }
});

test('the zlib engine keeps its bound when compressible and incompressible blocks alternate', () => {
  const blocks = Array.from({ length: 280 }, (_, index) =>
    index % 2 === 0 ? randomBytes(4096, index) : barelyCompressible(index),
  );
  const input = Buffer.concat(blocks);
  const output = deflated(makeZlibEngine('fast'), input);
  expect(inflateRawSync(output, { finishFlush: constants.Z_SYNC_FLUSH }).equals(input)).toBe(true);
});

test('an engine stores a chunk and shrinks the zeros that fill up its last sector, also when it knows their length', () => {
  const lengths = [5000, 9000, 300, 12_000, 4500, 5000, 9000];
  const chunks = lengths.map((length, index) =>
    Buffer.concat([randomBytes(length, index), Buffer.alloc((4096 - (length % 4096)) % 4096)]),
  );
  const input = Buffer.concat(chunks);
  for (const engine of [makeZlibEngine('fast'), makeIsalEngine('fast')]) {
    if (engine === undefined) continue;
    const output = deflated(engine, input);
    expect(inflateRawSync(output, { finishFlush: constants.Z_SYNC_FLUSH }).equals(input)).toBe(true);
    // Of each chunk: its random bytes, the header of a stored run, and some thirty bytes for the zeros.
    expect(output.length).toBeLessThan(lengths.reduce((sum, length) => sum + length + 40, 0));
    expect(deflated(engine, input).equals(output)).toBe(true);
  }
});

/** Looks compressible to the samples (one byte in four from a small set), and hardly is. */
function barelyCompressible(seed: number): Buffer {
  const block = randomBytes(4096, seed);
  for (let index = 0; index < 4096; index += 4) block[index] = (block[index] ?? 0) % 200;
  return block;
}

test('a compressor that is held gives the same back as one that is made each time', () => {
  const held = heldCompressor(1);
  expect(held, 'this Node has no compressor of the known shape').toBeDefined();
  fc.assert(
    fc.property(mixtures, (input) => {
      fc.pre(input.length > 0);
      for (const run of [held, newCompressorEachTime(1)]) {
        const room = Buffer.alloc(2 * input.length + 64);
        const output = room.subarray(0, run?.(input, room) ?? 0);
        expect(inflateRawSync(output, { finishFlush: constants.Z_SYNC_FLUSH }).equals(input)).toBe(true);
      }
    }),
    { numRuns: 40 },
  );
});

test('a compressor whose output does not fit says so, and works on', () => {
  for (const run of [heldCompressor(9), newCompressorEachTime(9)]) {
    const text = Buffer.from('the same line again and again\n'.repeat(1000));
    const room = Buffer.alloc(storedLength(text.length));
    expect(run?.(randomBytes(20_000, 7), room.subarray(0, 15_000))).toBeUndefined();
    expect(run?.(text, room.subarray(0, 0))).toBeUndefined();
    const length = run?.(text, room) ?? 0;
    const back = inflateRawSync(room.subarray(0, length), { finishFlush: constants.Z_SYNC_FLUSH });
    expect(crc32(back)).toBe(crc32(text));
  }
});

describe('choosing an engine', () => {
  test('auto is ISA-L where it is installed, else zlib', () => {
    expect(selectedEngine('auto')).toBe(ISAL ?? 'zlib');
  });

  test('zlib is there everywhere', () => {
    expect(makeEngine('zlib', 'fast').name).toBe('zlib');
  });

  test.skipIf(ISAL === undefined)('isal by its name', () => {
    expect(makeEngine('isal', 'best').name).toBe('isal');
  });
});
