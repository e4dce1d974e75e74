/** Inflating with ISA-L: two to three times as fast as zlib, and into memory that is there already. */
import { addressOf, fixedMemory, loadIsal } from './isal-library.ts';

/** sizeof(struct inflate_state) is below 90 KiB. */
const STATE_BYTES = 256 * 1024;
const FIELD = { nextOut: 0, availOut: 8, totalOut: 12, nextIn: 16, availIn: 32 };

/** Inflates raw deflate blocks; returns the bytes made, or undefined when they are malformed or do not fit. */
export type InflateInto = (stored: Uint8Array, output: Uint8Array) => number | undefined;

/** An inflater for one thread; undefined when this host has no ISA-L. */
export function makeIsalInflater(): InflateInto | undefined {
  const library = loadIsal();
  if (library === undefined) return undefined;
  const init = library.func('void isal_inflate_init(void *state)');
  const inflate = library.func('int isal_inflate(void *state)');
  const state = fixedMemory(STATE_BYTES);
  return (stored, output) => {
    if (stored.length === 0) return 0;
    init(state);
    state.writeBigUInt64LE(addressOf(output), FIELD.nextOut);
    state.writeUInt32LE(output.length, FIELD.availOut);
    state.writeBigUInt64LE(addressOf(stored), FIELD.nextIn);
    state.writeUInt32LE(stored.length, FIELD.availIn);
    const code: unknown = inflate(state);
    return code === 0 ? state.readUInt32LE(FIELD.totalOut) : undefined;
  };
}
