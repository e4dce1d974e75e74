/**
 * Deflates one run of bytes with node:zlib into existing memory.
 *
 * `deflateRawSync` allocates a compressor and buffers per call, which left 100 MiB of garbage at any time. The streams of
 * node:zlib have `_handle.writeSync`, which takes both buffers. It is undocumented (pngjs and others use it since Node
 * 4), so the documented call is the fallback.
 */
import { constants, createDeflateRaw, deflateRawSync } from 'node:zlib';
import { RunFinder } from './compressible.ts';
import { type DeflateEngine, store, storedLength, storeRange } from './deflate.ts';

/**
 * Deflates `input` into `output`, referring to nothing before it, up to a byte boundary and without a final block.
 *
 * @returns the bytes written; undefined when they do not fit.
 */
export type DeflateRun = (input: Uint8Array, output: Uint8Array) => number | undefined;

/** @param level zlib's, 1 to 9. */
export function makeDeflateRun(level: number): DeflateRun {
  return heldCompressor(level) ?? newCompressorEachTime(level);
}

interface Compressor {
  writeSync(
    flush: number,
    input: Uint8Array,
    inputOffset: number,
    inputLength: number,
    output: Uint8Array,
    outputOffset: number,
    outputLength: number,
  ): void;
  reset(): void;
}

interface Underneath {
  /** Null once the stream has failed. */
  readonly _handle?: Compressor | null;
  /** Bytes left of the output and of the input, after each write. */
  readonly _writeState?: Uint32Array;
}

/** One compressor for all runs; undefined when this Node has none of the known shape. */
export function heldCompressor(level: number): DeflateRun | undefined {
  const stream = createDeflateRaw({ level });
  const underneath = stream as unknown as Underneath;
  const left = underneath._writeState;
  const known = underneath._handle;
  if (typeof known?.writeSync !== 'function' || typeof known.reset !== 'function') return undefined;
  if (!(left instanceof Uint32Array) || left.length !== 2) return undefined;
  // An unhandled error would end the thread; the run is stored instead.
  stream.on('error', () => undefined);
  return (input, output) => {
    const handle = underneath._handle;
    // zlib takes empty buffers for an error, and a compressor that has failed must not be touched.
    if (!handle || input.length === 0 || output.length === 0) return undefined;
    // A full flush forgets what came before, so that the next run refers to nothing in this one.
    handle.writeSync(constants.Z_FULL_FLUSH, input, 0, input.length, output, 0, output.length);
    const [outputLeft = 0, inputLeft = 0] = left;
    if (outputLeft > 0 && inputLeft === 0) return output.length - outputLeft;
    underneath._handle?.reset();
    return undefined;
  };
}

export function newCompressorEachTime(level: number): DeflateRun {
  return (input, output) => {
    const deflated = deflateRawSync(input, { level, finishFlush: constants.Z_SYNC_FLUSH });
    if (deflated.length > output.length) return undefined;
    output.set(deflated);
    return deflated.length;
  };
}

/** An engine's `deflate`, made of what deflates one run. */
export function deflateRuns(deflateRun: DeflateRun): DeflateEngine['deflate'] {
  const finder = new RunFinder();
  const paddings = new Paddings(deflateRun);
  return (input, output) => {
    const bytes = Buffer.from(input.buffer, input.byteOffset, input.length);
    const room = storedLength(input.length);
    let at = 0;
    for (const { start, end, compressible, padding } of finder.find(input)) {
      const stored = storedLength(end - start);
      const limit = Math.min(room, at + stored - 1);
      let deflated: number | undefined;
      if (padding) deflated = paddings.put(end - start, output, at, limit);
      else if (compressible) deflated = deflateRun(bytes.subarray(start, end), output.subarray(at, limit));
      // Many short stored runs need more headers than one long one, for which the output is sized.
      if (deflated === undefined && at + stored > room) return store(input, output);
      at += deflated ?? storeRange(bytes, start, end, output, at);
    }
    return at;
  };
}

/**
 * What runs of zeros deflate to, made once for each length. A region file has one behind each chunk, for which the calls
 * took longer than the deflating.
 */
class Paddings {
  readonly #deflateRun: DeflateRun;
  readonly #deflated = new Map<number, Uint8Array>();

  constructor(deflateRun: DeflateRun) {
    this.#deflateRun = deflateRun;
  }

  /** @returns the bytes written; undefined when they do not fit. */
  put(length: number, output: Uint8Array, at: number, limit: number): number | undefined {
    const deflated = this.#deflated.get(length) ?? this.#make(length);
    if (deflated === undefined || at + deflated.length > limit) return undefined;
    // Byte by byte, because they are few.
    for (let index = 0; index < deflated.length; index++) output[at + index] = deflated[index] ?? 0;
    return deflated.length;
  }

  #make(length: number): Uint8Array | undefined {
    const room = new Uint8Array(storedLength(length));
    const written = this.#deflateRun(new Uint8Array(length), room);
    if (written === undefined) return undefined;
    const deflated = room.slice(0, written);
    this.#deflated.set(length, deflated);
    return deflated;
  }
}
