/**
 * Refuses globs that can take very long over the names in an archive, which strangers choose. micromatch makes regular
 * expressions of globs; those backtrack, and nothing interrupts one that runs, Ctrl-C included.
 */
import { Failure } from '../../base/failure.ts';
import { printableText } from '../../base/files/paths.ts';

/** Bytes of a path and of a name in it on Linux: PATH_MAX and NAME_MAX (limits.h). */
export const [MAX_PATH, MAX_NAME] = [4096, 255];

const MAX_LENGTH = 1024;
/** For the worst path: some seconds. */
const MAX_TRIES = 1e9;

/** @throws Failure `invalid_request`, with what is too much. */
export function requireBounded(glob: string): void {
  if (glob.length > MAX_LENGTH) throw refused(glob, `it has ${glob.length} characters, ${MAX_LENGTH} are allowed`);
  // Escaped characters and brackets match one character each, however they are written.
  const plain = glob.replace(/\\./gs, '.').replace(/\[[^\]]*\]/g, '.');
  if (/[*+]\([^)]*[*+(]/.test(plain)) throw refused(glob, 'it repeats what is repeated already');
  if (tries(plain) > MAX_TRIES) throw refused(glob, 'it has too many stars');
}

/** About how many characters the regular expression of a glob tries on the worst path. */
function tries(glob: string): number {
  const names = glob.replace(/\/+$/, '').split('/');
  const deep = names.filter((name, at) => name === '**' && at < names.length - 1).length;
  // Each star multiplies the ways to split a name, except the last star, which runs to the end.
  const splits = names.map((name) => Math.max(0, (name.match(/\*+|\+\(/g)?.length ?? 0) - 1));
  const inNames = splits.reduce((product, count) => product * choices(MAX_NAME, count), 1);
  // Many directories have short names, and long names leave room for few directories.
  const directories = inNames === 1 ? MAX_PATH / 4 : MAX_PATH / (MAX_NAME + 1);
  return inNames * directories ** deep * MAX_NAME;
}

/** Ways to choose so many of `from`. */
function choices(from: number, count: number): number {
  let ways = 1;
  for (let at = 0; at < count; at++) ways = (ways * (from - at)) / (at + 1);
  return ways;
}

function refused(glob: string, state: string): Failure {
  const shown = printableText(glob.length > 80 ? `${glob.slice(0, 80)}…` : glob);
  return new Failure('invalid_request', `Cannot use the glob "${shown}": ${state}`, {
    hint: 'Write several simpler globs.',
  });
}
