/** Deterministic noise: the same seed gives the same tree on every machine, so that runs can be compared. */
export class Random {
  #state: number;

  constructor(seed: number) {
    // xorshift never leaves 0.
    this.#state = seed >>> 0 || 1;
  }

  /** A whole number from 0 to 2^32 - 1 (xorshift32, Marsaglia 2003). */
  next(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x >>> 0;
    return this.#state;
  }

  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + (this.next() % (high - low + 1));
  }

  pick<Item>(items: readonly Item[]): Item {
    return items.at(this.next() % items.length) as Item;
  }

  /** Bytes that no compressor makes smaller. */
  bytes(length: number): Buffer {
    const words = new Uint32Array(Math.ceil(length / 4));
    for (let at = 0; at < words.length; at++) words[at] = this.next();
    return Buffer.from(words.buffer, 0, length);
  }
}
