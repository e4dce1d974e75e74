/**
 * One glob of an ignore list, read as git's wildmatch reads it, into a form that can be matched without ever going
 * back: a row of positions. A *step* leads from a position to the next by one byte of a set; a *loop* lets bytes pass
 * without leaving a position (the stars); an *optional* position may be passed over on arrival (`**` with a slash).
 *
 * Source of the rules: gitignore(5), and where it is silent git's wildmatch.c and dir.c.
 */
import { parseBracket } from './bracket.ts';

export const SLASH = 0x2f;

/** What a step consumes: this byte, or any byte whose flag is set. */
type Step = number | Uint8Array;

/** The bytes that may pass at a position: none, all but the slash (`*`), all (`**`). */
type Loop = 'none' | 'name' | 'any';

const ANY_BUT_SLASH = new Uint8Array(256).fill(1);
ANY_BUT_SLASH[SLASH] = 0;

export class Glob {
  readonly steps: Step[] = [];
  /** One for each position; there is one position more than steps, the last is the end. */
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
    // A second one right behind the first adds nothing; without it no optional position follows another.
    if (this.optional.has(this.steps.length - 1)) return;
    this.optional.add(this.steps.length);
    this.loop('any');
    this.step(SLASH);
  }

  /**
   * A run of stars. Two or more that fill a component are the deep form. They also count as filling it when they are
   * the first special character of the line, whatever stands before them: git compares the literal start of a line by
   * itself and hands wildmatch the rest, so that `foo**` + `/bar` matches `foo/x/bar` and even `foobar`. gitignore(5)
   * says otherwise; what git does is what people have tested their lists with.
   *
   * @returns where the pattern goes on.
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
 * @param pattern a byte string: a line without its `!`, its leading slash and its trailing slash.
 * @param isPath true when it is matched against whole paths (the line has a slash), false against names.
 * @returns the glob, or a sentence's end that says why it can match nothing ("its bracket is not closed").
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
 * What no path can match although it is well formed. Knowing it keeps `mayMatchBelow` of the automaton tight, and the
 * writer of the line learns of a slip such as `a//b`.
 */
function whyImpossible(glob: Glob): string | undefined {
  const { steps, loops, optional } = glob;
  if (steps.length === 0 && loops[0] === 'none') return 'it is empty';
  // True while a position is reached only where a name begins: a slash there would be a name without a byte.
  let nameBegins = true;
  for (const [index, step] of steps.entries()) {
    if (typeof step !== 'number' && !step.includes(1)) return 'a bracket in it matches no byte';
    if (step === SLASH && nameBegins && loops[index] === 'none') return 'it has a slash with no name before it';
    nameBegins = step === SLASH && (nameBegins || !optional.has(index));
  }
  return nameBegins && loops.at(-1) === 'none' ? 'it has a slash with no name behind it' : undefined;
}
