/**
 * One glob of an ignore list as git's wildmatch reads it, in a form that matches without backtracking: a row of
 * positions. A *step* leads to the next position by one byte of a set; a *loop* lets bytes pass without leaving a
 * position (stars); an *optional* position may be skipped on arrival (`**` with a slash).
 *
 * Source: gitignore(5), and where it is silent git's wildmatch.c and dir.c.
 */
import { parseBracket } from './bracket.ts';

export const SLASH = 0x2f;

/** The byte that a step takes, or a flag for each byte that it may take. */
type Step = number | Uint8Array;

/** The bytes that may pass at a position: none, all but the slash (`*`), all (`**`). */
type Loop = 'none' | 'name' | 'any';

const ANY_BUT_SLASH = new Uint8Array(256).fill(1);
ANY_BUT_SLASH[SLASH] = 0;

export class Glob {
  readonly steps: Step[] = [];
  /** One per position; there is one position more than steps, and the last is the end. */
  readonly loops: Loop[] = ['none'];
  readonly optional = new Set<number>();

  step(step: Step): void {
    this.steps.push(step);
    this.loops.push('none');
  }

  loop(loop: Loop): void {
    this.loops[this.steps.length] = loop;
  }

  /** `**` and a slash: nothing, or anything that ends in a slash. */
  directories(): void {
    // A second one right after the first adds nothing; this way no optional position follows another.
    if (this.optional.has(this.steps.length - 1)) return;
    this.optional.add(this.steps.length);
    this.loop('any');
    this.step(SLASH);
  }

  /**
   * A run of stars. Two or more are the deep form when they fill a path component, or when they are the line's first
   * special character: git compares a line's literal start by itself and passes the rest to wildmatch, so `foo**` +
   * `/bar` matches `foo/x/bar` and even `foobar`. gitignore(5) says otherwise, but users test lists with git.
   *
   * @returns the index after them.
   */
  stars(pattern: string, at: number, isPath: boolean, first: boolean): number {
    let end = at + 1;
    while (pattern[end] === '*') end++;
    const opens = first || pattern[at - 1] === '/';
    if (!isPath || end - at < 2 || !opens) {
      this.loop('name');
    } else if (end === pattern.length || pattern.startsWith('\\/', end)) {
      this.loop('any');
    } else if (pattern[end] === '/') {
      this.directories();
      return end + 1;
    } else {
      this.loop('name');
    }
    return end;
  }
}

/**
 * Reads a glob.
 *
 * @param pattern a byte string: a line without `!`, leading slash and trailing slash.
 * @param isPath true when it matches whole paths (the line has a slash), false for names.
 * @returns the glob, or the end of a sentence saying why nothing can match ("its bracket is not closed").
 */
export function parseGlob(pattern: string, isPath: boolean): Glob | string {
  const glob = new Glob();
  const firstSpecial = pattern.search(/[*?[\\]/);
  let at = 0;
  while (at < pattern.length) {
    const character = pattern[at];
    if (character === '*') {
      at = glob.stars(pattern, at, isPath, at === firstSpecial);
    } else if (character === '?') {
      glob.step(ANY_BUT_SLASH);
      at++;
    } else if (character === '[') {
      const bracket = parseBracket(pattern, at);
      if (typeof bracket === 'string') return bracket;
      glob.step(bracket.set);
      at = bracket.end;
    } else {
      if (character === '\\') at++;
      if (at === pattern.length) return 'it ends in a backslash';
      glob.step(pattern.charCodeAt(at));
      at++;
    }
  }
  return whyImpossible(glob) ?? glob;
}

/**
 * Finds well-formed globs that no path can match, so that the line's author learns of a slip such as `a//b` and such a
 * line keeps no directory from being pruned.
 */
function whyImpossible(glob: Glob): string | undefined {
  const { steps, loops, optional } = glob;
  if (steps.length === 0 && loops[0] === 'none') return 'it is empty';
  // True while a position is reached only where a name begins, where a slash would end an empty name.
  let nameBegins = true;
  for (const [index, step] of steps.entries()) {
    if (typeof step !== 'number' && !step.includes(1)) return 'a bracket in it matches no byte';
    if (step === SLASH && nameBegins && loops[index] === 'none') return 'it has a slash with no name before it';
    nameBegins = step === SLASH && (nameBegins || !optional.has(index));
  }
  return nameBegins && loops.at(-1) === 'none' ? 'it has a slash with no name behind it' : undefined;
}
