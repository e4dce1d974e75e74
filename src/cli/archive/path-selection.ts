/**
 * Which paths of an archive a list of globs means. The globs are the operator's own words on a command line, so
 * micromatch may read them.
 */
import micromatch from 'micromatch';
import { toText } from '../../base/paths.ts';

/**
 * The paths handed to the returned function are byte strings; they are matched as text, so that `?` is one letter in
 * any alphabet. A path that is no text is matched byte by byte.
 *
 * A glob that matches a directory takes everything in it: `world` is `world/**`. A leading `./` or `/` and a slash at
 * the end are passed over.
 */
export function selectPaths(globs: readonly string[]): (path: string) => boolean {
  const matchers = globs.map((glob) => micromatch.matcher(bare(glob), { dot: true, nonegate: true }));
  const chosen = (path: string) => matchers.some((matches) => matches(path));
  return (bytes) => {
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
