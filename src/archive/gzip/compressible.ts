/**
 * Guesses which bytes deflate can shrink, at a fraction of the cost of trying. Game servers hold mostly compressed data
 * (region files, jars, pictures), at which both engines are slowest.
 */

/** Region files keep their compressed chunks in sectors of this size. */
const BLOCK = 4096;
/**
 * Samples every thirteenth byte of a block, and every third of a block's start. Odd, because every eighth would sample
 * only the lowest bytes of an array of 64-bit numbers.
 *
 * `chance` is the one that two samples are equal, above which bytes look compressible: 1 in 256 of random bytes, 1 in 25
 * of text. By the 316 samples of a block random bytes stay within 1 in 200, by the 86 of the shortest start within 1 in
 * 140.
 */
const LOOK = { block: { stride: 13, chance: 1 / 190 }, start: { stride: 3, chance: 1 / 138 } };
type Look = (typeof LOOK)['block'];
/** After this many samples, clearly compressible bytes need no more. */
const FIRST_LOOK = 64;
const CLEARLY_COMPRESSIBLE = 1 / 50;
/** Fewer zeros at the end of a block are not worth a run of their own, nor are fewer bytes before them. */
const LEAST_ZEROS = 64;
const LEAST_START = 256;

/** Consecutive bytes of one kind. */
export interface Run {
  readonly start: number;
  end: number;
  readonly compressible: boolean;
  /** The zeros behind a chunk, and nothing else: the same bytes as every run of this length. */
  padding: boolean;
}

/**
 * Splits input into runs of whole blocks, except for the zeros that pad the last sector of a chunk. A wrong guess costs
 * only bytes or time.
 */
export class RunFinder {
  readonly #counts = new Uint16Array(256);

  find(input: Uint8Array): Run[] {
    const found: Run[] = [];
    let last: Run | undefined;
    const add = (start: number, end: number, compressible: boolean, padding: boolean): void => {
      if (last?.compressible === compressible) {
        last.end = end;
        last.padding = false;
      } else {
        last = { start, end, compressible, padding };
        found.push(last);
      }
    };
    const zeros = new ZeroScan(input);
    for (let start = 0; start < input.length; start += BLOCK) {
      const end = Math.min(start + BLOCK, input.length);
      if (end - start === BLOCK && !this.#looks(input, start, end, LOOK.block)) {
        add(start, end, false, false);
        continue;
      }
      const padding = this.#startOfPadding(input, zeros, start, end);
      if (padding > start) add(start, padding, false, false);
      add(padding, end, true, padding > start);
    }
    return found;
  }

  /** True when samples of these bytes look compressible. */
  #looks(input: Uint8Array, start: number, end: number, { stride, chance }: Look): boolean {
    const counts = this.#counts.fill(0);
    const first = start + FIRST_LOOK * stride;
    let equalPairs = 0;
    for (let index = start; index < end; index += stride) {
      if (index === first && equalPairs > CLEARLY_COMPRESSIBLE * pairsOf(FIRST_LOOK)) return true;
      const byte = input[index] ?? 0;
      const before = counts[byte] ?? 0;
      equalPairs += before;
      counts[byte] = before + 1;
    }
    return equalPairs > chance * pairsOf(Math.ceil((end - start) / stride));
  }

  /**
   * Where the zeros begin that follow incompressible bytes in a block; `start` when it is no such block. Each chunk of a
   * region file ends in one, and to build codes for its random half took zlib longer than all the rest of the file.
   */
  #startOfPadding(input: Uint8Array, zeros: ZeroScan, start: number, end: number): number {
    const padding = zeros.startBefore(start, end);
    if (end - padding < LEAST_ZEROS || padding - start < LEAST_START) return start;
    return this.#looks(input, start, padding, LOOK.start) ? start : padding;
  }
}

/** Finds the zeros at the end of a range, four bytes at a time: byte by byte they took longer than all looks. */
class ZeroScan {
  readonly #bytes: Uint8Array;
  readonly #words: Int32Array;
  /** Of the first whole word in the bytes. */
  readonly #aligned: number;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#aligned = -bytes.byteOffset & 3;
    const words = Math.max(0, bytes.length - this.#aligned) >>> 2;
    this.#words =
      words === 0 ? new Int32Array(0) : new Int32Array(bytes.buffer, bytes.byteOffset + this.#aligned, words);
  }

  /** @returns where the zeros before `end` begin, `end` when there are none; not before `start`. */
  startBefore(start: number, end: number): number {
    const [bytes, words, aligned] = [this.#bytes, this.#words, this.#aligned];
    let at = end;
    while (at > start && ((at - aligned) & 3) !== 0 && bytes[at - 1] === 0) at--;
    if (((at - aligned) & 3) === 0) {
      while (at - 4 >= start && at - 4 >= aligned && words[((at - aligned) >>> 2) - 1] === 0) at -= 4;
    }
    while (at > start && bytes[at - 1] === 0) at--;
    return at;
  }
}

function pairsOf(samples: number): number {
  return (samples * (samples - 1)) / 2;
}
