/**
 * The patterns that select what a restore brings back, as API callers write them.
 *
 * Globs mean what they mean to micromatch with `dot`; a glob that matches a directory selects everything below it.
 * Braces are expanded first, counted before they are (braces.ts); the results become gitignore lines anchored at the root,
 * which the ignore automaton matches without backtracking. Names and globs are both untrusted, so matching also has a
 * budget of steps.
 */
import { compileIgnore, type DirectoryRules, type IgnoreRules } from '../../../archive/ignore/ignore.ts';
import type { PathSelection, SelectionRules } from '../../../archive/select/selection.ts';
import { asFailure, Failure } from '../../../base/failure.ts';
import { printableText } from '../../../base/files/paths.ts';
import { expandBraces } from './braces.ts';

export const MAX_GLOBS = 100;
const MAX_LENGTH = 1024;
/** Globs after brace expansion, of a whole list. */
export const MAX_EXPANDED = 1000;

/**
 * Steps of the automaton that a list may take: a fixed number, and so many for each byte of a name. A hundred usual globs
 * take less than 60 for a byte.
 */
const FREE_STEPS = 20_000_000;
const STEPS_PER_BYTE = 128;

export interface GlobSelection extends PathSelection {
  /** Steps taken so far. */
  readonly steps: number;
}

/**
 * @param globs with `!` before it a glob excludes; exclusions win in any order, and alone mean everything else.
 * @throws Failure `invalid_request` for too many globs, one that is too long, empty, extended such as `!(a|b)`, or that
 *   leads out of the server. What it returns throws the same when matching takes too many steps.
 */
export function compileGlobs(globs: readonly string[]): GlobSelection {
  if (globs.length === 0) throw refused('it is empty', 'Leave `globs` out to restore everything.');
  if (globs.length > MAX_GLOBS) throw refused(`it has ${globs.length} globs, ${MAX_GLOBS} are allowed`);
  const expanded: string[] = [];
  for (const glob of globs) expanded.push(...expand(glob, MAX_EXPANDED - expanded.length));
  const positive = expanded.filter((glob) => !glob.startsWith('!'));
  const negative = expanded.filter((glob) => glob.startsWith('!'));
  const lines = [...(positive.length === 0 ? ['**'] : positive).map(lineOf), ...negative.map(negatedLineOf)];
  return compileLines(lines);
}

/**
 * Reads a path as a glob, for a path that the backup does not have; `!` is an ordinary character in it.
 *
 * @returns the lines for `compileLines`; undefined when it has no wildcard, or is no usable glob.
 */
export function linesOfPath(path: string): string[] | undefined {
  if (!/[*?[{]/.test(path)) return undefined;
  try {
    const lines = expand(path, MAX_EXPANDED).map(lineOf);
    compileLines(lines);
    return lines;
  } catch (error) {
    if (error instanceof Failure && error.code === 'invalid_request') return undefined;
    throw error;
  }
}

/** Compiles globs that a caller sent. @throws Failure `invalid_request` for one that can match nothing. */
export function compileLines(lines: readonly string[]): GlobSelection {
  const rules = compiled(lines);
  const [faulty] = rules.warnings;
  if (faulty !== undefined) throw refused(`${printableText(faulty.text.slice(1, 80))} matches nothing`);
  return new CountedGlobs(rules);
}

class CountedGlobs implements GlobSelection {
  readonly #rules: IgnoreRules;
  #allowed = FREE_STEPS;

  constructor(rules: IgnoreRules) {
    this.#rules = rules;
  }

  get steps(): number {
    return this.#rules.steps;
  }

  selects(path: string, kind: Parameters<PathSelection['selects']>[1]): boolean {
    this.#count(path);
    return this.#rules.ignores(path, kind);
  }

  root(): SelectionRules {
    return this.#in(this.#rules.root());
  }

  #in(directory: DirectoryRules): SelectionRules {
    return {
      child: (name, isDirectory) => {
        this.#count(name);
        const { ignored, prune } = directory.child(name, isDirectory);
        return { selected: ignored, below: ignored && prune ? 'all' : 'some' };
      },
      enter: (name) => {
        this.#count(name);
        return this.#in(directory.enter(name));
      },
    };
  }

  #count(name: string): void {
    this.#allowed += STEPS_PER_BYTE * name.length;
    if (this.#rules.steps > this.#allowed) {
      throw refused('they take too long to match', 'Use fewer of them, or fewer stars.');
    }
  }
}

function compiled(lines: readonly string[]): IgnoreRules {
  try {
    return compileIgnore(lines);
  } catch (error) {
    const { message } = asFailure(error, 'Cannot read the globs');
    throw refused(message.replace(/^[^:]*: /, ''), 'Say it in fewer or shorter globs.');
  }
}

function expand(glob: string, most: number): string[] {
  const shown = printableText(glob.slice(0, 80));
  if (glob.length > MAX_LENGTH) throw refused(`"${shown}…" has ${glob.length} characters, ${MAX_LENGTH} are allowed`);
  if (/[\0\r\n]/.test(glob)) throw refused(`"${shown}" has a line end or a NUL in it`);
  if (/(^|[^\\])[@?+*!]\(/.test(glob)) {
    throw refused(`"${shown}" is an extended glob`, 'Write several globs, or {a,b}; a literal bracket is written \\(.');
  }
  return expandBraces(glob, most);
}

function negatedLineOf(glob: string): string {
  return `!${lineOf(glob.slice(1))}`;
}

/** The glob as a gitignore line anchored at the root. */
function lineOf(glob: string): string {
  const path = glob.replace(/^(?:\.?\/+)+/, '').replace(/(?<!\/)\/+$/, '');
  if (path.split('/').includes('..')) throw refused(`"${printableText(glob)}" leads out of the server`);
  if (path === '' || path === '.') throw refused(`"${printableText(glob)}" names nothing`, 'Write ** for everything.');
  // `a/**` is the directory `a` with everything below it, as is a match of `a/`.
  const directory = path.replace(/(?<!\/\*\*)(?:\/\*\*)+$/, '');
  if (directory !== path) return directory === '**' ? '/**' : `/${directory}/`;
  // git drops trailing blanks unless each is escaped.
  return `/${path.replace(/(?<! ) +$/, (blanks) => '\\ '.repeat(blanks.length))}`;
}

function refused(state: string, hint?: string): Failure {
  return new Failure('invalid_request', `Cannot use the globs: ${state}`, hint === undefined ? {} : { hint });
}
