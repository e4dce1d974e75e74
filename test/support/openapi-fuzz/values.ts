/** Values that a schema asks for, mixed with such as no schema does. */

export type Pick = (below: number) => number;

export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
}

const PATHS = ['../../etc/passwd', '..', '.', '/', 'w', 'w/1', 'w//1', 'w/1/', '%00', '\\x41', '\0', '\n', '\r\nx: y'];
const PATTERNS = ['{9..1}', '**', '[', '{a,b}{c,d}', '!x'];
const TEXTS = ['', ' ', 'a'.repeat(5000), '💣', '\ud800', '\u202e', '\u009b31m', "' OR 1=1 --", '${7*7}'];
const OTHERS = ['-1', '0', '1e400', 'null', '__proto__', 'constructor', '00000000-0000-0000-0000-000000000000'];
const WORDS = [...PATHS, ...PATTERNS, ...TEXTS, ...OTHERS];
const NUMBERS = [0, -1, 1, 5, 0.5, 1.5, 2 ** 53, -(2 ** 63), 1e18, 1e308, 1e-320];
const KEYS = ['__proto__', 'constructor', 'toString', 'x', 'truncate', 'paths', 'id', 'locked', 'name', 'ignore'];
const DEEPEST = 4;

export class Values {
  readonly #pick: Pick;
  readonly #schemas: Readonly<Record<string, Schema>>;
  /** Of the daemon at hand, such as the ids of backups. */
  known: readonly string[] = [];

  constructor(pick: Pick, schemas: Readonly<Record<string, Schema>>) {
    this.#pick = pick;
    this.#schemas = schemas;
  }

  word(): string {
    return this.#one([...WORDS, ...this.known, ...this.known.map((word) => word.toUpperCase())]);
  }

  /** Mostly what the schema asks for. */
  of(schema: Schema, depth = 0): unknown {
    if (this.#pick(100) < 15) return this.any(depth);
    const { type, enum: names, items = {}, properties = {} } = this.#resolved(schema);
    if (names !== undefined) return this.#one(names);
    const either = schema.anyOf ?? schema.oneOf;
    if (either !== undefined) return this.of(this.#one(either), depth);
    switch (typeof type === 'object' ? this.#one(type) : type) {
      case 'object':
        return this.#object(properties, depth);
      case 'array':
        return Array.from({ length: this.#one([0, 1, 2, 4]) }, () => this.of(items, depth + 1));
      case 'boolean':
        return this.#pick(2) === 0;
      case 'integer':
      case 'number':
        return this.#one(NUMBERS);
      case 'string':
        return this.word();
      case 'null':
        return null;
      case undefined:
      default:
        return this.any(depth);
    }
  }

  any(depth: number): unknown {
    const what = this.#pick(100);
    if (what < 45 || depth > DEEPEST) return this.word();
    if (what < 55) return this.#one(NUMBERS);
    if (what < 65) return this.#one([true, false, null]);
    if (what < 82) return Array.from({ length: this.#one([0, 1, 2, 5, 50]) }, () => this.any(depth + 1));
    return Object.fromEntries(
      Array.from({ length: this.#one([0, 1, 3]) }, () => [this.#one([...KEYS, ...WORDS]), this.any(depth + 1)]),
    );
  }

  #object(properties: Readonly<Record<string, Schema>>, depth: number): unknown {
    const chosen = Object.entries(properties).filter(() => this.#pick(10) < 6);
    const more = this.#pick(10) === 0 ? [[this.#one(KEYS), this.any(depth + 1)] as const] : [];
    return Object.fromEntries([...chosen.map(([key, schema]) => [key, this.of(schema, depth + 1)] as const), ...more]);
  }

  #resolved(schema: Schema): Schema {
    const name = schema.$ref?.split('/').at(-1);
    return name === undefined ? schema : this.#resolved(this.#schemas[name] ?? {});
  }

  #one<Value>(values: readonly Value[]): Value {
    return values[this.#pick(values.length)] as Value;
  }
}
