/** One line of an ignore list: what gitignore(5) says about comments, blanks, `!`, and the two places of a slash. */
import { parseGlob, type Glob } from './glob.ts';
import { bytesOfLine } from './ignore-text.ts';

export interface IgnoreLine {
  readonly negated: boolean;
  /** The line ended in a slash: it matches no file and no link. */
  readonly directoryOnly: boolean;
  /** What the glob is held against: a name at any depth, or the whole path from the root. */
  readonly against: 'name' | 'path';
  /** The name itself, when the glob is nothing but one. */
  readonly literal?: string;
  readonly glob: Glob;
}

/** A line that can match nothing. `why` is a sentence's end: "its bracket is not closed". */
export interface BadLine {
  readonly why: string;
}

/** True for what gitignore passes over: nothing but spaces, or a comment. */
export function isBlankOrComment(text: string): boolean {
  return text.startsWith('#') || withoutTrailingSpaces(text) === '';
}

/** Parses a line, without its line end, that is no comment and not blank. @returns a `BadLine` when it is unusable. */
export function parseIgnoreLine(text: string): IgnoreLine | BadLine {
  const bytes = bytesOfLine(withoutTrailingSpaces(text));
  if (bytes === undefined) return { why: 'it holds half a character' };
  if (bytes.includes('\0')) return { why: 'it holds a NUL byte' };
  const negated = bytes.startsWith('!');
  const directoryOnly = bytes.endsWith('/');
  const body = bytes.slice(negated ? 1 : 0, directoryOnly ? -1 : undefined);
  const { pattern, against } = anchor(body);
  if (HAS_DOT_COMPONENT.test(pattern) && !pattern.includes('[')) return { why: 'no name is "." or ".."' };
  const glob = parseGlob(pattern, against === 'path');
  if (typeof glob === 'string') return { why: glob };
  const line = { negated, directoryOnly, against, glob };
  return against === 'name' && !/[*?[\\]/.test(pattern) ? { ...line, literal: pattern } : line;
}

/**
 * A slash anywhere but at the end ties a line to the root, even one in a bracket or behind a backslash: so does git.
 * Two stars and a slash before a mere name say what the name says alone, which costs far less to match.
 */
function anchor(body: string): { pattern: string; against: 'name' | 'path' } {
  const path = body.startsWith('/') ? body.slice(1) : body;
  const name = path.replace(/^(?:\*\*+\/)+/, '');
  const anywhere = !body.includes('/') || (name !== path && !name.includes('/'));
  return anywhere ? { pattern: name, against: 'name' } : { pattern: path, against: 'path' };
}

// `./logs` is a common slip. Not after a star: a slash there may be passed over, so the dot need not stand alone.
const HAS_DOT_COMPONENT = /(?:^|[^*]\/)\.\.?(?:\/|$)/;

/** Without the spaces at the end, unless a backslash keeps the first of them. Tabs are no spaces. */
function withoutTrailingSpaces(text: string): string {
  let end = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === ' ') continue;
    // A backslash keeps what follows; one at the very end keeps the spaces before it, as it does for git.
    if (text[at] === '\\') at++;
    end = Math.min(at + 1, text.length);
  }
  return text.slice(0, end);
}
