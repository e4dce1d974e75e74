/** What `--path` and `--glob` choose of an archive: names first, as in a restore through the daemon. */
import micromatch from 'micromatch';
import { openArchive } from '../../archive/archive.ts';
import type { OpenRequest } from '../../archive/contract.ts';
import type { ArchiveWarning } from '../../archive/entry.ts';
import { ExactNames } from '../../archive/select/exact-names.ts';
import { selectPaths } from '../../archive/select/selection.ts';
import { Failure } from '../../base/failure.ts';
import { toText, wirePath } from '../../base/files/paths.ts';
import { bytesOfArgument } from '../exact-arguments.ts';
import { MAX_NAME, MAX_PATH, requireBounded } from './glob-bound.ts';

export interface Choice {
  /** @param path a byte string. */
  readonly select: (path: string) => boolean;
  /** Call when every entry was asked for: `--path` arguments that chose nothing. */
  missing(): readonly ArchiveWarning[];
}

/**
 * Selects entries by paths and globs. Reads the names in the archive first: a path that it does not have counts as a glob.
 *
 * @param paths arguments of the command line.
 */
export async function chooseEntries(
  source: OpenRequest,
  { paths, globs }: { readonly paths: readonly string[]; readonly globs: readonly string[] },
  signal: AbortSignal,
): Promise<Choice> {
  const { found, missing } = await findNames(source, paths, signal);
  const exact = selectPaths(found);
  const tried = missing.map((path) => ({ path, matches: matchMissing(path) }));
  const patterns = matchGlobs(globs);
  const matched = new Set<string>();
  return {
    select(path) {
      for (const each of tried) if (each.matches(path)) matched.add(each.path);
      return exact.selects(path, 'other') || patterns(path) || tried.some((each) => each.matches(path));
    },
    missing: () => missing.filter((path) => !matched.has(path)).map(missingWarning),
  };
}

/** A path that the archive has not, as a glob; one that is refused as that chooses nothing, and is warned of. */
function matchMissing(path: string): (path: string) => boolean {
  try {
    return matchGlobs([path]);
  } catch (error) {
    if (error instanceof Failure && error.code === 'invalid_request') return () => false;
    throw error;
  }
}

async function findNames(source: OpenRequest, paths: readonly string[], signal: AbortSignal) {
  if (paths.length === 0) return { found: [], missing: [] };
  const names = new ExactNames(paths.map((path) => wirePath(bytesOfArgument(path))));
  const archive = await openArchive(source, signal);
  try {
    for await (const { path } of archive.entries(signal)) names.see(path);
  } finally {
    await archive.close();
  }
  return names.result();
}

function missingWarning(path: string): ArchiveWarning {
  const message = 'It was not unpacked: the archive has no such path';
  return { path: bytesOfArgument(path), code: 'not_in_backup', message };
}

/**
 * Selects the byte-string paths that an operator's globs match. Paths are matched as text, so that `?` is one letter of
 * any alphabet; a path that is not UTF-8 is matched byte by byte.
 *
 * A glob that matches a directory includes everything in it: `world` is `world/**`. A leading `./` or `/` and a
 * trailing slash are ignored. Paths longer than a Linux disk allows never match, because globs become regular expressions,
 * which take long over long names.
 *
 * @throws Failure `invalid_request` for a glob that could take very long over a name of an archive.
 */
export function matchGlobs(globs: readonly string[]): (path: string) => boolean {
  for (const glob of globs) requireBounded(glob);
  const matchers = globs.map((glob) => micromatch.matcher(bare(glob), { dot: true, nonegate: true }));
  const chosen = (path: string) => matchers.some((matches) => matches(path));
  return (bytes) => {
    if (bytes.length > MAX_PATH || bytes.split('/').some((name) => name.length > MAX_NAME)) return false;
    const path = toText(bytes) ?? bytes;
    for (let end = path.indexOf('/'); end !== -1; end = path.indexOf('/', end + 1)) {
      if (chosen(path.slice(0, end))) return true;
    }
    return chosen(path);
  };
}

function bare(glob: string): string {
  return glob.replace(/^(?:\.?\/+)+/, '').replace(/\/+$/, '');
}
