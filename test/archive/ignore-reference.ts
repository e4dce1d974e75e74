/**
 * Slow and plainly right models to hold the ignore rules against: git's wildmatch, transcribed branch by branch (it
 * backtracks, so only small inputs), and the two ways to combine lines: git's, and Roost's as ignore.ts defines it.
 */
export interface ReferenceLine {
  readonly negated: boolean;
  /** True when the line matches this very path, parents left aside. */
  readonly matches: (path: string, isDirectory: boolean) => boolean;
}

const SPECIAL = '*?[\\';

/** dir.c: parse_path_pattern and last_matching_pattern_from_list, for one line that is neither blank nor a comment. */
function referenceLine(text: string): ReferenceLine {
  let pattern = trimTrailingSpaces(text);
  const negated = pattern.startsWith('!');
  if (negated) pattern = pattern.slice(1);
  const mustBeDirectory = pattern.endsWith('/');
  if (mustBeDirectory) pattern = pattern.slice(0, -1);
  const hasSlash = pattern.includes('/');
  return {
    negated,
    matches(path, isDirectory) {
      if (mustBeDirectory && !isDirectory) return false;
      return hasSlash ? matchPath(pattern, path) : wildmatch(pattern, path.slice(path.lastIndexOf('/') + 1), false);
    },
  };
}

