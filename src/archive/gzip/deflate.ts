/**
 * The interface of both engines: raw deflate blocks (RFC 1951) that refer to nothing before them, end on a byte boundary
 * and have no final block, so that they can be joined.
 */
import type { EngineName } from '../contract.ts';

export interface DeflateEngine {
  readonly name: EngineName;
  /**
   * Deflates `input` into `output`.
   *
   * @param output at least `storedLength(input.length)` bytes: no engine needs more, however bad the input.
   * @returns the bytes written.
   */
  deflate(input: Uint8Array, output: Uint8Array): number;
  /** The CRC-32 of some bytes. */
  crc32(bytes: Uint8Array): number;
}

/** RFC 1951, 3.2.4: a stored block holds at most 65,535 bytes behind five bytes of header. */
const STORED_BLOCK = 65535;
const STORED_HEADER = 5;

/** What `input` bytes take when they are stored as they are. */
export function storedLength(input: number): number {
  return input + Math.ceil(input / STORED_BLOCK) * STORED_HEADER;
}

/**
 * Writes bytes as stored blocks.
 *
 * @returns the bytes written.
 */
export function store(input: Uint8Array, output: Uint8Array): number {
  return storeRange(Buffer.from(input.buffer, input.byteOffset, input.length), 0, input.length, output, 0);
}

/** As `store`, of a range of the input to a place of the output. */
export function storeRange(input: Buffer, from: number, to: number, output: Uint8Array, offset: number): number {
  const memory = Buffer.from(input.buffer);
  let at = offset;
  for (let start = from; start < to; start += STORED_BLOCK) {
    const length = Math.min(STORED_BLOCK, to - start);
    output[at] = 0;
    output[at + 1] = length & 0xff;
    output[at + 2] = length >>> 8;
    output[at + 3] = ~length & 0xff;
    output[at + 4] = (~length >>> 8) & 0xff;
    // Not `set`, which goes byte by byte into shared memory; nor `copy` of a Buffer from its beginning to its end, which is
    // the same. Runs of a vault's archives are short, and each is all of its Buffer.
    memory.copy(output, at + STORED_HEADER, input.byteOffset + start, input.byteOffset + start + length);
    at += STORED_HEADER + length;
  }
  return at - offset;
}
