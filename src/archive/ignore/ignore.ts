/**
 * Which files of a server a backup leaves out: lists in gitignore syntax, written by strangers.
 *
 * Promises: the syntax is git's, byte for byte (gitignore(5); `ignore-line.ts`, `ignore-glob.ts`), with case; nothing
 * that git would keep is left out; deciding a path takes time in proportion to list times path at worst, whatever the
 * list. It never reads a file: `ignore-file.ts` does.
 *
 * How a path is decided. The lines are gone over from the last to the first. A line matches the path when it matches
 * the path itself or one of the directories above it. The first line that matches decides: with `!` the path is kept,
 * else ignored. When no line matches, it is kept.
 *
 * This differs from git in one way, on purpose. To git, what lies below an ignored directory is lost, whatever a later
 * line says; and a directory brought back by `!` does not bring back its content. Here a later `!` always counts, and
 * for all that is below it: `*` with `!world/` (or `!world/**`) keeps the whole world. That is also how Wings and
 * Docker read such lists, and a backup had better keep too much than too little.
 *
 * What a directory's own verdict means:
 * - kept: it is archived, and looked into.
 * - ignored: it is archived only if something below it is kept, as the parent of that, and looked into for that reason.
 * - ignored and pruned: nothing below it can be kept; it is not looked into. A directory is pruned unless a `!` line
 *   behind the one that decided can still match below it. `!*.cfg` can match anywhere; a `!` line with a slash inside
 *   is followed name by name, so that `!keep/x` opens `keep` and nothing else.
 */
import { Failure } from '../../base/failure.ts';
import { printableText } from '../../base/paths.ts';
import { formatBytes } from '../../base/sizes.ts';
import type { ArchiveWarning, EntryKind } from '../entry.ts';
import { GlobAutomaton, type Member, type Positions } from './automaton.ts';
import { isBlankOrComment, parseIgnoreLine, type IgnoreLine } from './ignore-line.ts';
import { bytesOfLine, splitIgnoreText } from './ignore-text.ts';

/** Lines that a list may have, without blank ones and comments. */
export const MAX_LINES = 4096;
/** UTF-8 bytes that all these lines may have together; what bounds the work of matching. An ignore file has no more. */
export const MAX_BYTES = 32 * 1024;
/** UTF-8 bytes that one line may have: as long as Linux lets a path be. */
export const MAX_LINE_BYTES = 4096;

/** A line that can match nothing; it is passed over. Code `ignore_line`, path ''. */
interface IgnoreWarning extends ArchiveWarning {
  /** Counted from 1, blank lines and comments included. */
  readonly line: number;
  readonly text: string;
}

interface Verdict {
  readonly ignored: boolean;
  /** Only for an ignored directory: nothing below it can be kept. */
  readonly prune: boolean;
}

/** The rules as they stand in one directory. Parents are decided already: a name costs no more than its own bytes. */
export interface DirectoryRules {
  /** Decides a name in this directory. @param name a byte string. @param isDirectory false for a link to one, too. */
  child(name: string, isDirectory: boolean): Verdict;
  /** The rules inside a directory of this directory, whatever its verdict. */
  enter(name: string): DirectoryRules;
}

export interface IgnoreRules {
  /** The lines in force, without blank ones and comments: what is stored with the backup, and compiles to the same. */
  readonly lines: readonly string[];
  readonly warnings: readonly IgnoreWarning[];
  /** For a walk: the rules in the server's root. */
  root(): DirectoryRules;
  /** Decides one path (a byte string) from scratch. '' is the root, which is always kept. */
  ignores(path: string, kind: EntryKind | 'other'): boolean;
  /** Work done so far, in words of the automata; at most `maxStepsPerByte` for each byte of a name. */
  readonly steps: number;
  readonly maxStepsPerByte: number;
}

/**
 * Reads a list of gitignore lines.
 *
 * @param given lines as text, matched by their UTF-8 bytes; an element with line feeds in it counts as several lines.
 * @throws Failure `invalid_request` when the list is over `MAX_LINES`, `MAX_BYTES` or `MAX_LINE_BYTES`.
 */
export function compileIgnore(given: readonly string[]): IgnoreRules {
  const lines: string[] = [];
  const parsed: IgnoreLine[] = [];
  const warnings: IgnoreWarning[] = [];
  const caps = new Caps();
  for (const [index, text] of given.flatMap(splitLine).entries()) {
    if (isBlankOrComment(text)) continue;
    caps.count(text, index + 1);
    lines.push(text);
    const line = parseIgnoreLine(text);
    if ('why' in line) warnings.push(warningOf(index + 1, text, line.why));
    else parsed.push(line);
  }
  return new CompiledList(lines, warnings, parsed);
}

/** A line of a request, which may still carry its line end, or be several. */
function splitLine(text: string): readonly string[] {
  return /[\r\n]/.test(text) ? splitIgnoreText(text) : [text];
}

class Caps {
  #lines = 0;
  #bytes = 0;

