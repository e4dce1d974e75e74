/**
 * The globs that select what a restore brings back, as API callers write them.
 *
 * Globs mean what they mean to micromatch with `dot`; a glob that matches a directory selects everything below it.
 * micromatch only expands braces, whose number is bounded first: its regular expressions take exponential time on
 * patterns such as `*a*a*a*a*b`, and patterns and names are untrusted. The expanded globs become gitignore lines anchored
 * at the root, which the ignore automaton matches in linear time.
 */
import micromatch from 'micromatch';
import { compileIgnore, type DirectoryRules } from '../../archive/ignore/ignore.ts';
import type { EntryKind } from '../../archive/entry.ts';
import { Failure } from '../../base/failure.ts';
import { printableText } from '../../base/paths.ts';

const MAX_GLOBS = 100;
const MAX_LENGTH = 1024;
/** Globs after brace expansion. */
const MAX_EXPANDED = 1000;

export interface PathSelection {
  /** @param path a byte string. */
  selects(path: string, kind: EntryKind | 'other'): boolean;
  /** For a walk: `ignored` means the name is selected, `prune` means everything below it is. */
  root(): DirectoryRules;
}

/**
 * @throws Failure `invalid_request` for too many globs, one that is too long, empty, extended such as `!(a|b)`, or that
 * leads out of the server.
 */
export function compilePaths(globs: readonly string[]): PathSelection {
  if (globs.length === 0) throw refused('it is empty', 'Leave `paths` out to restore everything.');
  if (globs.length > MAX_GLOBS) throw refused(`it has ${globs.length} globs, ${MAX_GLOBS} are allowed`);
  const expanded = globs.flatMap(expand);
  if (expanded.length > MAX_EXPANDED) throw refused(`its braces stand for more than ${MAX_EXPANDED} globs`);
  const positive = expanded.filter((glob) => !glob.startsWith('!'));
  const negative = expanded.filter((glob) => glob.startsWith('!'));
  // As in micromatch, exclusions win in any order, and exclusions alone mean everything else.
  const lines = [...(positive.length === 0 ? ['**'] : positive).map(lineOf), ...negative.map(negatedLineOf)];
  const rules = compileIgnore(lines);
  const [faulty] = rules.warnings;
  if (faulty !== undefined) throw refused(`${printableText(faulty.text.slice(1, 80))} matches nothing`);
  return { selects: (path, kind) => rules.ignores(path, kind), root: () => rules.root() };
}

/**
 * A restore that selects nothing is a mistake; with `truncate` it would only delete.
 *
 * @throws Failure `path_not_found` when the globs select no entry of the archive.
 */
export function requireMatch(selection: PathSelection | undefined, entries: number): void {
  if (selection === undefined || entries > 0) return;
  throw new Failure('path_not_found', 'Cannot restore: nothing in the backup matches the given paths', {
    hint: 'Paths begin at the root of the server; ** stands for any directories, so **/level.dat finds it anywhere.',
  });
}

function expand(glob: string): string[] {
  const shown = printableText(glob.slice(0, 80));
  if (glob.length > MAX_LENGTH) throw refused(`"${shown}…" has ${glob.length} characters, ${MAX_LENGTH} are allowed`);
  if (/[\0\r\n]/.test(glob)) throw refused(`"${shown}" has a line end or a NUL in it`);
  if (/(^|[^\\])[@?+*!]\(/.test(glob)) {
    throw refused(`"${shown}" is an extended glob`, 'Write several globs, or {a,b}; a literal bracket is written \\(.');
  }
  if (!glob.includes('{')) return [glob];
  if (alternatives(glob) > MAX_EXPANDED) throw refused(`the braces of "${shown}" stand for too many globs`);
  return micromatch.braces(glob, { expand: true, keepEscaping: true, rangeLimit: MAX_EXPANDED });
}

/** An upper bound of what braces expand to: the product of the groups, each range counted in full. */
function alternatives(glob: string): number {
  let product = 1;
  for (const group of glob.split('{').slice(1)) {
    const range = /(-?\d+)\.\.(-?\d+)/.exec(group);
    const numbers = range === null ? 0 : Math.abs(Number(range[2]) - Number(range[1]));
    const letters = range === null && group.includes('..') ? 26 * 2 : 0;
    product *= 1 + group.split(',').length + numbers + letters;
  }
  return product;
}

function negatedLineOf(glob: string): string {
  return `!${lineOf(glob.slice(1))}`;
}

/** The glob as a gitignore line anchored at the root. */
function lineOf(glob: string): string {
  const path = glob.replace(/^(\.?\/+)+/, '').replace(/\/+$/, '');
  if (path.split('/').includes('..')) throw refused(`"${printableText(glob)}" leads out of the server`);
  if (path === '' || path === '.') throw refused(`"${printableText(glob)}" names nothing`, 'Write ** for everything.');
  // `a/**` is the directory `a` with everything below it, as is a match of `a/`.
  const directory = path.replace(/(\/\*\*)+$/, '');
  if (directory !== path) return directory === '**' ? '/**' : `/${directory}/`;
  // git drops trailing blanks unless each is escaped.
  return `/${path.replace(/ +$/, (blanks) => '\\ '.repeat(blanks.length))}`;
}

function refused(state: string, hint?: string): Failure {
  return new Failure('invalid_request', `Cannot use the list of paths: ${state}`, hint === undefined ? {} : { hint });
}
