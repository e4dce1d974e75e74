import { inspect } from 'node:util';

const SHOWN = '[secret]';

/**
 * A value that must not appear in logs, errors or JSON: implicit conversion to text gives `[secret]`. Only `reveal()`
 * returns it, which makes every use easy to find.
 */
export class Secret {
  #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  /** Takes another one's value, for those who hold this one: a file behind the config was renewed. */
  renew(from: Secret): void {
    this.#value = from.#value;
  }

  toString(): string {
    return SHOWN;
  }

  toJSON(): string {
    return SHOWN;
  }

  [inspect.custom](): string {
    return SHOWN;
  }
}
