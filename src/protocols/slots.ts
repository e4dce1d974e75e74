/** Counts what is open by name, so that one client cannot hold all connections, files and memory. */
export class Slots {
  readonly #taken = new Map<string, number>();
  readonly #most: number;
  #inAll = 0;

  /** @param most slots of all names together. */
  constructor(most = Number.POSITIVE_INFINITY) {
    this.#most = most;
  }

  /** @returns what releases the slot, safe to call twice; undefined when `name` has `most` already, or all are taken. */
  take(name: string, most: number): (() => void) | undefined {
    const count = this.#taken.get(name) ?? 0;
    if (count >= most || this.#inAll >= this.#most) return undefined;
    this.#taken.set(name, count + 1);
    this.#inAll++;
    let released = false;
    return () => {
      if (released) return;
      released = true;
      this.#inAll--;
      const left = (this.#taken.get(name) ?? 1) - 1;
      if (left === 0) this.#taken.delete(name);
      else this.#taken.set(name, left);
    };
  }
}
