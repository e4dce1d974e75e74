/**
 * The limits of newer Pterodactyl daemons for a list of ignored files, in their words, which its panel shows.
 *
 * Source: pterodactyl/wings server/filesystem/ignore.go (6ea8fd5e and later).
 */
import { Failure } from '../../../base/failure.ts';

const MOST_KIBIBYTES = 32;
const MOST_PATTERNS = 256;
const MOST_WILDCARDS = 16;

/** @throws Failure `invalid_request` with the first limit that is exceeded. */
export function requireWithinLimits(ignore: string): void {
  if (Buffer.byteLength(ignore) > MOST_KIBIBYTES * 1024) {
    throw refused(`The ignored files list may not be larger than ${MOST_KIBIBYTES} KiB.`);
  }
  let patterns = 0;
  for (const [index, line] of ignore.split('\n').entries()) {
    if (!isPattern(line)) continue;
    patterns++;
    if (patterns > MOST_PATTERNS) {
      throw refused(`The ignored files list may not contain more than ${MOST_PATTERNS} patterns.`);
    }
    if (wildcardsIn(line) > MOST_WILDCARDS) {
      const where = `pattern on line ${index + 1}`;
      throw refused(`The ignored files ${where} may not contain more than ${MOST_WILDCARDS} wildcards.`);
    }
  }
}

function isPattern(line: string): boolean {
  return !line.startsWith('#') && /[^ \r]/.test(line);
}

/** Stars that no backslash escapes. */
function wildcardsIn(line: string): number {
  let count = 0;
  for (let at = 0; at < line.length; at++) {
    if (line[at] === '\\') at++;
    else if (line[at] === '*') count++;
  }
  return count;
}

function refused(sentence: string): Failure {
  return new Failure('invalid_request', sentence);
}
