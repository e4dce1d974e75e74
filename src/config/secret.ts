import { inspect } from 'node:util';

const SHOWN = '[secret]';

/**
 * A value that must not appear in logs, errors or JSON. Everything that turns it into text by itself gets `[secret]`;
 * only `reveal()` gives the value, so that each place that uses one can be found.
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