/** A list; blank lines and comments match nothing. */
export function referenceLines(lines: readonly string[]): ReferenceLine[] {
  return lines.map((line) => (/^(#| *$)/.test(line) ? { negated: false, matches: () => false } : referenceLine(line)));
}

function matchPath(given: string, path: string): boolean {
  const pattern = given.startsWith('/') ? given.slice(1) : given;
  let literal = 0;
  while (literal < pattern.length && !SPECIAL.includes(pattern.charAt(literal))) literal++;
  if (!path.startsWith(pattern.slice(0, literal))) return false;
  return wildmatch(pattern.slice(literal), path.slice(literal), true);
}

function trimTrailingSpaces(text: string): string {
  let firstSpace = -1;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === ' ') {
      if (firstSpace < 0) firstSpace = at;
      continue;
    }
    if (text[at] === '\\' && ++at >= text.length) return text;
    firstSpace = -1;
  }
  return firstSpace < 0 ? text : text.slice(0, firstSpace);
}

const CLASSES: Readonly<Record<string, RegExp>> = {
  alnum: /[0-9A-Za-z]/,
  alpha: /[A-Za-z]/,
  blank: /[ \t]/,
  // oxlint-disable-next-line no-control-regex -- the class of control characters
  cntrl: /[\x00-\x1f\x7f]/,
  digit: /\d/,
  graph: /[\x21-\x7e]/,
  lower: /[a-z]/,
  print: /[\x20-\x7e]/,
  punct: /[\x21-\x2f\x3a-\x40\x5b-\x60\x7b-\x7e]/,
  space: /[ \t\n\r]/,
  upper: /[A-Z]/,
  xdigit: /[0-9A-Fa-f]/,
};

/** wildmatch.c: dowild, with WM_PATHNAME or without. */
function wildmatch(pattern: string, text: string, pathname: boolean): boolean {
  let p = 0;
  let t = 0;
  for (; p < pattern.length; p++, t++) {
    const c = pattern[p];
    if (t >= text.length && c !== '*') return false;
    if (c === '\\') {
      p++;
      if (p >= pattern.length || text[t] !== pattern[p]) return false;
    } else if (c === '?') {
      if (pathname && text[t] === '/') return false;
    } else if (c === '*') {
      return star(pattern, p, text, t, pathname);
    } else if (c === '[') {
      const bracket = matchBracket(pattern, p, text.charCodeAt(t));
      if (bracket === undefined || !bracket.matched || (pathname && text[t] === '/')) return false;
      p = bracket.close;
    } else if (text[t] !== c) return false;
  }
  return t >= text.length;
}

function star(pattern: string, start: number, text: string, at: number, pathname: boolean): boolean {
  let p = start;
  while (pattern[p] === '*') p++;
  let matchSlash = !pathname;
  if (pathname && p - start > 1) {
    const opens = start === 0 || pattern[start - 1] === '/';
    const closes = p === pattern.length || pattern[p] === '/' || pattern.startsWith('\\/', p);
    if (opens && closes) {
      if (pattern[p] === '/' && wildmatch(pattern.slice(p + 1), text.slice(at), pathname)) return true;
      matchSlash = true;
    }
  }
  const rest = pattern.slice(p);
  for (let t = at; t <= text.length; t++) {
    if (wildmatch(rest, text.slice(t), pathname)) return true;
    if (!matchSlash && text[t] === '/') return false;
  }
  return false;
}

function matchBracket(pattern: string, open: number, byte: number): { matched: boolean; close: number } | undefined {
  let p = open + 1;
  const negated = pattern[p] === '!' || pattern[p] === '^';
  if (negated) p++;
  let previous = 0;
  let matched = false;
  do {
    let c = pattern.charCodeAt(p);
    if (p >= pattern.length) return undefined;
    if (pattern[p] === '\\') {
      if (++p >= pattern.length) return undefined;
      c = pattern.charCodeAt(p);
      if (c === byte) matched = true;
    } else if (pattern[p] === '-' && previous !== 0 && p + 1 < pattern.length && pattern[p + 1] !== ']') {
      if (pattern[++p] === '\\' && ++p >= pattern.length) return undefined;
      if (byte >= previous && byte <= pattern.charCodeAt(p)) matched = true;
      c = 0;
    } else if (pattern.startsWith('[:', p)) {
      const name = p + 2;
      const close = pattern.indexOf(']', name);
      if (close < 0) return undefined;
      if (close - name - 1 < 0 || pattern[close - 1] !== ':') {
        if (byte === 0x5b) matched = true;
      } else {
        const members = CLASSES[pattern.slice(name, close - 1)];
        if (members === undefined) return undefined;
        if (byte < 0x80 && members.test(String.fromCharCode(byte))) matched = true;
        p = close;
        c = 0;
      }
    } else if (c === byte) matched = true;
    previous = c;
    p++;
  } while (pattern[p] !== ']');
  return { matched: matched !== negated, close: p };
}

/** The path's parents from the top down, then the path. */
export function prefixesOf(path: string): string[] {
  return path.split('/').map((_, index, names) => names.slice(0, index + 1).join('/'));
}

/** git: the last line that matches decides each level; below an excluded directory nothing else is looked at. */
export function gitDecider(lines: readonly ReferenceLine[], path: string, isDirectory: boolean): number {
  let decider = -1;
  for (const prefix of prefixesOf(path)) {
    decider = lines.findLastIndex((line) => line.matches(prefix, prefix !== path || isDirectory));
    if (lines[decider]?.negated === false) return decider;
  }
  return decider;
}

/** Roost: the last line that matches the path or one of its parents. */
export function roostDecider(lines: readonly ReferenceLine[], path: string, isDirectory: boolean): number {
  return lines.findLastIndex((line) =>
    prefixesOf(path).some((prefix) => line.matches(prefix, prefix !== path || isDirectory)),
  );
}

/**
 * Where git and Roost must agree: unless the line that decides here is a `!` line while git has, for the path or one
 * of its parents, a plain line as the last that matches that very level.
 */
export function definitionsAgree(lines: readonly ReferenceLine[], path: string, isDirectory: boolean): boolean {
  if (lines[roostDecider(lines, path, isDirectory)]?.negated !== true) return true;
  return !prefixesOf(path).some((prefix) => {
    const last = lines.findLast((line) => line.matches(prefix, prefix !== path || isDirectory));
    return last?.negated === false;
  });
}
