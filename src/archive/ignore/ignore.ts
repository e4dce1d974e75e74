/**
 * Decides which files of a server a backup leaves out, by lists in gitignore syntax that server owners write.
 *
 * For: backups (what to archive) and restores (what to leave alone). Promises: git's syntax, byte for byte and
 * case-sensitive (gitignore(5); `ignore-line.ts`, `glob.ts`); nothing that git would keep is left out; deciding a path
 * takes at most time in proportion to list times path. Never: reads a file (`ignore-file.ts` does).
 *
 * How a path is decided: lines are tried from the last to the first. A line matches when it matches the path or a
 * directory above it. The first match decides: with `!` the path is kept, otherwise ignored. Without a match it is
 * kept.
 *
 * One deliberate difference from git: git drops everything below an ignored directory, whatever later lines say, and a
 * `!` on a directory does not bring back its content. Here a later `!` always counts, for everything below it: `*` with
 * `!world/` (or `!world/**`) keeps the whole world, as in Wings and Docker. Keeping too much is safer than too little.
 *
 * What a directory's verdict means:
 * - kept: archived and walked.
 * - ignored: walked, and archived only as the parent of something kept below it.
 * - ignored and pruned: not walked, because nothing below it can be kept. A directory is pruned unless a `!` line after
 *   the deciding one can match below it: `!*.cfg` can match anywhere, `!keep/x` opens only `keep`.
 */
import { Failure } from '../../base/failure.ts';
import { printableText } from '../../base/files/paths.ts';
import { formatBytes } from '../../base/sizes.ts';
import type { ArchiveWarning, EntryKind } from '../entry.ts';
import { GlobAutomaton, type Member, type Positions } from './automaton.ts';
import { isBlankOrComment, parseIgnoreLine, type IgnoreLine } from './ignore-line.ts';
import { bytesOfLine, splitIgnoreText } from './ignore-text.ts';

/** The most lines of a list, without blank ones and comments. */
export const MAX_LINES = 4096;
/**
 * The most UTF-8 bytes of all these lines together, which bounds the work of matching; also the limit of an ignore
 * file.
 */
export const MAX_BYTES = 32 * 1024;
/** The most UTF-8 bytes of one line: the longest path on Linux. */
export const MAX_LINE_BYTES = 4096;

/** A skipped line that can match nothing. Code `ignore_line`, path ''. */
interface IgnoreWarning extends ArchiveWarning {
  /** From 1, counting blank lines and comments. */
  readonly line: number;
  readonly text: string;
}

interface Verdict {
  readonly ignored: boolean;
  /** Only for an ignored directory: nothing below it can be kept. */
  readonly prune: boolean;
}

/** The rules within one directory. Parents are already decided, so a name costs only its own bytes. */
export interface DirectoryRules {
  /** Decides a name in this directory. @param name a byte string. @param isDirectory false for a link to one. */
  child(name: string, isDirectory: boolean): Verdict;
  /** The rules inside a child directory, whatever its verdict. */
  enter(name: string): DirectoryRules;
}

export interface IgnoreRules {
  /** The lines in force, without blank ones and comments; stored with the backup, and compile to the same rules. */
  readonly lines: readonly string[];
  readonly warnings: readonly IgnoreWarning[];
  root(): DirectoryRules;
  /** Decides one path (a byte string). The root '' is always kept. */
  ignores(path: string, kind: EntryKind | 'other'): boolean;
  /** Words of the automata visited so far; at most `maxStepsPerByte` for each byte of a name. */
  readonly steps: number;
  readonly maxStepsPerByte: number;
}

/**
 * Reads a list of gitignore lines.
 *
 * @param given lines as text, matched by their UTF-8 bytes; an element that contains line feeds is several lines.
 * @throws Failure `invalid_request` when the list exceeds `MAX_LINES`, `MAX_BYTES` or `MAX_LINE_BYTES`.
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

/** A line of a request may still have its line end, or be several lines. */
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

/** For lines that are a plain name: the last that matches anything, and the last that matches a directory. */
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

  /**
   * The last line that matches a name in a directory, or -1. @param positions the positions after that directory's
   * path.
   */
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

  /** True when a `!` line after the deciding one can match something below the directory. */
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
  /** The last line that matches this directory or one above it, or -1: only a later line changes the verdict. */
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
