/**
 * Matches one byte string against many globs at once. All positions of all globs are bits of one vector, and one byte
 * moves them all together (the bit-parallel automaton known as extended Shift-And). There is no backtracking: a byte
 * costs at most `size` steps, one for each word of 32 positions, and a glob has about as many positions as bytes.
 *
 * Only words with a live position are visited. Most globs end at the first byte that differs, so usual lists are
 * cheap.
 */
import { SLASH, type Glob } from './glob.ts';

export interface Member {
  readonly glob: Glob;
  /** Number of its line; members are in line order. */
  readonly line: number;
  readonly directoryOnly: boolean;
  readonly negated: boolean;
}

/** The live positions after part of a path, as words of bits in ascending order; valid only for its own automaton. */
export interface Positions {
  readonly words: Int32Array;
  readonly bits: Int32Array;
}

const NONE: Positions = { words: new Int32Array(0), bits: new Int32Array(0) };

export class GlobAutomaton {
  /** The positions before the first byte. */
  readonly start: Positions;
  /** The most words that one byte can cost. */
  readonly size: number;
  /** Words visited so far, for tests and metrics. */
  steps = 0;

  /** At [b * size]: the positions entered by a step over byte b. */
  readonly #entered: Int32Array;
  readonly #loopsOverName: Int32Array;
  readonly #loopsOverSlash: Int32Array;
  readonly #optional: Int32Array;
  readonly #accepts: Int32Array;
  readonly #acceptsFile: Int32Array;
  readonly #negated: Int32Array;
  readonly #lines: Int32Array;

  // Two vectors that alternate: a word may wake its neighbour, so the next vector cannot overwrite the current one.
  #words: Int32Array;
  #bits: Int32Array;
  #count = 0;
  #nextWords: Int32Array;
  #nextBits: Int32Array;

  constructor(members: readonly Member[]) {
    const positions = members.reduce((sum, { glob }) => sum + glob.loops.length, 0);
    // One word more than the positions may need: what the last one carries over falls on a bit that nothing enters.
    const size = Math.floor(positions / 32) + 1;
    const vector = (): Int32Array => new Int32Array(size);
    this.size = size;
    this.#entered = new Int32Array(256 * size);
    this.#loopsOverName = vector();
    this.#loopsOverSlash = vector();
    this.#optional = vector();
    this.#accepts = vector();
    this.#acceptsFile = vector();
    this.#negated = vector();
    this.#lines = new Int32Array(size * 32);
    this.#words = vector();
    this.#bits = vector();
    this.#nextWords = vector();
    this.#nextBits = vector();
    const start = vector();
    let first = 0;
    for (const member of members) {
      this.#add(member, first, start);
      first += member.glob.loops.length;
    }
    start.forEach((bits, word) => this.#keep(word, bits));
    this.#turn();
    this.start = this.#snapshot();
  }

  /**
   * Reads a name from the positions after part of a path.
   *
   * @returns the highest line that matches, or -1.
   */
  match(from: Positions, name: string, isDirectory: boolean): number {
    this.#read(from, name);
    const accepts = isDirectory ? this.#accepts : this.#acceptsFile;
    return this.#highestLine(accepts);
  }

  /** The positions after a name and its slash, from which names in that directory are read. */
  enter(from: Positions, name: string): Positions {
    this.#read(from, name);
    this.#advance(SLASH);
    return this.#snapshot();
  }

  /** The highest negated line that can still match below this point of a path, or -1. */
  lastNegatedFrom(from: Positions): number {
    this.#load(from);
    return this.#highestLine(this.#negated);
  }

  #add({ glob, line, directoryOnly, negated }: Member, first: number, start: Int32Array): void {
    setBit(start, first);
    if (glob.optional.has(0)) setBit(start, first + 1);
    for (const [index, step] of glob.steps.entries()) this.#addStep(step, first + index + 1);
    for (const [index, loop] of glob.loops.entries()) {
      if (loop !== 'none') setBit(this.#loopsOverName, first + index);
      if (loop === 'any') setBit(this.#loopsOverSlash, first + index);
      if (negated) setBit(this.#negated, first + index);
      this.#lines[first + index] = line;
    }
    for (const index of glob.optional) setBit(this.#optional, first + index);
    const last = first + glob.steps.length;
    setBit(this.#accepts, last);
    if (!directoryOnly) setBit(this.#acceptsFile, last);
  }

  #addStep(step: number | Uint8Array, position: number): void {
    if (typeof step === 'number') setBit(this.#entered, step * this.size * 32 + position);
    else step.forEach((flag, byte) => flag === 1 && setBit(this.#entered, byte * this.size * 32 + position));
  }

  #read(from: Positions, name: string): void {
    this.#load(from);
    for (let at = 0; at < name.length && this.#count > 0; at++) this.#advance(name.charCodeAt(at));
  }

  /** One byte: a position with a step over it activates the next one, a position with a loop over it stays active. */
  #advance(byte: number): void {
    const { size } = this;
    const entered = byte * size;
    const loops = byte === SLASH ? this.#loopsOverSlash : this.#loopsOverName;
    const count = this.#count;
    const words = this.#words;
    let read = 0;
    let word = -1;
    // Bits that leave the word at its top: from a step (still to be checked against the byte), from an optional
    // position.
    let stepped = 0;
    let passed = 0;
    this.#count = 0;
    for (;;) {
      let live = 0;
      if (read < count && ((stepped | passed) === 0 || words[read] === word + 1)) {
        word = words[read] ?? 0;
        live = this.#bits[read++] ?? 0;
      } else if ((stepped | passed) === 0) {
        break;
      } else {
        word++;
      }
      const arrived = ((live << 1) | stepped) & (this.#entered[entered + word] ?? 0);
      const passable = (arrived | passed) & (this.#optional[word] ?? 0);
      this.#keep(word, arrived | passed | (passable << 1) | (live & (loops[word] ?? 0)));
      stepped = live >>> 31;
      passed = passable >>> 31;
      this.steps++;
    }
    this.#turn();
  }

  #keep(word: number, bits: number): void {
    if (bits === 0) return;
    this.#nextWords[this.#count] = word;
    this.#nextBits[this.#count++] = bits;
  }

  #turn(): void {
    [this.#words, this.#nextWords] = [this.#nextWords, this.#words];
    [this.#bits, this.#nextBits] = [this.#nextBits, this.#bits];
  }

  #load(from: Positions): void {
    this.#words.set(from.words);
    this.#bits.set(from.bits);
    this.#count = from.words.length;
  }

  #snapshot(): Positions {
    if (this.#count === 0) return NONE;
    return { words: this.#words.slice(0, this.#count), bits: this.#bits.slice(0, this.#count) };
  }

  #highestLine(mask: Int32Array): number {
    for (let index = this.#count - 1; index >= 0; index--) {
      const word = this.#words[index] ?? 0;
      const bits = (this.#bits[index] ?? 0) & (mask[word] ?? 0);
      if (bits !== 0) return this.#lines[word * 32 + 31 - Math.clz32(bits)] ?? -1;
    }
    return -1;
  }
}

function setBit(vector: Int32Array, position: number): void {
  const word = position >>> 5;
  vector[word] = (vector[word] ?? 0) | (1 << (position & 31));
}
