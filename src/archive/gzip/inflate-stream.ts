/** Inflates one raw deflate stream of any length by ISA-L, piece by piece, three times as fast as zlib. */
import { addressOf, fixedMemory, INFLATE_STATE, INFLATE_STATE_BYTES, isalFunction } from './isal-library.ts';

/** More bytes than an unfinished stream leaves unused: its longest symbol has fewer bits. */
const BEYOND_SYMBOL = 8;

export interface Step {
  /** Bytes made. */
  readonly made: number;
  /** The stream has ended; `left` is final. */
  readonly ended: boolean;
  /** Bytes at the end of all input so far that were not used. */
  readonly left: number;
}

export interface StreamInflater {
  /**
   * Goes on until the output is full, the input is used up, or the stream ends. While the output gets full, the same
   * input goes on: it must not move or change until a step leaves room in the output.
   *
   * The end shows only when bytes follow it, as gzip's trailer of eight does: the library's own mark of it lies in memory
   * whose layout is private.
   *
   * @param input what follows the input before; undefined to go on with that.
   * @returns undefined when the data is malformed.
   */
  step(input: Uint8Array | undefined, output: Uint8Array): Step | undefined;
}

/** undefined when this host has no ISA-L. */
export function makeStreamInflater(): StreamInflater | undefined {
  const init = isalFunction('void isal_inflate_init(void *state)');
  const inflate = isalFunction('int isal_inflate(void *state)');
  if (init === undefined || inflate === undefined) return undefined;
  const state = fixedMemory(INFLATE_STATE_BYTES);
  init(state);
  // Keeps the bytes alive that the state points to.
  let held: Uint8Array | undefined;
  return {
    step(input, output) {
      if (input !== undefined && input.length > 0) {
        held = input;
        state.writeBigUInt64LE(addressOf(input), INFLATE_STATE.nextIn);
        state.writeUInt32LE(input.length, INFLATE_STATE.availIn);
      }
      if (held === undefined) return { made: 0, ended: false, left: 0 };
      state.writeBigUInt64LE(addressOf(output), INFLATE_STATE.nextOut);
      state.writeUInt32LE(output.length, INFLATE_STATE.availOut);
      const code: unknown = inflate(state);
      // Positive codes ask for more input or more room.
      if (typeof code !== 'number' || code < 0) return undefined;
      const room = state.readUInt32LE(INFLATE_STATE.availOut);
      const unread = state.readUInt32LE(INFLATE_STATE.availIn);
      const read = Math.max(0, state.readInt32LE(INFLATE_STATE.readInLength) >> 3);
      // A stream that goes on reads all of its input.
      const ended = room > 0 && (unread > 0 || read >= BEYOND_SYMBOL);
      return { made: output.length - room, ended, left: unread + read };
    },
  };
}
