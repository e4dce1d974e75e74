/**
 * The portable engine: zlib's raw deflate behind a look at each 4 KiB block. What game servers keep is mostly
 * compressed already (region files, jars, pictures); zlib spends nearly all its time on finding that out, so such
 * runs are stored as they are, which is as fast as copying and not larger.
 */
import { crc32 } from 'node:zlib';
import type { CompressionLevel } from './contract.ts';
import { store, storedLength } from './deflate.ts';
import type { DeflateEngine } from './deflate.ts';
import { makeDeflateRun } from './deflate-run.ts';

/** Region files keep their compressed chunks in sectors of this size. */
const BLOCK = 4096;
/** Every fourth byte tells enough: 1,024 samples a block. */
const STRIDE = 4;
const SAMPLES = BLOCK / STRIDE;
/**
 * Sum of squared byte counts, above which a block looks compressible. 1,024 samples of random bytes give
 * 1,024 + 1,024 * 1,023 / 256 = 5,116 on average, with a deviation of about 64; text gives over 40,000.
 */
const COMPRESSIBLE = 6100;

export function makeZlibEngine(level: CompressionLevel): DeflateEngine {
  if (level === 'none') return { name: 'zlib', deflate: store, crc32 };
  const deflateRun = makeDeflateRun(level === 'fast' ? 1 : 9);
  const counts = new Uint16Array(256);
  return {
    name: 'zlib',
    crc32,
    deflate(input, output) {
      const room = output.subarray(0, storedLength(input.length));
      let at = 0;
      for (const run of runs(input, counts)) {
        const bytes = input.subarray(run.start, run.end);
        const stored = storedLength(bytes.length);
        const deflated = run.compressible ? deflateRun(bytes, room.subarray(at, at + stored - 1)) : undefined;
        // Many short stored runs have more headers between them than one long one, and room is for that.
        if (deflated === undefined && at + stored > room.length) return store(input, output);
        at += deflated ?? store(bytes, output, at);
      }
      return at;
    },
  };
}

interface Run {
  readonly start: number;
  end: number;
  readonly compressible: boolean;
}

/** Splits input into runs of blocks of one kind. */
function runs(input: Uint8Array, counts: Uint16Array): Run[] {
  const found: Run[] = [];
  for (let start = 0; start < input.length; start += BLOCK) {
    const end = Math.min(start + BLOCK, input.length);
    const compressible = looksCompressible(input, start, end, counts);
    const last = found.at(-1);
    if (last?.compressible === compressible) last.end = end;
    else found.push({ start, end, compressible });
  }
  return found;
}

function looksCompressible(input: Uint8Array, start: number, end: number, counts: Uint16Array): boolean {
  if (end - start < BLOCK) return true;
  counts.fill(0);
  for (let index = start; index < end; index += STRIDE) {
    const byte = input[index] ?? 0;
    counts[byte] = (counts[byte] ?? 0) + 1;
  }
  let sum = 0;
  for (let byte = 0; byte < 256; byte++) sum += (counts[byte] ?? 0) ** 2;
  return sum > COMPRESSIBLE * (SAMPLES / 1024);
}
