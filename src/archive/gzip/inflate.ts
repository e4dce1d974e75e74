/** Inflates one segment: the counterpart of deflate.ts. */
import { constants, crc32, inflateRaw, inflateRawSync } from 'node:zlib';
import { promisify } from 'node:util';
import { MEBIBYTE } from '../../base/sizes.ts';
import { Failure } from '../../base/failure.ts';
import { storedLength } from './deflate.ts';
import {
  type Checksum,
  addressOf,
  fixedMemory,
  INFLATE_STATE,
  INFLATE_STATE_BYTES,
  isalFunction,
  makeIsalChecksum,
} from './isal-library.ts';
import { ZEROS } from '../tar/zeros.ts';
import { isZeroSegment, zeroSegment } from './zero-segment.ts';
import type { Segment } from '../index/format.ts';

const inflateRawAsync = promisify(inflateRaw);

/** Raw bytes that a segment may have (docs/archive-format.md); writers stay well below. */
export const MAX_SEGMENT = 2 * MEBIBYTE;
/** Stored bytes of such a segment at worst. */
export const MAX_STORED_SEGMENT = storedLength(MAX_SEGMENT);

const STORED_HEADER = 5;

/** Inflates segments one after another; each thread has its own. */
export class SegmentInflater {
  readonly #isal = makeIsalInflater();
  readonly #crc32 = makeIsalChecksum() ?? crc32;
  readonly #output = fixedMemory(MAX_SEGMENT);

  /**
   * The raw bytes of a segment; read only, and valid until the next call.
   *
   * @throws Failure `archive_damaged` when they are not what the index says.
   */
  inflate(stored: Uint8Array, segment: Segment): Uint8Array {
    checkLengths(segment);
    // Equal bytes need no sums: they inflate to the zeros that these sums are of.
    if (isZeroSegment(segment) && zeroSegment().stored.equals(stored)) return ZEROS;
    if (this.#crc32(stored) !== segment.crcStored) throw segmentDamaged(segment, 'its stored bytes have changed');
    return checkRaw(this.#rawBytes(stored, segment), segment, this.#crc32);
  }

  #rawBytes(stored: Uint8Array, segment: Segment): Uint8Array {
    const output = this.#output.subarray(0, segment.rawLength);
    if (unstore(stored, output)) return output;
    if (this.#isal === undefined) return inflateSync(stored, segment);
    const length = this.#isal(stored, output);
    if (length === undefined) throw segmentDamaged(segment, 'it does not inflate');
    return output.subarray(0, length);
  }
}

/** The same in Node's thread pool, into new memory. */
export async function inflateSegmentAsync(stored: Uint8Array, segment: Segment): Promise<Uint8Array> {
  checkLengths(segment);
  if (crc32(stored) !== segment.crcStored) throw segmentDamaged(segment, 'its stored bytes have changed');
  try {
    return checkRaw(await inflateRawAsync(stored, optionsFor(segment)), segment, crc32);
  } catch (error) {
    throw error instanceof Failure ? error : segmentDamaged(segment, 'it does not inflate', error);
  }
}

function inflateSync(stored: Uint8Array, segment: Segment): Uint8Array {
  try {
    return inflateRawSync(stored, optionsFor(segment));
  } catch (error) {
    throw segmentDamaged(segment, 'it does not inflate', error);
  }
}

function optionsFor(segment: Segment) {
  const { rawLength } = segment;
  // One chunk of the right length: zlib would else join many small ones.
  return {
    finishFlush: constants.Z_SYNC_FLUSH,
    maxOutputLength: rawLength + 1,
    chunkSize: Math.max(rawLength + 1, 64),
  };
}

function checkRaw<Bytes extends Uint8Array>(raw: Bytes, segment: Segment, checksum: Checksum): Bytes {
  if (raw.length !== segment.rawLength) throw segmentDamaged(segment, `it inflates to ${raw.length} bytes`);
  if (checksum(raw) !== segment.crcRaw) throw segmentDamaged(segment, 'its content does not match its checksum');
  return raw;
}

/**
 * Copies the content of a segment of stored blocks only; false for others. Incompressible files are stored so, and
 * copying is many times faster than zlib.
 */
function unstore(stored: Uint8Array, output: Uint8Array): boolean {
  const bytes = Buffer.from(stored.buffer, stored.byteOffset, stored.length);
  let to = 0;
  for (let at = 0; at < stored.length;) {
    const length = (stored[at + 1] ?? 0) | ((stored[at + 2] ?? 0) << 8);
    const check = (stored[at + 3] ?? 0) | ((stored[at + 4] ?? 0) << 8);
    const end = at + STORED_HEADER + length;
    // Of the first byte's bits, three are the block's type; an encoder may leave the rest to the padding.
    if (stored[at] !== 0 || (length ^ check) !== 0xffff) return false;
    if (end > stored.length || to + length > output.length) return false;
    // Not `set`: V8 copies shared memory byte by byte, a tenth as fast.
    bytes.copy(output, to, at + STORED_HEADER, end);
    to += length;
    at = end;
  }
  return to === output.length;
}

/** @throws Failure `archive_damaged` unless a segment's lengths are believable: they come from a file. */
export function checkLengths(segment: Segment): void {
  if (segment.rawLength > MAX_SEGMENT || segment.length > MAX_STORED_SEGMENT) {
    throw segmentDamaged(segment, 'the index gives it an impossible length');
  }
}

export function segmentDamaged(segment: Segment, what: string, cause?: unknown): Failure {
  const { offset, length } = segment;
  return new Failure('archive_damaged', `Cannot read the archive: the segment at byte ${offset} is damaged, ${what}`, {
    facts: { offset, length },
    cause,
    hint: 'Restore from another backup; this one no longer holds what was stored.',
  });
}

/** Inflates raw deflate blocks; returns the bytes made, or undefined when they are malformed or do not fit. */
type InflateInto = (stored: Uint8Array, output: Uint8Array) => number | undefined;

/** Two to three times as fast as zlib, and into memory that exists already; undefined when this host has no ISA-L. */
function makeIsalInflater(): InflateInto | undefined {
  const init = isalFunction('void isal_inflate_init(void *state)');
  const inflate = isalFunction('int isal_inflate(void *state)');
  if (init === undefined || inflate === undefined) return undefined;
  const state = fixedMemory(INFLATE_STATE_BYTES);
  return (stored, output) => {
    if (stored.length === 0) return 0;
    init(state);
    state.writeBigUInt64LE(addressOf(output), INFLATE_STATE.nextOut);
    state.writeUInt32LE(output.length, INFLATE_STATE.availOut);
    state.writeBigUInt64LE(addressOf(stored), INFLATE_STATE.nextIn);
    state.writeUInt32LE(stored.length, INFLATE_STATE.availIn);
    const code: unknown = inflate(state);
    return code === 0 ? state.readUInt32LE(INFLATE_STATE.totalOut) : undefined;
  };
}
