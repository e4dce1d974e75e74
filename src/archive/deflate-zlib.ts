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
/**
 * How often two samples are equal, above which bytes look compressible: 1 in 256 of random bytes, 1 in 25 of text. With
 * 1,024 samples random bytes stay within 1 in 215; with the 64 of the shortest start of a block, within 1 in 135.
 */
const COMPRESSIBLE = { block: 1 / 206, start: 1 / 138 };
/** Fewer zeros at the end of a block are not worth a run of their own, nor are fewer bytes before them. */
const LEAST_ZEROS = 64;
const LEAST_START = 256;

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

/** Splits input into runs of one kind: whole blocks, but for the zeros that fill up the last sector of a chunk. */
function runs(input: Uint8Array, counts: Uint16Array): Run[] {
  const found: Run[] = [];
  const add = (start: number, end: number, compressible: boolean): void => {
    const last = found.at(-1);
    if (last?.compressible === compressible) last.end = end;
    else found.push({ start, end, compressible });
  };
  for (let start = 0; start < input.length; start += BLOCK) {
    const end = Math.min(start + BLOCK, input.length);
    if (end - start < BLOCK || chanceOfEqual(input, start, end, counts) > COMPRESSIBLE.block) {
      const padding = startOfPadding(input, start, end, counts);
      if (padding > start) add(start, padding, false);
      add(padding, end, true);
    } else add(start, end, false);
  }
  return found;
}

/** The chance that two different samples of these bytes are equal; leaves their numbers in `counts`. */
function chanceOfEqual(input: Uint8Array, start: number, end: number, counts: Uint16Array): number {
  counts.fill(0);
  for (let index = start; index < end; index += STRIDE) {
    const byte = input[index] ?? 0;
    counts[byte] = (counts[byte] ?? 0) + 1;
  }
  let sum = 0;
  for (let byte = 0; byte < 256; byte++) sum += (counts[byte] ?? 0) ** 2;
  const samples = Math.ceil((end - start) / STRIDE);
  return (sum - samples) / samples ** 2;
}

/**
 * Where the zeros begin that follow incompressible bytes in a block; `start` when it is no such block. Each chunk of a
 * region file ends in one, and to build codes for its random half took zlib longer than all the rest of the file.
 */
function startOfPadding(input: Uint8Array, start: number, end: number, counts: Uint16Array): number {
  let padding = end;
  while (padding > start && input[padding - 1] === 0) padding--;
  if (end - padding < LEAST_ZEROS || padding - start < LEAST_START) return start;
  return chanceOfEqual(input, start, padding, counts) > COMPRESSIBLE.start ? start : padding;
}
