/**
 * A bracket of an ignore line (`[a-z]`, `[!0-9]`, `[[:alpha:]_]`) as git's wildmatch.c reads it: over bytes, ASCII in
 * any locale. A leading `]` is literal, `\` escapes, and no bracket matches a slash.
 */
const CLASSES: Readonly<Record<string, RegExp>> = {
  alnum: /[0-9A-Za-z]/,
  alpha: /[A-Za-z]/,
  blank: /[ \t]/,
  // oxlint-disable-next-line no-control-regex -- the class of control characters
  cntrl: /[\x00-\x1f\x7f]/,
  digit: /[0-9]/,
  graph: /[!-~]/,
  lower: /[a-z]/,
  print: /[ -~]/,
  punct: /[!-/:-@[-`{-~]/,
  // As git's own isspace: without the vertical tab and form feed of C's.
  space: /[ \t\n\r]/,
  upper: /[A-Z]/,
  xdigit: /[0-9A-Fa-f]/,
};

const NOT_CLOSED = 'its bracket is not closed';

/**
 * Reads a bracket.
 *
 * @param start the index of its `[`.
 * @returns a flag for each of the 256 bytes and the index after the bracket, or the end of a sentence saying what is
 *   wrong.
 */
export function parseBracket(pattern: string, start: number): { set: Uint8Array; end: number } | string {
  const set = new Uint8Array(256);
  let at = start + 1;
  const negated = pattern[at] === '!' || pattern[at] === '^';
  if (negated) at++;
  // The previous byte, where a `-` would start a range from it.
  let previous: number | undefined;
  let close = -1;
  for (const first = at; at === first || pattern[at] !== ']'; at++) {
    if (at >= pattern.length) return NOT_CLOSED;
    if (pattern.startsWith('[:', at)) {
      // Search once for all class names: a line with a thousand `[:` must not be searched a thousand times.
      if (close < at + 2) close = pattern.indexOf(']', at + 2);
      if (close === -1) return NOT_CLOSED;
      if (close > at + 2 && pattern[close - 1] === ':') {
        const name = pattern.slice(at + 2, close - 1);
        const members = Object.hasOwn(CLASSES, name) ? CLASSES[name] : undefined;
        if (members === undefined) return 'its bracket names no class that exists';
        addClass(set, members);
        previous = undefined;
        at = close;
        continue;
      }
    }
    const isRange = pattern[at] === '-' && previous !== undefined && at + 1 < pattern.length && pattern[at + 1] !== ']';
    if (isRange) at++;
    if (pattern[at] === '\\') at++;
    if (at >= pattern.length) return NOT_CLOSED;
    const byte = pattern.charCodeAt(at);
    if (isRange) set.fill(1, previous, Math.max(previous ?? 0, byte + 1));
    else set[byte] = 1;
    previous = isRange ? undefined : byte;
  }
  return { set: withoutSlash(negated ? set.map((flag) => 1 - flag) : set), end: at + 1 };
}

function addClass(set: Uint8Array, members: RegExp): void {
  for (let byte = 0; byte < 0x80; byte++) if (members.test(String.fromCharCode(byte))) set[byte] = 1;
}

/** Removes slash and NUL, which no name contains: a set that is empty then can match nothing. */
function withoutSlash(set: Uint8Array): Uint8Array {
  set[0] = 0;
  set[0x2f] = 0;
  return set;
}
