/** The parsed YAML with the position of each key, for fault messages. */
import {
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  type YAMLError,
} from 'yaml';

interface Position {
  readonly line: number;
  readonly column: number;
}

export interface Fault extends Position {
  readonly file: string;
  /** Such as `tokens[0].secret`; '' for the file as a whole. */
  readonly key: string;
  readonly problem: string;
  readonly hint?: string;
}

export type KeyPath = readonly (string | number)[];

export interface ConfigDocument {
  /** Plain values; keys without a value are left out. */
  readonly content: unknown;
  /** YAML syntax faults; `content` is meaningless when there are any. */
  readonly faults: readonly Fault[];
  /** The position of a key, or of its nearest parent in the file. */
  placeOf(path: KeyPath): Position;
}

const QUOTE_HINT = 'Values that hold { } [ ] : # or $ go in quotes.';

export function readDocument(file: string, text: string): ConfigDocument {
  const counter = new LineCounter();
  // yaml's pretty messages quote the line, which may hold a secret.
  const document = parseDocument(text, { lineCounter: counter, prettyErrors: false });
  const placeAt = (offset: number): Position => {
    const { line, col } = counter.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const found = [...document.errors, ...document.warnings].map((error): Fault => {
    const { line, column } = placeAt(error.pos[0]);
    const { problem, hint } = explain(error, text);
    const fault = { file, line, column, key: '', problem };
    return hint === undefined ? fault : Object.assign(fault, { hint });
  });
  // The first of a line; what follows on it comes of the first.
  const faults = found.filter((fault, at) => found.findIndex(({ line }) => line === fault.line) === at);
  const placeOf = (path: KeyPath): Position => placeAt(offsetOf(document, path));
  if (faults.length > 0) return { content: undefined, faults, placeOf };
  try {
    return { content: withoutNulls(document.toJS()), faults, placeOf };
  } catch (error) {
    // Aliases that exceed yaml's limit or refer to themselves.
    const problem = `is not valid YAML: ${error instanceof Error ? error.message : String(error)}`;
    return { content: undefined, faults: [{ file, line: 1, column: 1, key: '', problem }], placeOf };
  }
}

/** Never quotes the file, which may hold a secret, but for a key. */
function explain({ code, message, pos }: YAMLError, text: string): Pick<Fault, 'problem' | 'hint'> {
  const key = code === 'DUPLICATE_KEY' ? /^["']?([\w.-]{1,64})["']? *:/.exec(text.slice(pos[0], pos[0] + 80)) : null;
  if (key?.[1] !== undefined) return { problem: `has the key "${key[1]}" twice in one section` };
  const problem = `is not valid YAML: ${message}`;
  if (code === 'TAB_AS_INDENT') return { problem, hint: 'Indent with spaces.' };
  return { problem, hint: QUOTE_HINT };
}

export function keyText(path: KeyPath): string {
  return path
    .map((key) => (typeof key === 'number' ? `[${key}]` : `.${key}`))
    .join('')
    .replace(/^\./, '');
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== 'object' || value === null) return value;
  const fields = Object.entries(value).filter(([, field]) => field !== null);
  return Object.fromEntries(fields.map(([name, field]) => [name, withoutNulls(field)]));
}

function offsetOf(document: Document.Parsed, path: KeyPath): number {
  let node: unknown = document.contents;
  let offset = 0;
  for (const key of path) {
    const next = childOf(resolved(document, node), key);
    if (next === undefined) break;
    offset = startOf(isPair(next) ? next.key : next) ?? offset;
    node = isPair(next) ? next.value : next;
  }
  return offset;
}

function childOf(node: unknown, key: string | number): Pair | Node | undefined {
  if (isSeq(node) && typeof key === 'number') return node.items[key] as Node | undefined;
  if (!isMap(node)) return undefined;
  return node.items.find((pair) => isScalar(pair.key) && String(pair.key.value) === String(key));
}

function resolved(document: Document.Parsed, node: unknown): unknown {
  return isAlias(node) ? node.resolve(document) : node;
}

function startOf(node: unknown): number | undefined {
  return (node as Node | null)?.range?.[0];
}
