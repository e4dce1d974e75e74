/** The ISA-L engine: stateless deflate with a full flush, so that each call stands alone. */
import zlib from 'node:zlib';
import { MEBIBYTE } from '../../base/sizes.ts';
import type { CompressionLevel } from '../contract.ts';
import { type DeflateEngine, store, storedLength } from './deflate.ts';
import { deflateRuns } from './deflate-run.ts';
import { addressOf, fixedMemory, isalFunction, makeIsalChecksum } from './isal-library.ts';

/** sizeof(struct isal_zstream) is below 90 KiB; what lies behind the head is the library's own. */
const STREAM_BYTES = 128 * 1024;
/** ISAL_DEF_LVL1_EXTRA_LARGE is 548 KiB at most, ISAL_DEF_LVL3_EXTRA_LARGE about 700 KiB. */
const LEVEL_BUFFER_BYTES = MEBIBYTE;
const FULL_FLUSH = 2;
const COMP_OK = 0;

const FIELD = {
  nextIn: 0,
  availIn: 8,
  nextOut: 16,
  availOut: 24,
  totalOut: 28,
  level: 40,
  levelBytes: 44,
  levelBuffer: 48,
};
const FLUSH_FIELD = 58;

/** ISA-L's own levels: 1 is as small as zlib's 1 at many times its speed, 3 is its smallest. */
const LEVEL: Readonly<Record<Exclude<CompressionLevel, 'none'>, number>> = { fast: 1, best: 3 };

/** The engine for one thread, or undefined when this host has no ISA-L. */
export function makeIsalEngine(level: CompressionLevel): DeflateEngine | undefined {
  const init = isalFunction('void isal_deflate_stateless_init(void *stream)');
  const deflate = isalFunction('int isal_deflate_stateless(void *stream)');
  if (init === undefined || deflate === undefined) return undefined;
  const crc32 = makeIsalChecksum() ?? zlib.crc32;
  if (level === 'none') return { name: 'isal', deflate: store, crc32 };
  const stream = fixedMemory(STREAM_BYTES);
  const levelBuffer = fixedMemory(LEVEL_BUFFER_BYTES);
  const deflateRun = (input: Uint8Array, output: Uint8Array): number | undefined => {
    if (input.length === 0) return 0;
    init(stream);
    stream.writeBigUInt64LE(addressOf(input), FIELD.nextIn);
    stream.writeUInt32LE(input.length, FIELD.availIn);
    stream.writeBigUInt64LE(addressOf(output), FIELD.nextOut);
    stream.writeUInt32LE(output.length, FIELD.availOut);
    stream.writeUInt32LE(LEVEL[level], FIELD.level);
    stream.writeUInt32LE(levelBuffer.length, FIELD.levelBytes);
    stream.writeBigUInt64LE(addressOf(levelBuffer), FIELD.levelBuffer);
    stream.writeUInt16LE(FULL_FLUSH, FLUSH_FIELD);
    const code: unknown = deflate(stream);
    // Incompressible input may overflow the room for it.
    return code === COMP_OK && stream.readUInt32LE(FIELD.availIn) === 0
      ? stream.readUInt32LE(FIELD.totalOut)
      : undefined;
  };
  // `best` deflates everything: on jars, guessing costs 2 % of size.
  const whole: DeflateEngine['deflate'] = (input, output) =>
    deflateRun(input, output.subarray(0, storedLength(input.length))) ?? store(input, output);
  return { name: 'isal', deflate: level === 'fast' ? deflateRuns(deflateRun) : whole, crc32 };
}