  count(text: string, number: number): void {
    const bytes = bytesOfLine(text)?.length ?? Buffer.byteLength(text);
    this.#lines++;
    this.#bytes += bytes;
    if (bytes > MAX_LINE_BYTES) throw tooLong(`line ${number} has ${bytes} bytes, ${MAX_LINE_BYTES} are allowed`);
    if (this.#lines > MAX_LINES) throw tooLong(`it has more than ${MAX_LINES} lines`);
    if (this.#bytes > MAX_BYTES) throw tooLong(`its lines have more than ${formatBytes(MAX_BYTES)} together`);
  }
}

function tooLong(state: string): Failure {
  return new Failure('invalid_request', `Cannot use the ignore list: ${state}`, {
    hint: 'Say it in fewer lines: a directory (cache/) or a pattern (*.log) covers many files at once.',
  });
}

function warningOf(line: number, text: string, why: string): IgnoreWarning {
  const shown = printableText(text.length > 80 ? `${text.slice(0, 80)}…` : text);
  const message = `Line ${line} of the ignore list matches nothing, ${why}: ${shown}`;
  return { path: '', code: 'ignore_line', line, text, message };
}

const KEPT: Verdict = { ignored: false, prune: false };
const IGNORED: Verdict = { ignored: true, prune: false };
const PRUNED: Verdict = { ignored: true, prune: true };

/** Lines that are a plain name, by that name: the last that matches anything, the last that matches a directory. */
interface LiteralLines {
  any: number;
  directory: number;
}

class CompiledList implements IgnoreRules {
  readonly lines: readonly string[];
  readonly warnings: readonly IgnoreWarning[];
  readonly #parsed: readonly IgnoreLine[];
  readonly #literals = new Map<string, LiteralLines>();
  readonly #names: GlobAutomaton;
  readonly #paths: GlobAutomaton;
  /** The last `!` line that can match a name at any depth. */
  readonly #lastNegatedName: number;

  constructor(lines: readonly string[], warnings: readonly IgnoreWarning[], parsed: readonly IgnoreLine[]) {
    this.lines = lines;
    this.warnings = warnings;
    this.#parsed = parsed;
    const names: Member[] = [];
    const paths: Member[] = [];
    for (const [line, { glob, directoryOnly, negated, against, literal }] of parsed.entries()) {
      if (literal !== undefined) this.#addLiteral(literal, line, directoryOnly);
      else (against === 'name' ? names : paths).push({ glob, line, directoryOnly, negated });
    }
    this.#names = new GlobAutomaton(names);
    this.#paths = new GlobAutomaton(paths);
    this.#lastNegatedName = parsed.findLastIndex(({ negated, against }) => negated && against === 'name');
  }

  get steps(): number {
    return this.#names.steps + this.#paths.steps;
  }

  get maxStepsPerByte(): number {
    return this.#names.size + this.#paths.size;
  }

  root(): DirectoryRules {
    return new Directory(this, -1, this.#paths.start);
  }

  ignores(path: string, kind: EntryKind | 'other'): boolean {
    if (path === '') return false;
    const names = path.split('/');
    const last = names.pop() ?? '';
    let rules = this.root();
    for (const name of names) rules = rules.enter(name);
    return rules.child(last, kind === 'directory').ignored;
  }

  /** The last line that matches a name in a directory, or -1. @param positions where that directory's path led. */
  lastMatch(positions: Positions, name: string, isDirectory: boolean): number {
    const literal = this.#literals.get(name);
    return Math.max(
      literal === undefined ? -1 : isDirectory ? literal.directory : literal.any,
      this.#names.match(this.#names.start, name, isDirectory),
      this.#paths.match(positions, name, isDirectory),
    );
  }

  positionsIn(positions: Positions, name: string): Positions {
    return this.#paths.enter(positions, name);
  }

  isIgnoring(line: number): boolean {
    return this.#parsed[line]?.negated === false;
  }

  /** True when a `!` line behind the one that decided a directory can match something below it. */
  mayKeepBelow(decider: number, positions: Positions): boolean {
    return this.#lastNegatedName > decider || this.#paths.lastNegatedFrom(positions) > decider;
  }

  #addLiteral(name: string, line: number, directoryOnly: boolean): void {
    const lines = this.#literals.get(name) ?? { any: -1, directory: -1 };
    lines.directory = line;
    if (!directoryOnly) lines.any = line;
    this.#literals.set(name, lines);
  }
}

class Directory implements DirectoryRules {
  readonly #list: CompiledList;
  /** The last line that matches this directory or one above it, or -1: only a later one changes the verdict. */
  readonly #decider: number;
  readonly #positions: Positions;

  constructor(list: CompiledList, decider: number, positions: Positions) {
    this.#list = list;
    this.#decider = decider;
    this.#positions = positions;
  }

  child(name: string, isDirectory: boolean): Verdict {
    const decider = this.#deciderOf(name, isDirectory);
    if (!this.#list.isIgnoring(decider)) return KEPT;
    if (!isDirectory) return IGNORED;
    return this.#list.mayKeepBelow(decider, this.#list.positionsIn(this.#positions, name)) ? IGNORED : PRUNED;
  }

  enter(name: string): DirectoryRules {
    return new Directory(this.#list, this.#deciderOf(name, true), this.#list.positionsIn(this.#positions, name));
  }

  #deciderOf(name: string, isDirectory: boolean): number {
    return Math.max(this.#decider, this.#list.lastMatch(this.#positions, name, isDirectory));
  }
}
