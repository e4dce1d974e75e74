import { inspect } from 'node:util';

const SHOWN = '[secret]';

/**
 * A value that must not appear in logs, errors or JSON: implicit conversion to text gives `[secret]`. Only `reveal()`
 * returns it, which makes every use easy to find.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
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
