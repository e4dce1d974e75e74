/**
 * Paths that a caller spells exactly. A name means itself first, whatever characters it has; a directory means what is
 * below it. Nothing here reads a character of a path as a pattern.
 *
 * JSON and terminals carry text, and names are bytes. A path may therefore be spelt as its bytes are, or as Roost shows
 * it (base/files/paths.ts): whole or name by name, with `\xNN` for what is no text. The plain spelling goes first.
 */
import { fromText, isAscii, printable, toText, wirePath } from '../../base/files/paths.ts';

/** Byte strings that one spelling may stand for; names of an archive that look alike are the archive's to choose. */
const MAX_READINGS = 64;

/** What the spelt paths are in an archive. */
export interface FoundNames {
  /** Paths of the archive, as byte strings. */
  readonly found: readonly string[];
  /** Spellings that are no path of the archive, as they were given. */
  readonly missing: readonly string[];
}

/** The path without `./` or slashes at its ends, which no path of an archive has. */
export function trimmedPath(path: string): string {
  let start = 0;
  while (path[start] === '/' || path.startsWith('./', start)) start += path[start] === '/' ? 1 : 2;
  let end = path.length;
  while (end > start && path[end - 1] === '/') end--;
  return path.slice(start, end);
}

/** Looks for spelt paths among the paths of an archive, in one pass over them. */
export class ExactNames {
  readonly #asked: readonly string[];
  /** From a spelling's bytes, and from what its escapes stand for, to the numbers of the asked paths. */
  readonly #plain = new Map<string, number[]>();
  readonly #unescaped = new Map<string, number[]>();
  readonly #found = new Set<string>();
  readonly #readings = new Map<number, Set<string>>();
  #lastParent = '';

  /** @param asked paths as text. */
  constructor(asked: readonly string[]) {
    this.#asked = asked;
    for (const [index, text] of asked.entries()) {
      const plain = trimmedPath(fromText(text));
      addTo(this.#plain, plain, index);
      const unescaped = plain.replace(/\\x([0-9a-f]{2})/g, (_, digits: string) =>
        String.fromCharCode(Number.parseInt(digits, 16)),
      );
      if (plain.includes('\\')) addTo(this.#unescaped, unescaped, index);
    }
  }

  /** Call it for each path of the archive, a byte string. Its parent directories count as paths of the archive too. */
  see(path: string): void {
    this.#look(path);
    const parent = path.slice(0, Math.max(0, path.lastIndexOf('/')));
    if (parent === '' || parent === this.#lastParent) return;
    this.#lastParent = parent;
    for (let end = parent.length; end !== -1; end = parent.lastIndexOf('/', end - 1)) this.#look(parent.slice(0, end));
  }

  /** Call when all paths were seen. */
  result(): FoundNames {
    const found = new Set<string>();
    const missing: string[] = [];
    for (const [index, text] of this.#asked.entries()) {
      const plain = trimmedPath(fromText(text));
      const readings = this.#found.has(plain) ? [plain] : [...(this.#readings.get(index) ?? [])];
      if (readings.length === 0) missing.push(text);
      for (const path of readings) found.add(path);
    }
    return { found: [...found], missing };
  }

  #look(path: string): void {
    if (this.#plain.has(path)) this.#found.add(path);
    if (this.#unescaped.size === 0) return;
    this.#read(path, this.#unescaped.get(path));
    for (const shown of shownForms(path)) this.#read(path, this.#plain.get(shown));
  }

  #read(path: string, asked: readonly number[] = []): void {
    for (const index of asked) {
      const readings = this.#readings.get(index) ?? new Set();
      if (readings.size < MAX_READINGS) this.#readings.set(index, readings.add(path));
    }
  }
}

/** How Roost shows a path where that is not its own bytes. */
function shownForms(path: string): string[] {
  const forms = isAscii(path) || toText(path) !== undefined ? [] : [wirePath(path), namesShown(path)];
  return [...forms, printable(path)].map(fromText).filter((form) => form !== path);
}

function namesShown(path: string): string {
  return path.split('/').map(wirePath).join('/');
}

function addTo(map: Map<string, number[]>, key: string, index: number): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [index]);
  else list.push(index);
}
