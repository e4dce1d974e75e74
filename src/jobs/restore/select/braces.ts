/**
 * Braces of a glob: lists `{a,b}` and ranges `{1..9}`, `{01..12..2}`, `{a..f}`, nested and in a row, as a shell expands
 * them. Other braces, such as `{a}` and `{1e9..2}`, are plain characters.
 *
 * Callers write these, so the number of results is known before one of them is made: reading takes time in proportion to
 * the text, and counting is arithmetic.
 */
import { Failure } from '../../../base/failure.ts';
import { printableText } from '../../../base/files/paths.ts';

/** Braces within braces. */
const MAX_NESTED = 32;

/** A glob in pieces: each is text, or alternatives of which each is a glob in pieces. */
type Pieces = readonly (string | Alternatives)[];

type Alternatives = { readonly list: readonly Pieces[] } | { readonly range: Range };

interface Range {
  readonly from: number;
  readonly step: number;
  readonly count: number;
  readonly show: (value: number) => string;
}

/**
 * @param most the number of results that are allowed.
 * @returns each result once for each way to it, in the order of a shell.
 * @throws Failure `invalid_request` when there are more, or braces are nested too deeply.
 */
export function expandBraces(glob: string, most: number): string[] {
  if (!glob.includes('{')) return [glob];
  const pieces = new Reader(glob).read();
  if (countOf(pieces) > most) throw tooMany(glob, `stand for more than ${most} globs`);
  return resultsOf(pieces);
}

function countOf(pieces: Pieces): number {
  let product = 1;
  for (const piece of pieces) {
    if (typeof piece === 'string') continue;
    product *= 'range' in piece ? piece.range.count : piece.list.reduce((sum, each) => sum + countOf(each), 0);
  }
  return product;
}

function resultsOf(pieces: Pieces): string[] {
  let results = [''];
  for (const piece of pieces) {
    const ways = typeof piece === 'string' ? [piece] : waysOf(piece);
    results = results.flatMap((start) => ways.map((way) => start + way));
  }
  return results;
}

function waysOf(alternatives: Alternatives): string[] {
  if ('list' in alternatives) return alternatives.list.flatMap(resultsOf);
  const { from, step, count, show } = alternatives.range;
  return Array.from({ length: count }, (_, index) => show(from + index * step));
}

/** Reads a glob from left to right, once. A backslash takes the next character out of the syntax, and stays. */
class Reader {
  readonly #glob: string;
  /** For each `{` the index of its `}`, where it has one. */
  readonly #ends = new Map<number, number>();
  /** For each `{` with an end, the indices of its own commas. */
  readonly #commas = new Map<number, number[]>();

  constructor(glob: string) {
    this.#glob = glob;
    const open: { readonly at: number; readonly commas: number[] }[] = [];
    for (let at = 0; at < glob.length; at++) {
      const character = glob[at];
      if (character === '\\') at++;
      else if (character === '{') open.push({ at, commas: [] });
      else if (character === ',') open.at(-1)?.commas.push(at);
      else if (character === '}') {
        const group = open.pop();
        if (group === undefined) continue;
        this.#ends.set(group.at, at);
        this.#commas.set(group.at, group.commas);
      }
      if (open.length > MAX_NESTED) throw tooMany(glob, `are nested more than ${MAX_NESTED} deep`);
    }
  }

  read(from = 0, to = this.#glob.length): Pieces {
    const pieces: (string | Alternatives)[] = [];
    let textFrom = from;
    for (let at = from; at < to; at++) {
      if (this.#glob[at] === '\\') at++;
      const end = this.#glob[at] === '{' ? this.#ends.get(at) : undefined;
      if (end === undefined) continue;
      const alternatives = this.#alternatives(at, end);
      if (alternatives === undefined) continue;
      pieces.push(this.#glob.slice(textFrom, at), alternatives);
      textFrom = end + 1;
      at = end;
    }
    return [...pieces, this.#glob.slice(textFrom, to)];
  }

  #alternatives(open: number, end: number): Alternatives | undefined {
    const commas = this.#commas.get(open) ?? [];
    if (commas.length === 0) {
      const range = rangeOf(this.#glob.slice(open + 1, end));
      return range === undefined ? undefined : { range };
    }
    const starts = [open, ...commas];
    return { list: starts.map((start, index) => this.read(start + 1, commas[index] ?? end)) };
  }
}

const NUMBERS = /^(-?\d{1,9})\.\.(-?\d{1,9})(?:\.\.(-?\d{1,9}))?$/;
// Of one case: between Z and a lie brackets and a backslash.
const LETTERS = /^(?:([a-z])\.\.([a-z])|([A-Z])\.\.([A-Z]))(?:\.\.(-?\d{1,9}))?$/;

function rangeOf(text: string): Range | undefined {
  const [, first = '', last = '', step] = NUMBERS.exec(text) ?? [];
  if (first !== '') {
    const padded = [first, last].some((number) => /^-?0\d/.test(number));
    const width = padded ? Math.max(first.length, last.length) : 0;
    return counted(Number(first), Number(last), step, (value) => shownNumber(value, width));
  }
  const letters = LETTERS.exec(text);
  if (letters === null) return undefined;
  const [, small, smallEnd, capital = small, capitalEnd = smallEnd, each] = letters;
  const [from = 0, to = 0] = [capital?.charCodeAt(0), capitalEnd?.charCodeAt(0)];
  return counted(from, to, each, (value) => String.fromCharCode(value));
}

function counted(from: number, to: number, step: string | undefined, show: Range['show']): Range {
  const size = Math.abs(Number(step ?? 1)) || 1;
  return { from, step: to < from ? -size : size, count: Math.floor(Math.abs(to - from) / size) + 1, show };
}

/** As a shell pads: the width includes the sign. */
function shownNumber(value: number, width: number): string {
  const digits = String(Math.abs(value)).padStart(value < 0 ? width - 1 : width, '0');
  return value < 0 ? `-${digits}` : digits;
}

function tooMany(glob: string, state: string): Failure {
  return new Failure(
    'invalid_request',
    `Cannot use the globs: the braces of "${printableText(glob.slice(0, 80))}" ${state}`,
  );
}
